"""Makes animations and videos: GIF and APNG byte by byte, others by the libraries."""

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from tests.kit.pictures import png_chunk

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
COLORS = [*RED, *GREEN, *BLUE, *WHITE]
NETSCAPE_EXTENSION = b"\x21\xff\x0bNETSCAPE2.0\x03\x01"


@dataclass(frozen=True)
class GifFrame:
    """A rectangle of one color, by its index in `COLORS`."""

    color: int
    hundredths: int = 10
    disposal: int = 0
    box: tuple[int, int, int, int] = (0, 0, 32, 24)
    """Left, top, width, height."""
    transparent: int | None = None

    @property
    def data(self) -> bytes:
        left, top, width, height = self.box
        picture = Image.new("P", (width, height), self.color)
        picture.putpalette(COLORS)
        flags = self.disposal << 2 | (self.transparent is not None)
        control = struct.pack(
            "<BBBBHB", 0x21, 0xF9, 4, flags, self.hundredths, self.transparent or 0
        )
        return control + b"\0" + b"".join(GifImagePlugin.getdata(picture, (left, top)))


def gif(
    frames: Sequence[GifFrame], *, repeats: int | None = 0, canvas: tuple[int, int] = (32, 24)
) -> bytes:
    """A GIF; without a loop extension if `repeats` is None."""
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0xF1, 3, 0) + bytes(COLORS)
    loop = b"" if repeats is None else NETSCAPE_EXTENSION + struct.pack("<H", repeats) + b"\0"
    return head + loop + b"".join(frame.data for frame in frames) + b";"


def plain_image(color: tuple[int, ...], size: tuple[int, int] = (32, 24)) -> Image.Image:
    return Image.new("RGBA" if len(color) == 4 else "RGB", size, color)


def encode_frames(frames: Sequence[Image.Image], kind: str, **options: Any) -> bytes:
    """An animation as Pillow writes it."""
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=list(frames[1:]), **options)
    return file.getvalue()


@dataclass(frozen=True)
class PngFrame:
    """A rectangle of one color with alpha."""

    color: tuple[int, int, int, int]
    box: tuple[int, int, int, int] = (0, 0, 32, 24)
    delay: tuple[int, int] = (1, 10)
    disposal: int = 0
    blend: int = 0


def apng(frames: Sequence[PngFrame], *, plays: int = 0, default: bool = False) -> bytes:
    """An animated PNG of 32 × 24; with `default` its default image is white and not a frame."""
    file = [
        b"\x89PNG\r\n\x1a\n",
        png_chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 24, 8, 6, 0, 0, 0)),
    ]
    file.append(png_chunk(b"acTL", struct.pack(">II", len(frames), plays)))
    if default:
        file.append(png_chunk(b"IDAT", _pixels((255, 255, 255, 255), 32, 24)))
    number = 0
    for frame in frames:
        left, top, width, height = frame.box
        control = struct.pack(
            ">5I2H2B", number, width, height, left, top, *frame.delay, frame.disposal, frame.blend
        )
        file.append(png_chunk(b"fcTL", control))
        data = _pixels(frame.color, width, height)
        if number == 0 and not default:
            file.append(png_chunk(b"IDAT", data))
            number += 1
        else:
            file.append(png_chunk(b"fdAT", struct.pack(">I", number + 1) + data))
            number += 2
    return b"".join([*file, png_chunk(b"IEND", b"")])


def _pixels(color: tuple[int, ...], width: int, height: int) -> bytes:
    return zlib.compress((b"\0" + bytes(color) * width) * height)


def make_video(
    frames: Sequence[NDArray[Any]],
    *,
    kind: str = "mp4",
    codec: str = "libx264",
    starts_ms: Sequence[int] | None = None,
    rate: int = 10,
    pixels: str = "yuv420p",
    sound: bool = False,
    sound_seconds: float = 0.02,
    shape: Fraction | None = None,
    options: dict[str, str] | None = None,
    matrix: Colorspace | None = None,
    **tags: Any,
) -> bytes:
    """A video of frames [H, W, 3] of 8 or 16 bits, or [H, W, 4] of 8 bits.

    Args:
        matrix: the color matrix that is used without a tag.
        tags: color properties that are used and tagged in the file.
    """
    starts_ms = starts_ms or [1000 * number // rate for number in range(len(frames))]
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if shape is not None:
            stream.codec_context.sample_aspect_ratio = shape
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        audio = (
            container.add_stream("aac" if kind != "webm" else "libopus", rate=48000)
            if sound
            else None
        )
        shallow = "rgb24" if frames[0].shape[2] == 3 else "rgba"
        source = shallow if frames[0].dtype == np.uint8 else "rgb48le"
        for start, frame in zip(starts_ms, frames, strict=True):
            picture = av.VideoFrame.from_ndarray(frame, format=source).reformat(
                format=pixels,
                dst_colorspace=tags.get("colorspace", matrix),
                dst_color_range=tags.get("color_range"),
            )
            picture.pts, picture.time_base = start, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        if audio is not None:
            samples = np.zeros((2, round(48000 * sound_seconds)), np.float32)
            silence = av.AudioFrame.from_ndarray(samples, "fltp", "stereo")
            silence.sample_rate, silence.pts = 48000, 0
            container.mux(audio.encode(silence))
            container.mux(audio.encode(None))
    return file.getvalue()


def with_display_matrix(mp4: bytes, matrix: tuple[int, int, int, int]) -> bytes:
    """The MP4 with another display matrix; its elements a, b, c and d are given."""
    at = mp4.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    return mp4[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + mp4[at + 36 :]


def solid_frame(color: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> NDArray[Any]:
    return np.full((size[1], size[0], 3), color, np.uint8)
