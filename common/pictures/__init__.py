"""Strangers' picture files made safe: upright, sRGB, 8 bits, no metadata, or a sentence.

`common.pictures.decode` does it, and is not loaded from here: with the libraries it needs it would
be a fifth of the bot's memory, and the bot decodes in other processes only.
"""

from common.pictures.kinds import (
    ClipLimits,
    Decoded,
    DecodedClip,
    DecodeLimits,
    DecoderUnavailableError,
    NormalizedPicture,
    PictureError,
)
from common.pictures.process import DecoderPool, decode_apart

__all__ = [
    "ClipLimits",
    "DecodeLimits",
    "Decoded",
    "DecodedClip",
    "DecoderPool",
    "DecoderUnavailableError",
    "NormalizedPicture",
    "PictureError",
    "decode_apart",
]
