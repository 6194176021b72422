"""The frames that are painted, on disk: what a film is made of, and a painting goes on from."""

import io
import json
import zipfile
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from common.pictures.encode import encoded_png
from engine.painting.errors import PaintSettingsError

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

    def checkpoint(self, fingerprint: str) -> bytes:
        """All frames as one ZIP that is not compressed."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            head = {"format": _FORMAT, "clip": fingerprint, "frames": self._count}
            archive.writestr(zipfile.ZipInfo(_HEAD, _DATE), json.dumps(head))
            for number in range(self._count):
                name = self._path(number).name
                archive.writestr(zipfile.ZipInfo(name, _DATE), self._path(number).read_bytes())
        return file.getvalue()

    def take(self, data: bytes, fingerprint: str) -> None:
        """Go on from what `checkpoint` gave.

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
                for number in range(int(head["frames"])):
                    png = archive.read(self._path(number).name)
                    Image.open(io.BytesIO(png), formats=("PNG",)).verify()
                    self._path(number).write_bytes(png)
                    self._count = number + 1
        except (
            zipfile.BadZipFile,
            UnidentifiedImageError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:
            raise PaintSettingsError("The checkpoint cannot be read.") from error

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.png"
