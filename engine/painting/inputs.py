"""The pictures of a painting, checked before any work."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from common.options import PaintOptions
from common.sentences import Sentence, sentence
from engine.errors import PaintSettingsError
from engine.painting.calm import calm_parts
from engine.painting.color import color_moments, mixed_colors, prepare_style
from engine.painting.contrast import style_share
from engine.painting.faces import Face, face_mask, find_faces
from engine.painting.palette import Coloring, in_palettes
from engine.painting.picture import (
    Picture,
    Size,
    center_cropped,
    cut,
    fit_size,
    mirrored,
    resized,
    resized_mask,
)
from engine.painting.plan import LEAST_SIDE_PX
from engine.painting.statistics import ColorMoments, StyleStatistics

Share = tuple[float, float, float, float]
_AXES = 3
_OVERSHOOT = 0.1
_SKIN_KEPT = 0.5
_NAMELESS = sentence("the style")


@dataclass(frozen=True, eq=False)
class Style:
    """One style: a picture, the content itself, or statistics of a picture that is not here."""

    picture: Picture | None = None
    """Its pixels; None when `is_content` or when there are only fingerprints."""
    is_content: bool = False
    """The photograph is its own style."""
    weight: float = 1.0
    """Relative to the other styles."""
    region: Share | None = None
    """Left, top, right, bottom of the part to use, as shares of the picture."""
    mask: Tensor | None = None
    """[H, W] in 0..1, of the content's size: where this style applies; None everywhere."""
    fingerprints: Sequence[StyleStatistics] = ()
    """Statistics measured before, one for each size; used if there is no picture."""
    name: str | Sentence = _NAMELESS
    """Its name in messages."""
    origin: str = ""
    """Key of the stored picture, with whose deletion cached statistics are deleted; empty for
    none."""


@dataclass(frozen=True, eq=False)
class WarpedFrame:
    """The earlier painted frames of a clip, warped by optical flow to the frame to be painted."""

    pixels: Tensor
    """[3, H, W], of the finished size."""
    weights: Tensor
    """[H, W] in 0..1: how reliable each pixel is; 0 where nothing is known."""
    still: Tensor
    """[H, W] in 0..1: where nothing has changed, so that pixels are kept as they are."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """The pictures of a painting, checked."""

    content: Picture
    """The photograph, at its own size."""
    styles: tuple[Style, ...]
    """With regions cut out and colors prepared; each has a picture or fingerprints."""
    mask: Tensor | None = None
    """Where to paint, of the content's size; None everywhere."""
    start: Picture | None = None
    """A picture to start from, if the options say `file`."""
    recolored: Picture | None = None
    """The content in the styles' palette, of the same size; None to keep its own colors."""
    warped: WarpedFrame | None = None
    """The earlier frames of a clip; None for a single picture or the first frame of a scene."""
    faces: Tensor | None = None
    """Mask [H, W] of its faces in 0..1, of the content's size; None for no faces."""
    style_share: float = 1.0
    """Factor of the style's weight, below 1 where the styles show next to nothing."""

    @property
    def target(self) -> Picture:
        """The content target: the recolored photograph if there is one, else the photograph."""
        return self.content if self.recolored is None else self.recolored

    @cached_property
    def calm(self) -> Tensor:
        """Mask [h, w] of the content's calm parts without faces, in 0..1, of its aspect."""
        calm = calm_parts(self.content.pixels)
        if self.faces is None:
            return calm
        return calm * (1 - resized_mask(self.faces, (calm.shape[0], calm.shape[1])))


