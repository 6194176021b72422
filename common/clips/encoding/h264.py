"""MP4 that every player supports: H.264 in yuv420p, with declared color metadata."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final

import av
import av.error
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from PIL import Image

from common.pictures.white import on_white

# BT.601: for BT.709, Chromium without a graphics card (libyuv on x86) has a wrong factor, so that a
# blue of 200 is shown as 193. The file declares the matrix.
_MATRIX: Final = Colorspace.ITU601
_H264: Final = "libx264"
_ANY_ENCODER: Final = "mpeg4"
_MILLISECONDS: Final = Fraction(1, 1000)
_BEST_CRF, _LEAST_CRF = 18, 38
_BEST_SCALE, _LEAST_SCALE = 3, 24


class Mp4:
    """An MP4 being written; see `mp4_file`."""

    def __init__(
        self,
        container: OutputContainer,
        rate: Fraction,
        time_base: Fraction,
        quality: float,
        threads: int,
    ) -> None:
        self._container, self._threads = container, threads
        self._rate, self._time_base, self._quality = rate, time_base, quality
        self._stream: VideoStream | None = None
        self._durations: dict[int, int] = {}
        self._at = 0
        self._failure: av.error.FFmpegError | None = None
        """The error at which writing stopped. Writing on after it would crash the process."""

    def add(self, frame: Image.Image, duration: int = 1) -> None:
        """Append a frame.

        Args:
            frame: RGB.
            duration: in units of the time base.
        """
        even = _even(on_white(frame))
        if self._stream is None:
            self._stream = self._opened(even.size)
        picture = av.VideoFrame.from_ndarray(np.asarray(even), format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=_MATRIX,
            dst_color_range=ColorRange.MPEG,
            threads=self._threads,
        )
        picture.pts, picture.time_base = self._at, self._time_base
        self._durations[self._at] = duration
        self._at += duration
        self._mux(self._stream.encode(picture))

    def finish(self) -> None:
        """Flush the encoder."""
        if self._stream is not None:
            self._mux(self._stream.encode(None))

    def _mux(self, packets: Sequence[Any]) -> None:
        for packet in packets:
            if packet.pts is not None and packet.time_base == self._time_base:
                # Otherwise the last frame would last as long as the one before.
                packet.duration = self._durations.pop(packet.pts, packet.duration)
            if self._failure is not None:
                raise self._failure
            try:
                self._container.mux(packet)
            except av.error.FFmpegError as error:
                self._failure = error
                raise

    def _opened(self, size: tuple[int, int]) -> VideoStream:
        encoder = _H264 if _H264 in av.codecs_available else _ANY_ENCODER
        stream = self._container.add_stream(encoder, rate=self._rate)
        assert isinstance(stream, VideoStream)
        worse = 1 - self._quality
        if encoder == _H264:
            crf = round(_BEST_CRF + worse * (_LEAST_CRF - _BEST_CRF))
            # No B-frames: with them, the last frame's duration would be lost.
            stream.options = {"crf": str(crf), "preset": "medium", "bf": "0"}
        else:
            scale = round(_BEST_SCALE + worse * (_LEAST_SCALE - _BEST_SCALE))
            stream.options = {"qscale": str(scale)}
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = self._time_base
        context.thread_count = self._threads
        context.colorspace = _MATRIX
        context.color_range = ColorRange.MPEG
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.IEC61966_2_1
        return stream


@contextmanager
def mp4_file(
    path: Path | BinaryIO,
    *,
    rate: Fraction,
    time_base: Fraction | None = None,
    quality: float = 1.0,
) -> Iterator[Mp4]:
    """An MP4 to add frames to; it is complete at the end of the block.

    Args:
        path: the file to write. A file in memory is encoded by a single thread, as the processes
            that use one must not start threads.
        rate: approximate frames per second, for the encoder's rate control.
        time_base: seconds per unit of the frames' durations; None for one frame.
        quality: 0..1; lower gives a smaller file.

    Raises:
        av.error.FFmpegError: no encoder works, or the file cannot be written.
    """
    is_path = isinstance(path, Path)
    file = str(path) if is_path else path
    options = {"fflags": "+bitexact"}
    if is_path:  # requires reading the file again
        options["movflags"] = "+faststart"
    container = av.open(file, "w", format="mp4", options=options)
    made = Mp4(container, rate, time_base or 1 / rate, quality, threads=0 if is_path else 1)
    try:
        yield made
        made.finish()
    finally:
        container.close()


def write_mp4(
    path: Path | BinaryIO,
    frames: Iterable[Image.Image],
    durations_ms: Sequence[int],
    quality: float,
) -> None:
    """Write an MP4 with these durations; see `mp4_file`."""
    rate = Fraction(1000 * len(durations_ms), sum(durations_ms)).limit_denominator(1000)
    with mp4_file(path, rate=rate, time_base=_MILLISECONDS, quality=quality) as made:
        for frame, duration in zip(frames, durations_ms, strict=True):
            made.add(frame, duration)


def _even(frame: Image.Image) -> Image.Image:
    """Pad to even sides, as yuv420p requires, by repeating the last row or column."""
    width, height = frame.size
    wide, high = width + width % 2, height + height % 2
    if (wide, high) == frame.size:
        return frame
    grown = Image.new("RGB", (wide, high))
    for left, top in itertools.product((wide - width, 0), (high - height, 0)):
        grown.paste(frame, (left, top))
    return grown
