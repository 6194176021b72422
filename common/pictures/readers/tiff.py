"""TIFF with tifffile: the first page that is a picture of its own.

Each strip or tile is converted to uint8, uint16 or float32 and, if the picture is larger than
needed, averaged at once, so that a large page need not be held in memory.
"""

import contextlib
import io
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final, cast

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from common.pictures.checks import check_size, damaged, needs_too_much_memory, unreadable
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import (
    CHANNELS,
    Color,
    Model,
    Profiled,
    Raster,
    Samples,
    Srgb,
    from_array,
)
from common.pictures.readers.notes import FIRST_PAGE
from common.pictures.readers.tiff_samples import SampleKind, to_levels, white_of_floats
from common.pictures.reducing import Reducer, reduction
from common.sentences import Sentence, sentence

_MOST_PAGES: Final = 32
_MOST_PIECE_BYTES: Final = 850_000_000
_REDUCED, _MASK = 1, 4
_WHITE_IS_ZERO, _GRAY, _RGB, _PALETTE, _INKS, _YCBCR, _LAB, _ICC_LAB = 0, 1, 2, 3, 5, 6, 8, 9
_RARE: Final = sentence("a rare kind of TIFF")
_NAMES: Final = {
    4: sentence("a mask in a TIFF"),
    10: sentence("a TIFF in ITU Lab"),
    32803: sentence("a camera raw file"),
    34892: sentence("a camera raw file"),
    32844: sentence("a TIFF in LogL"),
    32845: sentence("a TIFF in LogLuv"),
    51177: sentence("a TIFF of depth values"),
}
_MODELS: Final[dict[int, Model]] = {
    _WHITE_IS_ZERO: "gray",
    _GRAY: "gray",
    _RGB: "rgb",
    _PALETTE: "rgb",
    _INKS: "cmyk",
    _YCBCR: "rgb",
    _LAB: "lab",
    _ICC_LAB: "lab",
}
_JPEG: Final = {7, 33007, 34892}
_CMYK_INKS, _INK_SET = 1, 332
_ASSOCIATED, _UNASSOCIATED = 1, 2
_OLD_SUBFILE, _ORIENTATION, _ICC = 255, 274, 34675


@dataclass(frozen=True)
class _Plan:
    """How to convert the page's samples to a raster."""

    photometric: int
    kind: SampleKind
    model: Model
    stored: int  # channels of each pixel in the file
    alpha_at: int | None  # index of the alpha channel
    is_associated: bool

    @property
    def channels(self) -> int:
        return CHANNELS[self.model] + (self.alpha_at is not None)


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The first page that is neither a reduced copy nor a mask."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page, index, pages = _chosen(file)
        check_size((page.imagewidth, page.imagelength), limits)
        notes = (FIRST_PAGE,) if pages > 1 else ()
        color: Color = Srgb()
        if isinstance(profile := _tag(page, _ICC), bytes) and profile:
            color = Profiled(profile)
        plan = _plan(page) if _has_lengths(page) else None  # tifffile would leave parts black
        found = _by_pillow(data, index) if plan is None else None
        if plan is not None:
            try:
                return _read(page, plan, limits, color, notes)
            # Errors of tifffile and its codecs for unsupported or damaged data.
            except (ValueError, KeyError, NotImplementedError, IndexError) as error:
                found = _by_pillow(data, index)
                if found is None:
                    raise damaged() from error
    if found is None:
        raise unreadable(_RARE)
    return from_array(found, color=color, notes=notes)


def _chosen(file: tifffile.TiffFile) -> tuple[tifffile.TiffPage, int | None, int]:
    """The page, its index in the file, and the number of pictures."""
    found: list[tuple[tifffile.TiffPage, int | None]] = []
    every: list[tuple[tifffile.TiffPage, int | None]] = []
    for number, page in enumerate(file.pages):
        if number == _MOST_PAGES:
            break
        whole = cast("tifffile.TiffPage", page.aspage() if number else page)
        every.append((whole, number))
        if not _is_part(whole):
            found.append((whole, number))
    if not found:
        with contextlib.suppress(TypeError, ValueError, IndexError):
            for page, _ in tuple(every):
                for sub in page.pages or ():
                    whole = cast("tifffile.TiffPage", sub)
                    every.append((whole, None))
                    if not _is_part(whole):
                        found.append((whole, None))
    if not every:
        raise damaged()
    if not found:
        found = [max(every, key=lambda each: each[0].imagewidth * each[0].imagelength)]
    return *found[0], len(found)