def check_inputs(
    content: Picture,
    styles: Sequence[Style],
    options: PaintOptions,
    mask: Tensor | None,
    start: Picture | None,
) -> Inputs:
    """The pictures ready for painting.

    Raises:
        PaintSettingsError: no style, a mask of another size, no picture to start from, …
    """
    if not styles:
        raise PaintSettingsError("There is no style; give at least one picture or preset.")
    if options.start == "file" and start is None:
        raise PaintSettingsError("To start from a file, give the picture to start from.")
    masks = [(sentence("The mask"), mask)]
    masks += [(sentence("The mask of {style}", style=one.name), one.mask) for one in styles]
    for name, one in masks:
        if one is not None and tuple(one.shape) != content.size:
            raise PaintSettingsError(
                "{mask} is {width} × {height} pixels; it must be as large as the photo, "
                "{content_width} × {content_height}.",
                mask=name,
                width=one.shape[1],
                height=one.shape[0],
                content_width=content.size[1],
                content_height=content.size[0],
            )
        if one is not None and not _within(one):
            raise PaintSettingsError(
                "{mask} must consist of floating-point numbers from 0 to 1.", mask=name
            )
    if mask is not None and not bool((mask > 0).any()):
        raise PaintSettingsError("The mask is all black, so nothing would be painted.")
    if not any(_applies(style, mask) for style in styles):
        raise PaintSettingsError("The masks of the styles are black wherever anything is painted.")
    content = _checked(content, sentence("the photo")).filled()
    chosen = [_chosen(style, content, options) for style in styles]
    prepared = tuple(_in_photographs_colors(style, content, options) for style in chosen)
    inputs = Inputs(content, prepared, mask, style_share=_style_share(chosen))
    if options.start != "file" or start is None:
        return inputs
    start = _checked(start, sentence("the picture to start from")).filled()
    return replace(inputs, start=start)


def _style_share(styles: Sequence[Style]) -> float:
    """See `Inputs.style_share`. Statistics are those of paintings; a photograph suits itself."""
    seen = [
        (style.weight, style.picture)
        for style in styles
        if style.picture is not None and not style.is_content
    ]
    return style_share(seen) if len(seen) == len(styles) else 1.0


def _applies(style: Style, mask: Tensor | None) -> bool:
    """Whether the style's mask and the mask of what is painted overlap."""
    if style.mask is None:
        return True
    return bool((style.mask > 0 if mask is None else (style.mask > 0) & (mask > 0)).any())


def fitted_size(style: Size, picture: Size, style_scale: float, fit: str) -> Size:
    """The size of the result of `fitted_style`."""
    made = _scaled_size(style, picture, style_scale, fit)
    if fit == "crop":
        made = min(made[0], picture[0]), min(made[1], picture[1])
    elif fit == "mirror":
        made = picture
    return max(made[0], LEAST_SIDE_PX), max(made[1], LEAST_SIDE_PX)


def fitted_style(pixels: Tensor, picture: Size, style_scale: float, fit: str) -> Tensor:
    """A style picture [C, H, W] for a scale of the painting.

    Args:
        pixels: the style at its own size; alpha may be one of its channels.
        picture: the painting's size at this scale.
        style_scale: the style's longer side relative to the painting's.
        fit: `resize` only scales; `crop` scales it to cover the painting and crops the center;
            `mirror` extends a smaller one by reflection to the painting's size.
    """
    size = (pixels.shape[1], pixels.shape[2])
    made = resized(pixels, _scaled_size(size, picture, style_scale, fit))
    if fit == "mirror":
        made = mirrored(made, picture)
    if fit != "resize":
        made = center_cropped(made, picture)
    least = max(made.shape[1], LEAST_SIDE_PX), max(made.shape[2], LEAST_SIDE_PX)
    return mirrored(made, least)


def _scaled_size(style: Size, picture: Size, style_scale: float, fit: str) -> Size:
    """The size before cropping or extending; never enlarged, as that adds no strokes."""
    long_side = max(picture) * style_scale
    if fit == "crop":
        cover = max(picture[0] / style[0], picture[1] / style[1]) * style_scale
        long_side = max(style) * cover
    return fit_size(style, min(max(1, round(long_side)), max(style)))


def _chosen(style: Style, content: Picture, options: PaintOptions) -> Style:
    """The style, checked, with its region cut out."""
    if not 0 < style.weight < math.inf:
        raise PaintSettingsError(
            "The weight of {style} is {weight:g}; it must be above 0.",
            style=style.name,
            weight=style.weight,
        )
    picture = content if style.is_content else style.picture
    if picture is None:
        if not style.fingerprints:
            raise PaintSettingsError(
                "There is neither a picture nor statistics of {style}.", style=style.name
            )
        if style.region is not None or options.keep_colors in {"match", "histogram"}:
            raise PaintSettingsError(
                "There are only statistics of {style}, without its colors and parts; keep the "
                "photo's colors by luminance or not at all, and use all of the style.",
                style=style.name,
            )
        return style
    picture = _checked(picture, style.name).filled()
    pixels, alpha = picture.pixels, picture.alpha
    if style.region is not None:
        left, top, right, bottom = style.region
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise PaintSettingsError(
                "A region is left, top, right, bottom from 0 to 1, in that order."
            )
        pixels = cut(pixels, style.region)
        alpha = None if alpha is None else cut(alpha, style.region)
    if alpha is not None and not bool(alpha.any()):
        raise PaintSettingsError(
            "There is nothing to learn from {style}, because it is completely transparent.",
            style=style.name,
        )
    return replace(style, picture=Picture(pixels.contiguous(), alpha))


