"""Makes untrusted picture files safe: upright, sRGB, 8 bits, no metadata; or explains why not.

`common.pictures.decode` does the work and is not imported here, since its libraries are large: the
bot decodes only in other processes.
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
from common.pictures.process import DecoderPool, decode_in_child

__all__ = [
    "ClipLimits",
    "DecodeLimits",
    "Decoded",
    "DecodedClip",
    "DecoderPool",
    "DecoderUnavailableError",
    "NormalizedPicture",
    "PictureError",
    "decode_in_child",
]
