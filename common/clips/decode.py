"""Decodes moving files to clip files; untrusted ones only in a separate process."""

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from PIL import Image

from common.clips.clip import Description, write_encoded
from common.clips.spool import SpooledPngs
from common.clips.timing import Motion, Pictures, Sampled, sampled
from common.pictures.color import Bytes
from common.pictures.decode import (
    InvisibleError,
    check_visible,
    explained,
    is_visible,
    normalize,
    normalized,
    shown,
)
from common.pictures.encode import encoded_png
from common.pictures.kinds import (
    ClipLimits,
    Decoded,
    DecodedClip,
    DecodeLimits,
    NormalizedPicture,
)
from common.pictures.raster import Raster
from common.pictures.readers.formats import Format, format_of
from common.sentences import Sentence, sentence


class _Reader(Protocol):
    def read(self, data: bytes, limits: DecodeLimits) -> Motion | None: ...


@dataclass(frozen=True)
class _Moving:
    """The moving part of a file, before it is written as a clip."""

    about: Description
    pngs: Iterable[bytes]
    notes: tuple[Sentence, ...]

    def write(self, file: Path | BinaryIO) -> None:
        write_encoded(file, self.about, self.pngs)


def decode(data: bytes, limits: DecodeLimits, clip_limits: ClipLimits | None) -> Decoded:
    """Decode a file to a still picture and, if it moves, to a clip.

    Args:
        data: The file.
        limits: What is accepted of a picture; applies to each frame.
        clip_limits: How much is taken of a moving file; None for a still picture only.

    Raises:
        PictureError: it is not a picture, is damaged in its first frame, or exceeds a limit.
    """
    if clip_limits is None:
        return Decoded(normalize(data, limits))
    picture, moving = _read(data, limits, clip_limits, [])
    if moving is None:
        return Decoded(picture)
    file = io.BytesIO()
    with explained(format_of(data)):
        moving.write(file)
    about = moving.about
    clip = DecodedClip(
        file.getvalue(),
        about.width_px,
        about.height_px,
        frames=len(about.durations_ms),
        seconds=sum(about.durations_ms) / 1000,
        notes=moving.notes,
    )
    return Decoded(picture, clip)


def decode_into(
    file: Path, data: bytes, limits: DecodeLimits, clip_limits: ClipLimits
) -> tuple[NormalizedPicture, tuple[Sentence, ...] | None]:
    """As `decode`, with a clip's frames spooled to disk instead of memory.

    Args:
        file: The clip file to write; its folder also holds the spooled frames.
        data: As in `decode`.
        limits: As in `decode`.
        clip_limits: As in `decode`.

    Returns:
        The still picture, and the notes on the clip; None if nothing moves.

    Raises:
        PictureError: as in `decode`.
        OSError: the disk is full.
    """
    spool = SpooledPngs(file.parent)
    picture, moving = _read(data, limits, clip_limits, spool)
    if spool.failure is not None:
        raise spool.failure
    if moving is None:
        return picture, None
    moving.write(file)
    return picture, moving.notes


def _read(
    data: bytes, limits: DecodeLimits, clip_limits: ClipLimits, pngs: Pictures
) -> tuple[NormalizedPicture, _Moving | None]:
    """The still picture, and the moving part if there is one; `pngs` receives the frames."""
    found = format_of(data)
    if found is None or not found.motion:
        return normalize(data, limits), None
    try:
        picture = normalize(data, limits)
    except InvisibleError:
        moving, seen = _moving(data, found, limits, clip_limits, pngs)
        if moving is None:
            raise
        return normalized(seen, ()), moving
    return picture, _moving(data, found, limits, clip_limits, pngs)[0]


def _moving(
    data: bytes, found: Format, limits: DecodeLimits, clip_limits: ClipLimits, pngs: Pictures
) -> tuple[_Moving | None, Bytes]:
    """The moving part (None if there is only one frame to see), and a visible frame."""
    reader: _Reader = import_module(f"common.clips.readers.{found.motion}")
    with explained(found):
        motion = reader.read(data, limits)
        frames = _Frames(clip_limits.max_side_px)
        if motion is None:
            return None, frames.most_visible
        kept = sampled(motion, clip_limits, frames.encoded, pngs)
        check_visible(frames.most_visible)
    if len(kept.durations_ms) == 1:
        return None, frames.most_visible
    about = Description(
        width_px=frames.size[0],
        height_px=frames.size[1],
        durations_ms=kept.durations_ms,
        plays=motion.plays,
        source=found.name,
        has_alpha=frames.has_alpha,
    )
    notes = _notes(motion, kept, clip_limits)
    return _Moving(about, frames.alike(pngs), notes), frames.most_visible


class _Frames:
    """Encodes frames for a clip file, in one size and mode."""

    def __init__(self, max_side_px: int) -> None:
        self._max_side_px = max_side_px
        self.size = (0, 0)
        self.has_alpha = False
        self.most_visible = np.zeros((1, 1, 4), np.uint8)
        """A frame with something visible, if there is one."""

    def encoded(self, raster: Raster) -> bytes:
        """The PNG of a frame."""
        pixels, _notes = shown(replace(raster, notes=()), self._max_side_px)
        size = (pixels.shape[1], pixels.shape[0])
        if self.size == (0, 0):
            self.size = size
        elif size != self.size:  # a video may change its size
            picture = Image.fromarray(np.ascontiguousarray(pixels))
            pixels = np.asarray(picture.resize(self.size, Image.Resampling.LANCZOS))
        self.has_alpha |= pixels.shape[2] == 4
        if is_visible(pixels) and not is_visible(self.most_visible):
            self.most_visible = pixels
        return encoded_png(pixels)

    def alike(self, pngs: Iterable[bytes]) -> Iterable[bytes]:
        """The frames, all with alpha if one has it."""
        return map(_with_alpha, pngs) if self.has_alpha else pngs


def _with_alpha(png: bytes) -> bytes:
    picture = Image.open(io.BytesIO(png), formats=("PNG",))
    return png if picture.mode == "RGBA" else encoded_png(picture.convert("RGBA"))


def _notes(motion: Motion, kept: Sampled, limits: ClipLimits) -> tuple[Sentence, ...]:
    notes: list[Sentence] = []
    if kept.is_broken:
        notes.append(
            sentence(
                "The file breaks off; I used the {seconds:.1f} s before that.",
                seconds=sum(kept.durations_ms) / 1000,
            )
        )
    elif kept.is_cut and motion.total_ms is not None:
        notes.append(
            sentence(
                "It lasts {seconds:.1f} s; I used the first {limit:g} s.",
                seconds=motion.total_ms / 1000,
                limit=limits.max_seconds,
            )
        )
    elif kept.is_cut:
        notes.append(sentence("I used its first {limit:g} s.", limit=limits.max_seconds))
    if motion.has_sound:
        notes.append(sentence("Its sound is left out."))
    return tuple(notes)
