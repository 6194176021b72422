"""What a scale's picture is to become: the objective, made from pictures and plan."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from engine.networks.encoder import TORCHVISION_STD, Encoder
from engine.painting.content import ContentTargets
from engine.painting.inputs import Inputs, Style
from engine.painting.losses import GaussianTarget
from engine.painting.objective import ContentTerm, Objective, StyleTerm, guide_at
from engine.painting.picture import Size, resized_mask
from engine.painting.plan import Plan
from engine.painting.statistics import LayerMoments, mixed, sum_of
from engine.painting.style import Easel, style_statistics, tiling_for
from engine.painting.tiles import Region

_UNITS = {"caffe": 1.0, "torchvision": 255.0 * sum(TORCHVISION_STD) / 3}


def make_objective(easel: Easel, inputs: Inputs, content: Tensor) -> Objective:
    """The objective of one scale.

    Args:
        easel: network, plan and tiles.
        inputs: the pictures.
        content: at the scale's size, [1, 3, H, W] on the device.
    """
    encoder, plan = easel.encoder, easel.plan
    size = (content.shape[-2], content.shape[-1])
    layers = [name for name in encoder.layers if name in plan.content_layers]
    if not plan.content_weight:
        layers = []
    tiling = tiling_for(encoder, layers, size, easel.core_px)
    targets = (
        ContentTargets.of_whole(encoder, content, layers)
        if tiling is None
        else ContentTargets.of_tiles(encoder, content, layers, tiling, easel.check)
    )
    guides, style = _style_terms(easel, inputs, content)
    untouched = None
    if inputs.mask is not None:
        untouched = (content, _at_size(inputs.mask, size, content))
    return Objective(
        encoder=encoder,
        size=size,
        style=style,
        content=_content_terms(easel, targets, layers),
        targets=targets,
        tv_weight=_tv_weight(plan, size),
        guides=guides,
        untouched=untouched,
    )


def _style_terms(
    easel: Easel, inputs: Inputs, content: Tensor
) -> tuple[list[Tensor | None], list[StyleTerm]]:
    """Terms for each group of styles that apply to the same place, mixed by their weights."""
    plan = easel.plan
    if not plan.style_weight:
        return [None], []
    size = (content.shape[-2], content.shape[-1])
    wide = _wide(easel.encoder)
    groups = _groups(inputs.styles)
    guides = [_guide(group[0], inputs, size, content) for group in groups]
    weights = [sum(style.weight for style in group) for group in groups]
    terms: list[StyleTerm] = []
    for number, (group, share) in enumerate(zip(groups, _shares(weights, guides), strict=True)):
        parts: list[tuple[float, Mapping[str, LayerMoments]]] = []
        for style in group:
            easel.check()
            # Statistics that were kept or shipped lie on the CPU, those measured now do not.
            found = style_statistics(easel, style, size)
            here = {name: one.to(content.device, wide) for name, one in found.items()}
            parts.append((style.weight, here))
        target = mixed(parts)
        for name, weight in plan.style_layers.items():
            area = _area(guides[number], size, easel.encoder.stride_px(name))
            if area <= 0:
                continue
            factor = plan.style_weight * weight * share * area
            weight_in_all, prepared = _style_target(easel, target[name], factor)
            terms.append(StyleTerm(name, number, weight_in_all, prepared))
    return guides, terms


def _shares(weights: Sequence[float], guides: Sequence[Tensor | None]) -> list[float]:
    """For each group of styles its weight among those that apply where it applies."""
    if all(guide is None for guide in guides):
        return [weight / sum(weights) for weight in weights]
    like = next(guide for guide in guides if guide is not None)
    covers = [torch.ones_like(like) if guide is None else guide for guide in guides]
    together = sum_of([cover * weight for cover, weight in zip(covers, weights, strict=True)])
    together = together.clamp(min=torch.finfo(like.dtype).tiny)
    return [
        float((cover * weight / together).sum() / cover.sum().clamp(min=1e-12))
        for cover, weight in zip(covers, weights, strict=True)
    ]


def _style_target(
    easel: Easel, target: LayerMoments, factor: float
) -> tuple[Tensor, LayerMoments | GaussianTarget]:
    """The weight of a style term in the units of the loss, and its target made ready."""
    encoder, plan = easel.encoder, easel.plan
    gram = plan.loss.statistic == "gram"
    channels = target.mean.numel()
    tiny = torch.finfo(target.second.dtype).tiny
    if plan.loss.units == "relative":
        size = target.second.square().sum() if gram else target.second.diagonal().sum()
        weight = factor / size.clamp(min=tiny)
    else:
        unit = encoder.unit / _UNITS[plan.loss.units]
        scale = unit**4 / (4 * channels**2) if gram else unit**2 / channels
        weight = target.mean.new_tensor(factor * scale)
    return weight, target if gram else GaussianTarget(target)


def _content_terms(
    easel: Easel, targets: ContentTargets, layers: Sequence[str]
) -> list[ContentTerm]:
    encoder, plan = easel.encoder, easel.plan
    terms: list[ContentTerm] = []
    for name in layers:
        factor = plan.content_weight * plan.content_layers[name]
        if plan.loss.content == "half-sum":
            factor *= 0.5
        else:
            factor /= targets.count(name)
        if plan.loss.units == "relative":
            factor /= max(targets.mean_square[name], 1e-12)
        else:
            factor *= (encoder.unit / _UNITS[plan.loss.units]) ** 2
        terms.append(
            ContentTerm(name, torch.tensor(factor, device=encoder.device, dtype=_wide(encoder)))
        )
    return terms


def _tv_weight(plan: Plan, size: Size) -> float:
    weight = plan.tv_weight
    if plan.loss.tv == "mean":
        weight /= size[0] * size[1]
    if plan.loss.units == "caffe":
        weight *= 255.0**2
    return weight


def _groups(styles: Sequence[Style]) -> list[list[Style]]:
    groups: dict[int | None, list[Style]] = {}
    for style in styles:
        groups.setdefault(None if style.mask is None else id(style.mask), []).append(style)
    return list(groups.values())


def _guide(style: Style, inputs: Inputs, size: Size, like: Tensor) -> Tensor | None:
    """Where the style counts: within its own mask, and where anything is painted at all."""
    masks = [_at_size(mask, size, like) for mask in (style.mask, inputs.mask) if mask is not None]
    if not masks:
        return None
    return masks[0] if len(masks) == 1 else masks[0] * masks[1]


def _at_size(mask: Tensor, size: Size, like: Tensor) -> Tensor:
    return resized_mask(mask, size).to(like.device, like.dtype)


def _area(guide: Tensor | None, size: Size, stride: int) -> float:
    """Share of the picture that a guide covers."""
    if guide is None:
        return 1.0
    return float(guide_at(guide, Region(0, size[0], 0, size[1]), stride).mean())


def _wide(encoder: Encoder) -> torch.dtype:
    return torch.float64 if encoder.dtype is torch.float64 else torch.float32
