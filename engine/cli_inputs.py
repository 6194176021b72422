"""The pictures that a command line names, read and checked."""

import argparse
import io
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image
from torch import Tensor

from common.clips.clip import CLIP_SUFFIX, Clip, ClipFileLimits, read_clip, write_clip
from common.clips.decode import decode_into
from common.options import PaintOptions
from common.pictures import DecodeLimits, PictureError
from common.pictures.decode import check_bytes, normalize
from common.pictures.kinds import MAX_ASPECT, ClipLimits
from common.sentences import Sentence, sentence
from common.settings import Settings
from engine.arguments import STARTS, parse_numbers, start_file
from engine.painting import PaintSettingsError, Picture, Style, mask_from_image
from engine.painting.inputs import Share
from engine.pipeline.pictures import Pictures, Preset, load_pictures
from engine.styles.fingerprints import FingerprintError, load_fingerprint

_FINGERPRINT_SUFFIX = ".safetensors"

OWN_FILES = DecodeLimits(
    max_bytes=1 << 30, max_pixels=500_000_000, max_side_px=16384, min_side_px=1, max_aspect=1e5
)
"""Generous limits, as the files are the user's own."""
_PAINTED = replace(OWN_FILES, max_aspect=MAX_ASPECT)
"""Limits of the photograph: a very narrow one would become a line, as for members."""
_WHOLE = ClipLimits(max_seconds=3600, max_frames_per_second=100, max_side_px=OWN_FILES.max_side_px)
OWN_CLIPS = ClipFileLimits(
    max_frames=1_000_000, max_side_px=OWN_FILES.max_side_px, max_pixels=OWN_FILES.max_pixels
)
"""Limits of clips that were decoded from the user's own files."""
_STILL_MS = 1000
"""Duration of a clip with a single frame."""


def read_moving(file: Path, folder: Path) -> tuple[Clip, tuple[Sentence, ...]]:
    """Decode a file to a clip, with notes on what was left out; a still picture is one frame.

    Args:
        file: to be read.
        folder: for the clip's frames, which are not kept in memory.

    Raises:
        PaintSettingsError: it cannot be read.
        OSError: the disk is full.
    """
    kept = folder / f"photograph{CLIP_SUFFIX}"
    try:
        picture, notes = decode_into(kept, bytes_of(file), _PAINTED, _WHOLE)
    except PictureError as problem:
        raise _unreadable(file, problem.sentence) from None
    if notes is None:
        write_clip(kept, [Image.open(io.BytesIO(picture.png), formats=("PNG",))], [_STILL_MS])
        notes = picture.notes
    return read_clip(kept, OWN_CLIPS), _about(file, notes)


def read_pictures(
    chosen: argparse.Namespace,
    settings: Settings,
    options: PaintOptions,
    network: str,
    content: Picture | None,
) -> Pictures:
    """Read all pictures that the command line names; the styles in order: files, presets, own.

    Args:
        chosen: of the command line.
        settings: of this machine.
        options: of the painting.
        network: to paint with.
        content: the photograph; None if it was not read yet.

    Raises:
        PaintSettingsError: a file cannot be read, or there are too few or too many of something.
        StyleMissingError: a preset cannot be had.
    """
    count = len(chosen.style) + len(chosen.preset) + int(chosen.own_style)
    weights, regions, masks = _counted(chosen, count)
    notes: list[Sentence] = []
    content = content or _picture(chosen.content, notes, _PAINTED)
    styles: list[Style | Preset] = [_style(file, notes) for file in chosen.style]
    styles += [Preset(name) for name in chosen.preset]
    if chosen.own_style:
        styles.append(Style(is_content=True, name="the photo"))
    start = start_file(chosen)
    loaded = load_pictures(
        content,
        [
            replace(style, weight=weight, region=region, mask=_mask(mask, notes))
            for style, weight, region, mask in zip(styles, weights, regions, masks, strict=True)
        ],
        options,
        network=network,
        settings=settings,
        mask=_mask(chosen.mask, notes),
        start=None if start is None else _start(start, notes),
    )
    return replace(loaded, notes=(*notes, *loaded.notes))


def _counted(
    chosen: argparse.Namespace, count: int
) -> tuple[list[float], list[Share | None], list[Path | None]]:
    """Weights, regions and masks, one for each style."""
    if count == 0:
        raise PaintSettingsError("Give a style: --style FILE, --preset NAME or --own-style.")
    weights = [1.0] * count
    if chosen.style_weights is not None:
        weights = parse_numbers(chosen.style_weights, "--style-weights", count)
        if count == 1 and weights != [1.0]:
            raise PaintSettingsError(
                "--style-weights divides the picture among several styles; for how much of a "
                "single one, use --strength."
            )
    regions: list[Share | None] = []
    for text in chosen.style_region:
        left, top, right, bottom = parse_numbers(text, "--style-region", 4)
        regions.append((left, top, right, bottom))
    if len(regions) > len(chosen.style):
        raise PaintSettingsError(
            "--style-region is for style files, one each in their order; there are {files} files "
            "and {count} regions.",
            files=len(chosen.style),
            count=len(regions),
        )
    regions += [None] * (count - len(regions))
    masks: list[Path | None] = list(chosen.style_mask) or [None] * count
    if len(masks) != count:
        raise PaintSettingsError(
            "--style-mask is needed for all styles or none; there are {count} styles and {masks} "
            "masks.",
            count=count,
            masks=len(masks),
        )
    return weights, regions, masks


def _style(file: Path, notes: list[Sentence]) -> Style:
    """A style from a picture, or from a fingerprint of one."""
    if file.suffix.lower() != _FINGERPRINT_SUFFIX:
        return Style(_picture(file, notes), name=file.name)
    try:
        return Style(fingerprints=load_fingerprint(file), name=file.name)
    except FingerprintError as problem:
        raise PaintSettingsError("{problem}", problem=str(problem)) from problem


def _picture(file: Path, notes: list[Sentence], limits: DecodeLimits = OWN_FILES) -> Picture:
    return Picture.from_image(_image(file, notes, limits))


def _start(file: Path, notes: list[Sentence]) -> Picture:
    if not os.path.lexists(file):
        raise PaintSettingsError(
            "--init is one of {words}, or a file; there is no file {file}.",
            words=", ".join(STARTS),
            file=str(file),
        )
    return _picture(file, notes)


def _mask(file: Path | None, notes: list[Sentence]) -> Tensor | None:
    return None if file is None else mask_from_image(_image(file, notes))


def _image(file: Path, notes: list[Sentence], limits: DecodeLimits = OWN_FILES) -> Image.Image:
    try:
        read = normalize(bytes_of(file), limits)
    except PictureError as problem:
        raise _unreadable(file, problem.sentence) from None
    notes += _about(file, read.notes)
    return Image.open(io.BytesIO(read.png), formats=("PNG",))


def bytes_of(file: Path) -> bytes:
    """A file of the user's own; one that is far too large is not read into memory.

    Raises:
        PaintSettingsError: it cannot be read.
        PictureError: it is too large.
    """
    try:
        check_bytes(file.stat().st_size, OWN_FILES)
        return file.read_bytes()
    except OSError as error:
        raise PaintSettingsError(
            "{file} cannot be read: {reason}.", file=str(file), reason=error.strerror or ""
        ) from None


def _unreadable(file: Path, problem: Sentence) -> PaintSettingsError:
    return PaintSettingsError("{file}: {problem}", file=file.name, problem=problem)


def _about(file: Path, notes: Sequence[Sentence]) -> tuple[Sentence, ...]:
    return tuple(sentence("{file}: {problem}", file=file.name, problem=one) for one in notes)
