"""The pictures that a command line names, read and checked."""

import argparse
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from torch import Tensor

from common.options import PaintOptions
from common.pictures import DecodeLimits, PictureProblem
from common.pictures.decode import normalise
from common.sentences import Sentence, sentence
from common.settings import Settings
from engine.arguments import parse_numbers, start_file
from engine.painting import Picture, SettingsProblem, Style, mask_from_image
from engine.styles.fingerprints import FingerprintProblem, load_fingerprint
from engine.styles.presets import PresetStyle, preset_style

_FINGERPRINT_SUFFIX = ".safetensors"
Region = tuple[float, float, float, float]

_LIMITS = DecodeLimits(
    max_bytes=1 << 30, max_pixels=500_000_000, max_side_px=16384, min_side_px=1, max_aspect=1e5
)
"""The files are the caller's own, so that only what is absurd is refused."""


@dataclass(frozen=True, eq=False)
class Given:
    """The pictures of one painting.

    Attributes:
        network: to paint with: another than was asked for where a preset can be had for it only.
        notes: what is not as it was asked for.
    """

    content: Picture
    styles: list[Style]
    mask: Tensor | None
    start: Picture | None
    network: str
    notes: tuple[Sentence, ...]


def read_given(
    chosen: argparse.Namespace, settings: Settings, options: PaintOptions, network: str
) -> Given:
    """Read all pictures that the command line names; the styles in order: files, presets, own.

    Raises:
        SettingsProblem: a file cannot be read, or there are too few or too many of something.
        StyleMissing: a preset cannot be had.
    """
    count = len(chosen.style) + len(chosen.preset) + int(chosen.own_style)
    weights, regions, masks = _counted(chosen, count)
    notes: list[Sentence] = []
    content = _picture(chosen.content, notes)
    styles = [_style(file, notes) for file in chosen.style]
    if chosen.network in {None, "auto"}:
        # Statistics serve the network alone that they were measured with.
        network = next(
            (one.fingerprints[0].key.encoder for one in styles if one.fingerprints), network
        )
    presets = _presets(chosen.preset, settings, options, network)
    for found in presets:
        notes += found.notes
        network = found.network
        styles.append(Style(found.picture, fingerprints=found.fingerprints, name=found.name))
    if chosen.own_style:
        styles.append(Style(is_content=True, name="the photograph"))
    start = start_file(chosen)
    return Given(
        content=content,
        styles=[
            replace(style, weight=weight, region=region, mask=_mask(mask, notes))
            for style, weight, region, mask in zip(styles, weights, regions, masks, strict=True)
        ],
        mask=_mask(chosen.mask, notes),
        start=None if start is None else _picture(start, notes),
        network=network,
        notes=tuple(notes),
    )


def _presets(
    names: Sequence[str], settings: Settings, options: PaintOptions, network: str
) -> list[PresetStyle]:
    """All presets for one network: another than was asked for, if one can be had for it only."""
    own_weights = settings.atelier_vgg19_weights is not None and network == "vgg19"
    found = [
        preset_style(name, settings.styles_dir, network, options=options, own_weights=own_weights)
        for name in names
    ]
    other = next((one for one in found if one.network != network), None)
    if other is None:
        return found
    again = _presets(names, settings, options, other.network)
    return [replace(again[0], notes=(*other.notes, *again[0].notes)), *again[1:]]


def _counted(
    chosen: argparse.Namespace, count: int
) -> tuple[list[float], list[Region | None], list[Path | None]]:
    """Weights, regions and masks, one for each style."""
    if count == 0:
        raise SettingsProblem("Give a style: --style FILE, --preset NAME or --own-style.")
    weights = [1.0] * count
    if chosen.style_weights is not None:
        weights = parse_numbers(chosen.style_weights, "--style-weights", count)
    regions: list[Region | None] = [_region(text) for text in chosen.style_region]
    if len(regions) > len(chosen.style):
        raise SettingsProblem(
            "--style-region is for style files, one each in their order; there are {files} files "
            "and {count} regions.",
            files=len(chosen.style),
            count=len(regions),
        )
    regions += [None] * (count - len(regions))
    masks: list[Path | None] = list(chosen.style_mask) or [None] * count
    if len(masks) != count:
        raise SettingsProblem(
            "--style-mask is needed for all styles or none; there are {count} styles and {masks} "
            "masks.",
            count=count,
            masks=len(masks),
        )
    return weights, regions, masks


def _region(text: str) -> Region:
    left, top, right, bottom = parse_numbers(text, "--style-region", 4)
    return left, top, right, bottom


def _style(file: Path, notes: list[Sentence]) -> Style:
    """A style from a picture, or from a fingerprint of one."""
    if file.suffix.lower() != _FINGERPRINT_SUFFIX:
        return Style(_picture(file, notes), name=file.name)
    try:
        return Style(fingerprints=load_fingerprint(file), name=file.name)
    except FingerprintProblem as problem:
        raise SettingsProblem("{problem}", problem=str(problem)) from problem


def _picture(file: Path, notes: list[Sentence]) -> Picture:
    return Picture.from_image(_image(file, notes))


def _mask(file: Path | None, notes: list[Sentence]) -> Tensor | None:
    return None if file is None else mask_from_image(_image(file, notes))


def _image(file: Path, notes: list[Sentence]) -> Image.Image:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsProblem(
            "{file} cannot be read: {reason}.", file=str(file), reason=error.strerror or ""
        ) from None
    try:
        read = normalise(data, _LIMITS)
    except PictureProblem as problem:
        raise SettingsProblem(
            "{file}: {problem}", file=file.name, problem=problem.sentence
        ) from None
    notes += [sentence("{file}: {problem}", file=file.name, problem=one) for one in read.notes]
    return Image.open(io.BytesIO(read.png), formats=("PNG",))