def _is_part(page: tifffile.TiffPage) -> bool:
    return bool(page.subfiletype & (_REDUCED | _MASK)) or _tag(page, _OLD_SUBFILE) == 2


def _tag(page: tifffile.TiffPage, code: int) -> object:
    tag = page.tags.get(code)
    return None if tag is None else tag.value


def _plan(page: tifffile.TiffPage) -> _Plan | None:
    """The plan; None if Pillow is to read the page."""
    photometric = int(page.photometric)
    if photometric not in _MODELS:
        raise unreadable(_NAMES.get(photometric, _RARE))
    if photometric == _YCBCR and int(page.compression) not in _JPEG:
        return None
    model = _MODELS[photometric]
    stored = page.samplesperpixel
    colors = 1 if photometric == _PALETTE else CHANNELS[model]
    if stored < colors or (photometric == _INKS and _tag(page, _INK_SET) not in {None, _CMYK_INKS}):
        raise unreadable(sentence("a TIFF with inks other than CMYK"))
    if page.imagedepth > 1:
        raise unreadable(sentence("a TIFF of a 3D volume"))
    extras = [int(each) for each in page.extrasamples]
    if not extras and stored == colors + 1 and photometric != _INKS:
        extras = [_UNASSOCIATED]  # ExtraSamples is missing; it can only be alpha
    alpha_at = next(
        (colors + at for at, each in enumerate(extras) if each in {_ASSOCIATED, _UNASSOCIATED}),
        None,
    )
    if alpha_at is not None and alpha_at >= stored:
        alpha_at = None
    bits = page.bitspersample
    if not isinstance(bits, int):
        raise unreadable(sentence("a TIFF whose colors have different bit depths"))
    return _Plan(
        photometric,
        SampleKind(bits, int(page.sampleformat)),
        model,
        stored,
        alpha_at,
        alpha_at is not None and extras[alpha_at - colors] == _ASSOCIATED,
    )


