"""Animated WebP: smooth edges of what is transparent, and true colors."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from PIL import Image

_BEST, _LEAST = 90, 30


def write_webp(
    path: Path | BinaryIO,
    frames: Iterable[Image.Image],
    durations_ms: Sequence[int],
    plays: int,
    quality: float = 1.0,
) -> None:
    """Write an animated WebP.

    Args:
        path: the file to be.
        frames: RGB or RGBA, all alike.
        durations_ms: how long each is shown.
        plays: how often all are shown; 0: for ever.
        quality: 0..1; less is a smaller file.
    """
    level = round(_LEAST + quality * (_BEST - _LEAST))
    _Sequence(iter(frames), len(durations_ms)).save(
        path,
        "WEBP",
        save_all=True,
        duration=list(durations_ms),
        loop=plays,
        quality=level,
        method=3,
    )


class _Sequence(Image.Image):
    """Frames that are made as Pillow asks for them: a list of them would lie in memory at once."""

    def __init__(self, frames: Iterator[Image.Image], count: int) -> None:
        super().__init__()
        self.n_frames = count
        self._frames = frames
        self._place = -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go on to a frame; there is no way back, nor is it asked for."""
        while self._place < frame:
            shown = next(self._frames)
            self.im, self._mode, self._size = shown.im, shown.mode, shown.size
            self._place += 1

    def tell(self) -> int:
        return self._place
