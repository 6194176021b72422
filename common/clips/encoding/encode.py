"""Encodes a clip as a file of a given kind."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from PIL import Image

from common.clips.clip import Clip
from common.clips.encoding.gif import write_gif
from common.clips.encoding.webp import write_webp
from common.errors import AtelierError

ClipKind = Literal["gif", "mp4", "webp"]
CLIP_KINDS: tuple[ClipKind, ...] = get_args(ClipKind)


class EncodingFailedError(AtelierError):
    """A clip cannot be encoded; the text says why."""


def encode_clip(
    clip: Clip,
    path: Path | BinaryIO,
    kind: ClipKind,
    *,
    max_side_px: int | None = None,
    quality: float = 1.0,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write a clip as GIF, MP4 or WebP, with its durations and repetitions.

    Only a few frames are in memory at once. An MP4 does not loop, and is white where the clip is
    transparent. A GIF counts in hundredths of a second, so a frame may start 5 ms early or late.

    Args:
        clip: the clip.
        path: the file to write, or one in memory.
        kind: its format, regardless of the file's name.
        max_side_px: larger frames are reduced to it.
        quality: 0..1; lower gives a smaller file.
        check: called before each frame; it may raise to stop.

    Raises:
        ClipDamagedError: a frame cannot be read.
        EncodingFailedError: there is no encoder for it.
        OSError: the file cannot be written.
    """
    size = _size(clip, max_side_px)

    def frames() -> Iterator[Image.Image]:
        for frame in clip.frames():
            check()
            yield frame if frame.size == size else frame.resize(size, Image.Resampling.LANCZOS)

    try:
        match kind:
            case "gif":
                write_gif(path, frames, clip.durations_ms, clip.plays, quality)
            case "mp4":
                from common.clips.encoding.h264 import write_mp4  # noqa: PLC0415 - loads FFmpeg

                write_mp4(path, frames(), clip.durations_ms, quality)
            case "webp":
                write_webp(path, frames(), clip.durations_ms, clip.plays, quality)
    except ffmpeg_error() as error:
        if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
            raise
        raise EncodingFailedError(f"a clip cannot be encoded as {kind}: {error}") from error


def ffmpeg_error() -> type[Exception]:
    """The error class of FFmpeg's encoders, which load it. Call it only where one was raised."""
    from av.error import FFmpegError  # noqa: PLC0415

    return FFmpegError


def _size(clip: Clip, max_side_px: int | None) -> tuple[int, int]:
    width, height = clip.size
    share = min(1.0, (max_side_px or max(clip.size)) / max(clip.size))
    return max(1, round(width * share)), max(1, round(height * share))
