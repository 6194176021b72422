"""The frames that are painted, on disk: what a film is made of, and a painting goes on from."""

import io
import json
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from common.pictures.encode import encoded_png
from common.sentences import Sentence
from engine.painting import PaintSettingsError, Report

_FORMAT = 1
_HEAD = "painted.json"
_DATE = (1980, 1, 1, 0, 0, 0)


class PaintedFrames:
    """Frames in a folder, one after the other; memory holds none of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, frame: Image.Image) -> None:
        """One more; an OSError where there is no room."""
        self._path(self._count).write_bytes(encoded_png(frame))
        self._count += 1

    def frame(self, number: int) -> Image.Image:
        """One of them, from 0."""
        with Image.open(self._path(number), formats=("PNG",)) as image:
            image.load()
        return image

    def checkpoint(self, fingerprint: str, report: Report) -> bytes:
        """All frames as one ZIP that is not compressed, and what there is to be told of them."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            head = {
                "format": _FORMAT,
                "clip": fingerprint,
                "frames": self._count,
                "report": asdict(replace(report, losses=())),
            }
            archive.writestr(zipfile.ZipInfo(_HEAD, _DATE), json.dumps(head))
            for number in range(self._count):
                name = self._path(number).name
                archive.writestr(zipfile.ZipInfo(name, _DATE), self._path(number).read_bytes())
        return file.getvalue()

    def take(self, data: bytes, fingerprint: str) -> Report | None:
        """Go on from what `checkpoint` gave.

        Returns:
            What is to be told of the frames; None if there are none.

        Raises:
            PaintSettingsError: it is none, or of other pictures or settings.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                head = json.loads(archive.read(_HEAD))
                if head["format"] != _FORMAT:
                    raise PaintSettingsError(
                        "The checkpoint was written by another version of Atelier."
                    )
                if head["clip"] != fingerprint:
                    raise PaintSettingsError(
                        "The checkpoint belongs to other pictures or settings."
                    )
                report = _report(head["report"])
                for number in range(int(head["frames"])):
                    png = archive.read(self._path(number).name)
                    Image.open(io.BytesIO(png), formats=("PNG",)).verify()
                    self._path(number).write_bytes(png)
                self._count = int(head["frames"])
        except (
            zipfile.BadZipFile,
            UnidentifiedImageError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:
            raise PaintSettingsError("The checkpoint cannot be read.") from error
        return report if self._count else None

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.png"


def made_for(checkpoint: bytes) -> str | None:
    """The fingerprint that a checkpoint carries; None if this version cannot go on from it."""
    try:
        with zipfile.ZipFile(io.BytesIO(checkpoint)) as archive:
            head = json.loads(archive.read(_HEAD))
            return str(head["clip"]) if head["format"] == _FORMAT else None
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError):
        return None


def _report(plain: dict[str, Any]) -> Report:
    notes = tuple(Sentence.from_plain(one) for one in plain.pop("notes"))
    return Report(**{**plain, "losses": ()}, notes=notes)
