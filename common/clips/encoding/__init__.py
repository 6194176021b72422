"""Encodes clips as GIF, MP4 and animated WebP."""

from common.clips.encoding.encode import (
    CLIP_KINDS,
    ClipKind,
    EncodingFailedError,
    encode_clip,
    ffmpeg_error,
)

__all__ = ["CLIP_KINDS", "ClipKind", "EncodingFailedError", "encode_clip", "ffmpeg_error"]
