"""What a decoding process answers, checked: it read a stranger's file, and may be theirs by now."""

import struct
from collections.abc import Sequence
from typing import Any

from common.child import Header
from common.pictures.kinds import DecodeLimits, NormalizedPicture, PictureError
from common.sentences import Sentence

_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_COLOR_TYPES = {2: False, 6: True}
_MOST_NOTES = 4
_MOST_CHARACTERS = 400
_PNG_OVERHEAD_BYTES = 1024 * 1024


def most_bytes(limits: DecodeLimits) -> int:
    """How long an answer's PNG can be: all of its pixels as they are, and some."""
    return 4 * limits.max_side_px**2 * 101 // 100 + _PNG_OVERHEAD_BYTES


def checked(
    answer: Header, files: Sequence[bytes], limits: DecodeLimits
) -> NormalizedPicture | PictureError:
    """The picture or the problem of an answer.

    Raises:
        ValueError: it is no answer that a decoder gives.
    """
    try:
        if "problem" in answer:
            return PictureError.saying(_sentence(answer["problem"]))
        fields, (png,) = answer["picture"], files
        width, height, bits, color_type = struct.unpack(">IIBB", png[16:26])
        notes = tuple(_sentence(note) for note in fields["notes"])
        fits = (
            png[:16] == _PNG_START
            and bits == 8
            and color_type in _COLOR_TYPES
            and 0 < max(width, height) <= limits.max_side_px
            and min(width, height) > 0
            and len(notes) <= _MOST_NOTES
            and str(fields["source_format"]).isalnum()
        )
    except (KeyError, TypeError, IndexError, AttributeError, struct.error) as error:
        raise ValueError("no answer of a decoder") from error
    if not fits:
        raise ValueError("no picture of a decoder")
    return NormalizedPicture(
        png=png,
        width_px=width,
        height_px=height,
        has_alpha=_COLOR_TYPES[color_type],
        source_format=str(fields["source_format"])[:8],
        notes=notes,
    )


def _sentence(plain: Any) -> Sentence:
    said = Sentence.from_plain(plain)
    template: object = said.template
    if not isinstance(template, str) or len(str(said)) > _MOST_CHARACTERS:
        raise ValueError("no sentence of a decoder")
    return said