def _read(
    page: tifffile.TiffPage,
    plan: _Plan,
    limits: DecodeLimits,
    color: Color,
    notes: tuple[Sentence, ...],
) -> Raster:
    height, width = page.imagelength, page.imagewidth
    piece = (page.tilelength or page.rowsperstrip) * (page.tilewidth or width)
    if min(piece, height * width) * plan.stored * -(-plan.kind.bits // 8) > _MOST_PIECE_BYTES:
        raise needs_too_much_memory()
    factor = reduction((height, width), limits.max_side_px)
    palette = _palette(page) if plan.photometric == _PALETTE else None
    dtype = np.dtype(np.uint8) if palette is not None else plan.kind.dtype
    white = 255.0 if palette is not None else plan.kind.white
    is_planar = int(page.planarconfig) == 2 and plan.stored > 1
    weighted = plan.alpha_at is not None and not plan.is_associated and not is_planar
    target: Reducer | _Whole
    if factor == 1:
        target = _Whole(height, width, plan.channels, dtype)
    else:
        target = Reducer((height, width, plan.channels), factor, dtype, white if weighted else None)
    for block, place, _ in page.segments(maxworkers=1):
        if block is None:
            continue
        part = to_levels(block[0], plan.kind)
        plane, _depth, top, left, _sample = place
        if is_planar:
            channel = _channel(plan, plane)
            if channel is not None:
                target.add(top, left, _meant(part, plan, palette, white), channel)
        else:
            target.add(top, left, _meant(part, plan, palette, white))
    samples = target.result()
    if dtype.kind == "f":
        white = white_of_floats(samples)
        if plan.photometric == _WHITE_IS_ZERO:
            samples[..., :1] = white - samples[..., :1]
    if plan.is_associated:
        samples = _unmultiplied(samples, white)
    orientation = _tag(page, _ORIENTATION)
    upright = not isinstance(orientation, int) or not 1 <= orientation <= 8
    return Raster(
        samples,
        plan.model,
        white,
        has_alpha=plan.alpha_at is not None,
        color=color,
        orientation=1 if upright else cast("int", orientation),
        notes=notes,
    )


def _has_lengths(page: tifffile.TiffPage) -> bool:
    """Whether the length of each strip or tile is known, except where a sparse file has none."""
    places = zip_longest(page.dataoffsets, page.databytecounts, fillvalue=0)
    return all(length or not offset for offset, length in places)


class _Whole:
    """Assembles blocks without averaging."""

    def __init__(self, height: int, width: int, channels: int, dtype: np.dtype[Any]) -> None:
        self._out: Samples = np.zeros((height, width, channels), dtype)

    def add(self, top: int, left: int, block: Samples, channel: int | None = None) -> None:
        out = self._out if channel is None else self._out[..., channel : channel + 1]
        place = out[top : top + block.shape[0], left : left + block.shape[1]]
        place[:] = block[: place.shape[0], : place.shape[1]]

    def result(self) -> Samples:
        return self._out


def _channel(plan: _Plan, plane: int) -> int | None:
    """The raster channel of a plane in the file."""
    colors = CHANNELS[plan.model]
    if plane < colors:
        return plane
    return colors if plane == plan.alpha_at else None


def _meant(part: Samples, plan: _Plan, palette: NDArray[np.uint8] | None, white: float) -> Samples:
    """The samples in the order and meaning of a raster."""
    if palette is not None:
        colors = palette[np.minimum(part[..., 0], len(palette) - 1)]
        if plan.alpha_at is None:
            return colors
        return np.concatenate([colors, part[..., plan.alpha_at :][..., :1]], axis=2)
    if part.shape[2] == plan.stored and plan.stored != plan.channels:
        kept = list(range(CHANNELS[plan.model]))
        part = part[..., kept + ([] if plan.alpha_at is None else [plan.alpha_at])]
    if plan.photometric == _WHITE_IS_ZERO and part.dtype.kind == "u":
        part = part.copy()
        part[..., 0] = np.minimum(part[..., 0], part.dtype.type(white))
        part[..., 0] = part.dtype.type(white) - part[..., 0]
    if plan.photometric == _LAB:
        part = part.copy()
        part[..., 1:3] ^= part.dtype.type(1 << (8 * part.dtype.itemsize - 1))
    return part


def _palette(page: tifffile.TiffPage) -> NDArray[np.uint8]:
    if page.colormap is None:
        raise damaged()
    table = page.colormap.T
    # Some writers fill the low byte only; libtiff detects it in the same way.
    return table.astype(np.uint8) if table.max(initial=0) < 256 else (table >> 8).astype(np.uint8)


def _unmultiplied(samples: Samples, white: float) -> Samples:
    alpha = samples[..., -1:].astype(np.float32) / np.float32(white)
    colors = samples[..., :-1] / np.maximum(alpha, 1e-6)
    if samples.dtype.kind == "u":
        colors = np.rint(np.clip(colors, 0, white))
    return np.concatenate([colors.astype(samples.dtype), samples[..., -1:]], axis=2)


def _by_pillow(data: bytes, index: int | None) -> Samples | None:
    """A page of at most 8 bits, read with libtiff by Pillow, which turns it upright."""
    if index is None:
        return None
    try:
        image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
        image.seek(index)
        if image.mode not in {"1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "YCbCr", "CMYK"}:
            return None
        image.load()
    except (OSError, ValueError, SyntaxError, KeyError, EOFError, TypeError, RuntimeError):
        return None
    has_alpha = image.mode in {"LA", "RGBA"}
    converted: Image.Image = image.convert("RGBA" if has_alpha else "RGB")
    return np.asarray(converted)
