"""Videos (MP4, MOV, WebM, Matroska) with FFmpeg, and their first frame as a photograph.

The container format is passed explicitly, not probed, so that no playlist of other files is
followed. Files that name no color matrix have that of BT.709 from 720 rows on, and that of BT.601
below.
"""

import io
import math
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream

from common.pictures.checks import check_size, damaged
from common.pictures.kinds import DecodeLimits, PictureError
from common.pictures.raster import Raster, Samples, from_array
from common.pictures.readers.boxes import code_points
from common.pictures.readers.deinterlacing import Deinterlacer
from common.pictures.readers.formats import MATROSKA
from common.pictures.readers.notes import FIRST_FRAME_OF_VIDEO

_NO_MATRIX: Final = {0, 2, 3}
_HD_ROWS: Final = 720
_SD_CODECS: Final = {"vp8", "vp9", "libvpx", "libvpx-vp9"}
_DURATION: Final = re.compile(r"(\d{1,3}):(\d\d):(\d\d(?:\.\d{1,9})?)", re.ASCII)
_USUAL_SECONDS: Final = 1 / 25
_ALPHA_APART: Final = "yuva420p"
"""Its alpha is read by itself: converted to RGBA at once, swscale leaves up to four columns out."""
_TURNS: Final = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}
"""Exif orientations, by the signs of a display matrix."""


@dataclass(frozen=True, slots=True)
class About:
    """Metadata of a video."""

    total_ms: float | None
    """Duration; None if unknown."""
    has_sound: bool


@dataclass(frozen=True, slots=True)
class OpenVideo:
    """An open video."""

    container: InputContainer
    stream: VideoStream
    limits: DecodeLimits

    def frames(self) -> Iterator[VideoFrame]:
        """All frames that can be decoded, in display order and deinterlaced.

        Raises:
            av.error.FFmpegError: where the video is truncated.
            PictureError: if damaged frames were left out.
        """
        deinterlacer = Deinterlacer()
        try:
            for frame in self._stored_frames():
                yield from deinterlacer.frames_after(frame)
        except (av.error.FFmpegError, PictureError):
            yield from deinterlacer.rest()
            raise
        yield from deinterlacer.rest()

    def _stored_frames(self) -> Iterator[VideoFrame]:
        is_damaged = False
        for frame in self.container.decode(self.stream):
            if frame.is_corrupt:
                is_damaged = True
            elif not is_damaged:
                self.check(frame.width, frame.height)
                yield frame
        if is_damaged:
            raise damaged(is_video=True)

    def check(self, width: int, height: int) -> None:
        """Check the size that is shown of stored frames of this size.

        Raises:
            PictureError: if it is too large, too small or too narrow.
        """
        check_size(self._shown_size(width, height), self.limits, is_video=True)

    def raster(self, frame: VideoFrame, *, notes: bool = False) -> Raster:
        """The pixels of a frame."""
        size = self._shown_size(frame.width, frame.height)
        pixels, white = _rgb(frame, size, self._unsaid_matrix(frame))
        return from_array(
            pixels,
            white=white,
            color=code_points(frame.color_primaries, frame.color_trc, None),
            orientation=_orientation(frame),
            notes=(FIRST_FRAME_OF_VIDEO,) if notes else (),
        )

    def seconds_of(self, frame: VideoFrame) -> float:
        """Duration of a frame, from the file or from its usual rate."""
        if frame.duration and frame.time_base:
            return float(frame.duration * frame.time_base)
        rate = self.stream.average_rate
        return 1 / float(rate) if rate else _USUAL_SECONDS

    def _unsaid_matrix(self, frame: VideoFrame) -> Colorspace:
        """The color matrix of a video that names none, as in Chromium."""
        is_hd = frame.height >= _HD_ROWS and self.stream.codec_context.name not in _SD_CODECS
        return Colorspace.ITU709 if is_hd else Colorspace.ITU601

    def _shown_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in square pixels; stored ones are only enlarged."""
        shape = self.stream.sample_aspect_ratio or Fraction(1)
        if not 0.05 < shape < 20:
            shape = Fraction(1)
        if shape < 1:
            return width, math.ceil(height / shape)
        return max(1, round(width * shape)), height


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The first frame of the video."""
    with opened(data, limits) as video:
        for frame in video.frames():
            return video.raster(frame, notes=True)
    raise damaged(is_video=True)


