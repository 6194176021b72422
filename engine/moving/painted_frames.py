"""The painted frames of a clip, on disk: for its files, and to resume from."""

import hashlib
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
from engine.painting.checkpoint import check_weights

_FORMAT = 2


class PaintedFrames:
    """Painted frames in a folder; none is kept in memory.

    A checkpoint identifies them by one hash over all, so it does not grow with their number.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._sum = ""

    def __len__(self) -> int:
        return self._count

    def add(self, frame: Image.Image) -> None:
        """Add the next frame.

        Raises:
            OSError: the disk is full.
        """
        self._append(encoded_png(frame))

    def frame(self, number: int) -> Image.Image:
        """A frame, counted from 0."""
        with Image.open(self._path(number), formats=("PNG",)) as image:
            image.load()
        return image

    def file(self, number: int) -> bytes:
        """The PNG file of a frame, which never changes.

        Raises:
            OSError: it is not there.
        """
        return self._path(number).read_bytes()

    def checkpoint(self, fingerprint: str, report: Report) -> bytes:
        """A checkpoint of the painting, without the frames, which are files of their own."""
        head = {
            "format": _FORMAT,
            "clip": fingerprint,
            "frames": self._count,
            "sum": self._sum,
            "report": asdict(replace(report, losses=())),
        }
        return json.dumps(head).encode()

    def restore(
        self,
        data: bytes,
        fingerprint: str,
        file: Callable[[int], bytes],
        *,
        network: str,
        weights: str,
    ) -> Report | None:
        """Resume from what `checkpoint` returned.

        Args:
            data: the checkpoint.
            fingerprint: of what is painted.
            network: that paints it.
            weights: hash of the network's weights.
            file: returns the file of a frame as `PaintedFrames.file` did in that run; what it
                raises is passed on.

        Returns:
            The report of the frames; None if there are none.

        Raises:
            CheckpointError: no checkpoint, or one of other pictures, settings or frames.
        """
        try:
            head = _head(data)
            if head["format"] != _FORMAT:
                raise CheckpointError("The checkpoint was written by another version of Atelier.")
            report = _report(head["report"])
            check_weights((report.network, report.weights_hash), (network, weights))
            if head["clip"] != fingerprint:
                raise CheckpointError("The checkpoint belongs to other pictures or settings.")
            for number in range(int(head["frames"])):
                self._append(file(number))
            if self._sum != head["sum"]:
                raise CheckpointError("The checkpoint belongs to other frames.")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError("The checkpoint cannot be read.") from error
        return report if self._count else None

    def clear(self) -> None:
        """Drop all frames."""
        self._count, self._sum = 0, ""

    def _append(self, png: bytes) -> None:
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


def _report(plain: dict[str, Any]) -> Report:
    notes = tuple(Sentence.from_plain(one) for one in plain.pop("notes"))
    return Report(**{**plain, "losses": ()}, notes=notes)
