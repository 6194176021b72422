"""Encodes clips as GIF, MP4 and animated WebP."""

from common.clips.encoding.encode import CLIP_KINDS, ClipKind, EncodingFailedError, encode_clip

__all__ = ["CLIP_KINDS", "ClipKind", "EncodingFailedError", "encode_clip"]