def about(data: bytes, limits: DecodeLimits) -> About:
    """Metadata of a video; raises as `opened` does."""
    with opened(data, limits) as video:
        lengths = [1000 * float(part) for part in _seconds_said(video) if part > 0]
        return About(min(lengths, default=None), bool(video.container.streams.audio))


def _seconds_said(video: OpenVideo) -> Iterator[Fraction]:
    """Durations of the file and of its video, as its sound may be longer."""
    yield Fraction(video.container.duration or 0, av.time_base)
    if video.stream.duration and video.stream.time_base:
        yield video.stream.duration * video.stream.time_base
    elif said := _DURATION.fullmatch(video.stream.metadata.get("DURATION", "")):  # in Matroska
        hours, minutes, seconds = (Fraction(part) for part in said.groups())
        yield 3600 * hours + 60 * minutes + seconds


@contextmanager
def opened(data: bytes, limits: DecodeLimits) -> Iterator[OpenVideo]:
    """Open a video.

    Raises:
        PictureError: it is damaged, holds no picture, or is beyond a limit.
        av.error.FFmpegError: it cannot be opened.
    """
    kind = "matroska" if data.startswith(MATROSKA) else "mov"
    with av.open(io.BytesIO(data), "r", format=kind) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            raise PictureError(
                "That file contains sound but no picture. Please attach a picture or a video."
            )
        context = stream.codec_context
        video = OpenVideo(container, stream, limits)
        video.check(context.width, context.height)
        context.thread_count = 1  # no threads can be started in the decoding process
        yield video


def _rgb(frame: VideoFrame, size: tuple[int, int], unsaid: Colorspace) -> tuple[Samples, float]:
    """[H, W, 3 or 4] of a width and height, and the level of white."""
    components = frame.format.components
    deep = max(part.bits for part in components) > 8
    alpha = any(part.is_alpha for part in components)
    name = ("rgba64le" if alpha else "rgb48le") if deep else ("rgba" if alpha else "rgb24")
    width, height = size
    narrow = frame.color_range != ColorRange.JPEG
    is_apart = frame.format.name == _ALPHA_APART
    plain = frame.reformat(
        width=width,
        height=height,
        format="rgb24" if is_apart else name,
        src_colorspace=unsaid if frame.colorspace in _NO_MATRIX else frame.colorspace,
        src_color_range=ColorRange.MPEG if narrow and not frame.format.is_rgb else ColorRange.JPEG,
        dst_color_range=ColorRange.JPEG,
        # Swscale's bilinear filter loses the green of deep pictures of odd width.
        interpolation=Interpolation.BICUBIC if deep and width % 2 else Interpolation.BILINEAR,
        threads=1,
    )
    pixels: Samples = np.asarray(plain.to_ndarray())
    if is_apart:
        pixels = np.dstack([pixels, _alpha(frame, width, height)])
    return pixels, 65535 if deep else 255


def _alpha(frame: VideoFrame, width: int, height: int) -> Samples:
    plane = frame.reformat(width=width, height=height, threads=1).planes[3]
    rows: Samples = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[:height, :width]


def _orientation(frame: VideoFrame) -> int:
    """The Exif orientation; rotations by other than right angles are ignored."""
    side_data: Any = frame.side_data  # its type annotation is wrong
    try:
        found = side_data[SideDataType.DISPLAYMATRIX]
    except KeyError:
        return 1
    a, b, _u, c, d, *_rest = struct.unpack("<9i", bytes(found)[:36])
    turn = tuple((value > 0) - (value < 0) for value in (a, b, c, d))
    return _TURNS.get(turn, 1)
