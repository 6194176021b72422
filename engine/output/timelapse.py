"""Time-lapses of a painting, written frame by frame; only the last is kept in memory."""

import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import GifImagePlugin, Image

from common.clips.encoding import ffmpeg_error
from common.clips.encoding.gif import PALETTE_SETTLED
from common.pictures.white import on_white
from engine.output.atomic import replacing
from engine.output.errors import OutputError, check_target

if TYPE_CHECKING:
    from common.clips.encoding.h264 import Mp4

TIMELAPSE_SUFFIXES = (".gif", ".mp4")
_GIF_LONGEST_PX = 480
_MP4_LONGEST_PX = 1080
_FRAMES_PER_SECOND = 12
_HOLD_SECONDS = 2.0


class TimeLapse:
    """A time-lapse that is being written; see `time_lapse`."""

    def __init__(self, writer: "_Gif | _Mp4", size: tuple[int, int]) -> None:
        self._writer = writer
        self._size = size
        self._last: Image.Image | None = None

    def add(self, frame: Image.Image) -> None:
        """Append a frame of any size and mode; transparent parts become white."""
        plain = on_white(frame)
        if plain.size != self._size:
            plain = plain.resize(self._size, Image.Resampling.LANCZOS)
        if self._last is not None:
            self._writer.add(self._last, 1 / _FRAMES_PER_SECOND)
        self._last = plain

    def hold(self) -> None:
        """Show the last frame for two seconds."""
        if self._last is not None:
            self._writer.add(self._last, _HOLD_SECONDS)


@contextmanager
def time_lapse(path: Path, size: tuple[int, int]) -> Iterator[TimeLapse]:
    """Write a time-lapse, GIF or MP4 by the suffix.

    The file appears at the end of the block, with the last frame held for two seconds. After an
    exception, or without any frame, there is none.

    Args:
        path: of the file.
        size: width and height of the finished painting. All frames are resized to its aspect, at
            most 480 px (GIF) or 1080 px (MP4) long.

    Raises:
        OutputError: unknown suffix, the file cannot be written, or no encoder works.
    """
    check_target(path, TIMELAPSE_SUFFIXES)
    gif = path.suffix.lower() == ".gif"
    shown = _fit(size, _GIF_LONGEST_PX if gif else _MP4_LONGEST_PX)
    with replacing(path) as temporary:
        writer = _Gif(temporary) if gif else _Mp4(temporary)
        lapse = TimeLapse(writer, shown)
        try:
            try:
                yield lapse
                lapse.hold()
            finally:
                writer.close()
        except ffmpeg_error() as error:
            raise OutputError(
                "The time-lapse {file} cannot be encoded here; use a .gif instead.", file=path.name
            ) from error


def _fit(size: tuple[int, int], longest_px: int) -> tuple[int, int]:
    factor = min(1.0, longest_px / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


class _Gif:
    """An endless GIF with a palette for each frame (Pillow's own writer keeps all frames)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began = False

    def add(self, frame: Image.Image, seconds: float) -> None:
        changing = round(PALETTE_SETTLED * frame.width * frame.height)
        palette = frame.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=changing)
        blocks = GifImagePlugin.getdata(
            palette, duration=round(seconds * 1000), include_color_table=True
        )
        with self._path.open("ab") as file:
            if not self._began:
                file.write(b"GIF89a" + struct.pack("<HHBBB", *frame.size, 0x70, 0, 0))
                file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")
                self._began = True
            file.writelines(blocks)

    def close(self) -> None:
        if self._began:
            with self._path.open("ab") as file:
                file.write(b";")


class _Mp4:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = ExitStack()
        self._opened: Mp4 | None = None

    def add(self, frame: Image.Image, seconds: float) -> None:
        if self._opened is None:
            from common.clips.encoding.h264 import mp4_file  # noqa: PLC0415 - loads FFmpeg

            made = mp4_file(self._path, rate=Fraction(_FRAMES_PER_SECOND))
            self._opened = self._writing.enter_context(made)
        for _ in range(max(1, round(seconds * _FRAMES_PER_SECOND))):
            self._opened.add(frame)

    def close(self) -> None:
        self._writing.close()