def _in_photographs_colors(style: Style, content: Picture, options: PaintOptions) -> Style:
    """The style in the photograph's colors, if these are kept."""
    if options.keep_colors == "no" or style.is_content or style.picture is None:
        return style
    pixels = prepare_style(
        style.picture.pixels[None],
        content.pixels[None],
        options.keep_colors,
        options.keep_colors_strength,
    )[0]
    return replace(style, picture=Picture(pixels.contiguous(), style.picture.alpha))


def with_colors_first(inputs: Inputs, share: float, coloring: Coloring | None = None) -> Inputs:
    """The inputs with the content recolored to the styles' palettes, each within its mask.

    Nothing changes if the palette of a style is unknown, or if the content is a style. Faces are
    recolored half as much, so that skin keeps looking like skin.

    Args:
        inputs: the pictures, with the mask of faces if these are to be kept.
        share: how far to go to the palettes, 0..1.
        coloring: that of the scene, so that its frames are recolored alike; None to measure the
            content itself.
    """
    if share <= 0:
        return inputs
    content, styles = inputs.content, inputs.styles
    groups: dict[int | None, list[tuple[float, ColorMoments]]] = {}
    masks = {None if style.mask is None else id(style.mask): style.mask for style in styles}
    for style in styles:
        colors = colors_of(style)
        if style.is_content or colors is None:
            return inputs
        place = None if style.mask is None else id(style.mask)
        groups.setdefault(place, []).append((style.weight, colors))
    parts = [
        (sum(weight for weight, _ in group), mixed_colors(group), masks[place])
        for place, group in groups.items()
    ]
    way = coloring or Coloring.of(content.pixels, faces=inputs.faces is not None)
    pixels = in_palettes(content.pixels, parts, share, way)
    if inputs.faces is not None:
        pixels = torch.lerp(
            pixels, content.pixels, _SKIN_KEPT * resized_mask(inputs.faces, content.size)
        )
    return replace(inputs, recolored=Picture(pixels, content.alpha))


def with_faces(inputs: Inputs, options: PaintOptions, weight: float) -> Inputs:
    """The inputs with a mask of the photograph's faces, if these get a greater weight."""
    found = faces_to_keep(inputs, options, weight)
    return replace(inputs, faces=face_mask(found, inputs.content.size)) if found else inputs


def faces_to_keep(inputs: Inputs, options: PaintOptions, weight: float) -> tuple[Face, ...]:
    """The photograph's faces, if these get a greater weight."""
    if options.faces == "off" or weight <= 0 or options.strength <= 0:
        return ()
    if any(style.is_content for style in inputs.styles):
        return ()  # painted in its own style
    return find_faces(inputs.content)


def colors_of(style: Style) -> ColorMoments | None:
    """The moments of a style's colors; None if they are unknown."""
    if style.picture is not None:
        return color_moments(style.picture.pixels[None])
    known = [one.colors for one in style.fingerprints if one.colors is not None]
    return known[-1] if known else None


def _within(numbers: Tensor) -> bool:
    """Whether all values are in 0..1, with tolerance for filters that overshoot; NaN is not."""
    if not numbers.is_floating_point() or not numbers.numel():
        return False
    least, greatest = numbers.aminmax()
    return float(least) >= -_OVERSHOOT and float(greatest) <= 1 + _OVERSHOOT


def _checked(picture: Picture, name: str | Sentence) -> Picture:
    """Raise PaintSettingsError for shapes or values that `Picture` does not allow."""
    pixels, alpha = picture.pixels, picture.alpha
    right = pixels.ndim == _AXES and pixels.shape[0] == _AXES and _within(pixels)
    if alpha is not None:
        right = right and alpha.shape == pixels.shape[1:] and _within(alpha)
    if not right:
        raise PaintSettingsError(
            "The pixels of {picture} must be floating-point numbers from 0 to 1 of the shape "
            "[3, height, width], with an alpha of [height, width] or none.",
            picture=name,
        )
    return picture
