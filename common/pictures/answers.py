"""Validates a decoding process's answers: a malicious file may have taken it over."""

import re
import struct
from collections.abc import Sequence
from string import Formatter
from typing import Any

from common.child import Header
from common.pictures.kinds import (
    ClipLimits,
    Decoded,
    DecodedClip,
    DecodeLimits,
    NormalizedPicture,
    PictureError,
)
from common.sentences import Sentence

_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_ZIP_START = b"PK\3\4"
_COLOR_TYPES = {2: False, 6: True}
_MOST_NOTES = 4
_MOST_CHARACTERS = 400
_PNG_OVERHEAD_BYTES = 1024 * 1024
_FIELD = re.compile(r"[a-z_]+")
_FORMAT = re.compile(r"(\.[0-9])?[fg]?")
"""Format specifications allowed in a sentence. Others would be evaluated here: `{a.b[c]}` reads
objects of this process, secrets included, and `{a:>999999999}` takes a gigabyte."""


def most_bytes(limits: DecodeLimits, clip_limits: ClipLimits | None = None) -> int:
    """Upper bound for the length of an answer's files: their pixels uncompressed, plus some."""
    most = _most_png_bytes(limits.max_side_px)
    if clip_limits is not None:
        most += clip_limits.max_frames * _most_png_bytes(clip_limits.max_side_px)
    return most


def _most_png_bytes(side_px: int) -> int:
    return 4 * side_px**2 * 101 // 100 + _PNG_OVERHEAD_BYTES


def checked(
    answer: Header,
    files: Sequence[bytes],
    limits: DecodeLimits,
    clip_limits: ClipLimits | None = None,
) -> Decoded | PictureError:
    """The picture and clip, or the problem, of an answer.

    Raises:
        ValueError: no decoder gives such an answer.
    """
    try:
        if "problem" in answer:
            return PictureError.saying(_sentence(answer["problem"]))
        png, *more = files
        picture, clip = _picture(answer["picture"], png, limits), None
        if more and clip_limits is not None and answer["clip"] is not None:
            clip = _clip(answer["clip"], more[0], clip_limits)
    except (KeyError, TypeError, IndexError, AttributeError, struct.error) as error:
        raise ValueError("no answer of a decoder") from error
    return Decoded(picture, clip)


def _picture(fields: Header, png: bytes, limits: DecodeLimits) -> NormalizedPicture:
    width, height, bits, color_type = struct.unpack(">IIBB", png[16:26])
    fits = (
        png[:16] == _PNG_START
        and bits == 8
        and color_type in _COLOR_TYPES
        and 0 < max(width, height) <= limits.max_side_px
        and min(width, height) > 0
    )
    if not fits:
        raise ValueError("no picture of a decoder")
    return NormalizedPicture(
        png=png,
        width_px=width,
        height_px=height,
        has_alpha=_COLOR_TYPES[color_type],
        notes=_notes(fields),
    )


def _clip(fields: Header, file: bytes, limits: ClipLimits) -> DecodedClip:
    """The fields of a clip; its file is checked again when it is opened."""
    width, height, frames = (int(fields[name]) for name in ("width_px", "height_px", "frames"))
    seconds = float(fields["seconds"])
    fits = (
        file[:4] == _ZIP_START
        and 0 < min(width, height) <= max(width, height) <= limits.max_side_px
        and 1 < frames <= limits.max_frames
        and 0 < seconds <= limits.max_seconds + 1
    )
    if not fits:
        raise ValueError("no clip of a decoder")
    return DecodedClip(file, width, height, frames, seconds, _notes(fields))


def _notes(fields: Header) -> tuple[Sentence, ...]:
    notes = tuple(_sentence(note) for note in fields["notes"])
    if len(notes) > _MOST_NOTES:
        raise ValueError("no notes of a decoder")
    return notes


def _sentence(plain: Any) -> Sentence:
    said = Sentence.from_plain(plain)
    if not _is_plain(said) or len(str(said)) > _MOST_CHARACTERS:
        raise ValueError("no sentence of a decoder")
    return said


def _is_plain(said: Sentence) -> bool:
    """Whether the template has only plain fields by name."""
    template: object = said.template
    if not isinstance(template, str) or len(template) > _MOST_CHARACTERS:
        return False
    for _, name, form, conversion in Formatter().parse(template):
        if name is not None and not (
            _FIELD.fullmatch(name) and _FORMAT.fullmatch(form or "") and conversion is None
        ):
            return False
    return all(
        _is_plain(value) if isinstance(value, Sentence) else isinstance(value, int | float | str)
        for value in said.values.values()
    )
