"""Animated WebP: true color and smooth transparency."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from PIL import Image

_BEST, _LEAST = 90, 30
_MOST_PLAYS = 0xFFFF


def write_webp(
    path: Path | BinaryIO,
    frames: Iterable[Image.Image],
    durations_ms: Sequence[int],
    plays: int,
    quality: float,
) -> None:
    """Write an animated WebP.

    Args:
        path: the file to be.
        frames: RGB or RGBA, all alike.
        durations_ms: how long each is shown.
        plays: number of plays; 0: forever.
        quality: 0..1; lower gives a smaller file.
    """
    level = round(_LEAST + quality * (_BEST - _LEAST))
    _Sequence(iter(frames), len(durations_ms)).save(
        path,
        "WEBP",
        save_all=True,
        duration=list(durations_ms),
        loop=min(plays, _MOST_PLAYS),
        quality=level,
        method=3,
    )


class _Sequence(Image.Image):
    """A lazy sequence for Pillow, so that not all frames are in memory at once."""

    def __init__(self, frames: Iterator[Image.Image], count: int) -> None:
        super().__init__()
        self.n_frames = count
        self._frames = frames
        self._place = -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Advance to a frame; going back is not possible."""
        while self._place < frame:
            shown = next(self._frames)
            self.im, self._mode, self._size = shown.im, shown.mode, shown.size
            self._place += 1

    def tell(self) -> int:
        return self._place
