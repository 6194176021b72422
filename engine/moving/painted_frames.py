"""The frames that are painted, on disk: what a film is made of, and a painting goes on from."""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from PIL import Image

from common.files import write_whole
from common.pictures.encode import encoded_png
from common.sentences import Sentence
from engine.errors import CheckpointError
from engine.painting import Report

_FORMAT = 2


class PaintedFrames:
    """Frames in a folder, one after the other; memory holds none of them.

    A checkpoint names them by a sum over all, so that it is as short for many as for one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._sum = ""

    def __len__(self) -> int:
        return self._count

    def add(self, frame: Image.Image) -> None:
        """One more; an OSError where there is no room."""
        self._put(encoded_png(frame))

    def frame(self, number: int) -> Image.Image:
        """One of them, from 0."""
        with Image.open(self._path(number), formats=("PNG",)) as image:
            image.load()
        return image

    def file(self, number: int) -> bytes:
        """The file of one, which never changes any more: a PNG.

        Raises:
            OSError: it is not there.
        """
        return self._path(number).read_bytes()

    def checkpoint(self, fingerprint: str, report: Report) -> bytes:
        """What there is to be told of all frames, which stay in files of their own."""
        head = {
            "format": _FORMAT,
            "clip": fingerprint,
            "frames": self._count,
            "sum": self._sum,
            "report": asdict(replace(report, losses=())),
        }
        return json.dumps(head).encode()

    def take(self, data: bytes, fingerprint: str, file: Callable[[int], bytes]) -> Report | None:
        """Go on from what `checkpoint` gave.

        Args:
            data: the checkpoint.
            fingerprint: of what is painted.
            file: gives the file of a frame, as `file` of those did who made the checkpoint; what
                it raises is passed on.

        Returns:
            What is to be told of the frames; None if there are none.

        Raises:
            CheckpointError: it is none, or of other pictures, settings or frames.
        """
        try:
            head = _head(data)
            if head["format"] != _FORMAT:
                raise CheckpointError("The checkpoint was written by another version of Atelier.")
            if head["clip"] != fingerprint:
                raise CheckpointError("The checkpoint belongs to other pictures or settings.")
            report = _report(head["report"])
            for number in range(int(head["frames"])):
                png = file(number)
                _check_png(png)
                self._put(png)
            if self._sum != head["sum"]:
                raise CheckpointError("The checkpoint belongs to other frames.")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError("The checkpoint cannot be read.") from error
        return report if self._count else None

    def forget(self) -> None:
        """Begin anew."""
        self._count, self._sum = 0, ""

    def _put(self, png: bytes) -> None:
        write_whole(self._path(self._count), png)
        self._sum = hashlib.sha256(self._sum.encode() + png).hexdigest()
        self._count += 1

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.png"


def _head(checkpoint: bytes) -> dict[str, Any]:
    head = json.loads(checkpoint)
    if not isinstance(head, dict):
        raise TypeError
    return head


def _check_png(data: bytes) -> None:
    try:
        Image.open(io.BytesIO(data), formats=("PNG",)).verify()
    except (OSError, SyntaxError) as error:
        raise ValueError("a frame is damaged") from error


def _report(plain: dict[str, Any]) -> Report:
    notes = tuple(Sentence.from_plain(one) for one in plain.pop("notes"))
    return Report(**{**plain, "losses": ()}, notes=notes)
