"""Style: moments of the picture's features are to be those of the styles."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from engine.networks.encoder import Basis
from engine.painting.inputs import Inputs, Style
from engine.painting.measuring import Measuring, calm_name, is_calm, style_statistics
from engine.painting.moments import Counting, add_moments_slope, all_moments
from engine.painting.picture import Size, resized_mask
from engine.painting.statistics import LayerMoments, mixed, sum_of
from engine.painting.style_targets import GaussianTarget, GramTarget, MomentsTarget
from engine.painting.terms.term import OwnFeatures, Sums, Term
from engine.painting.tiles import Region, guide_at

_LEAST_TOTAL = 1e-6
_LEAST_CHANGE = 1e-3
_HELD_SHARE = 0.6
"""What a pixel counts of what was painted before, in parts of a new one."""
_Place = tuple[str, int]
"""A layer and the number of the guide by which its positions count."""


@dataclass(frozen=True, eq=False)
class StyleTarget:
    """What a layer's moments are to be like, where they count by a guide, which has a number."""

    layer: str
    guide: int
    target: MomentsTarget


@dataclass(frozen=True, eq=False)
class _Group:
    """Styles that apply to the same place: to all of it, or to what is calm there."""

    styles: tuple[Style, ...]
    weight: float
    calm: bool = False

    def quiet(self, weight: float) -> "_Group":
        """The same styles where it is calm, with a weight beside this one's."""
        return replace(self, weight=weight * self.weight, calm=True)


@dataclass(frozen=True, eq=False)
class StyleTerm(Term):
    """The distances to all targets.

    Attributes:
        targets: for each layer and group of styles.
        size: of the picture.
        strides_px: of the layers, by name.
        guides: masks [H, W] by which the features count for a group of styles; None counts all.
    """

    targets: Sequence[StyleTarget]
    size: Size
    strides_px: Mapping[str, int]
    guides: Sequence[Tensor | None] = (None,)
    name = "style"

    @property
    def layers(self) -> tuple[str, ...]:
        """See `Term.layers`."""
        return tuple(dict.fromkeys(target.layer for target in self.targets))

    @property
    def summed(self) -> tuple[str, ...]:
        """See `Term.summed`."""
        return self.layers

    @classmethod
    def made(cls, measuring: Measuring, inputs: Inputs, content: Tensor) -> "StyleTerm":
        """As the plan says; see `engine.painting.terms.MakeTerm`.

        Styles that apply to the same place make a group, mixed by their weights. Where the plan
        says so, the photograph's calm parts are held to the styles' calm parts beside that.
        """
        encoder, plan = measuring.encoder, measuring.plan
        size = (content.shape[-2], content.shape[-1])
        strides = {name: encoder.stride_px(name) for name in plan.style_layers}
        if not plan.weights["style"]:
            return cls((), size, strides)
        known = {id(style): _measured(measuring, style, size, content) for style in inputs.styles}
        groups = _groups(inputs.styles)
        if plan.calm:
            groups += [group.quiet(plan.calm) for group in groups if _tells_calm(group, known)]
        guides = [_guide(group, inputs, size, measuring.wide) for group in groups]
        weights = [group.weight for group in groups]
        targets: list[StyleTarget] = []
        for number, (group, share) in enumerate(zip(groups, _shares(weights, guides), strict=True)):
            target = mixed([(style.weight, known[id(style)]) for style in group.styles])
            for name, weight in plan.style_layers.items():
                area = _area(guides[number], size, strides[name])
                if area <= 0:
                    continue
                factor = plan.weights["style"] * weight * share * area
                found = target[calm_name(name) if group.calm else name]
                target_here = _prepared(
                    measuring, found, factor, basis=encoder.basis(name), centered=group.calm
                )
                targets.append(StyleTarget(name, number, target_here))
        there = [None if guide is None else guide.to(content.device) for guide in guides]
        return cls(targets, size, strides, there)

    def sums(self, layer: str, features: Tensor, core: Region) -> Sums:
        """See `Term.sums`: second moments and means, at each place."""
        found: Sums = {}
        places = self._places_of(layer)
        made = all_moments(features, [self._counting(place, core) for place in places])
        for place, one in zip(places, made, strict=True):
            found[place, "second"], found[place, "mean"] = one.second, one.mean
        return found

    def loss(self, sums: Sums) -> tuple[Tensor, Sums] | None:
        """See `Term.loss`."""
        losses: list[Tensor] = []
        slopes: Sums = {}
        for target in self.targets:
            place = (target.layer, target.guide)
            loss, found = target.target.loss(_at(place, sums))
            losses.append(loss)
            slopes[place, "second"], slopes[place, "mean"] = found.second, found.mean
        return (sum_of(losses), slopes) if losses else None

    def at_features(self, own: OwnFeatures, slopes: Sums) -> None:
        """See `Term.at_features`: only the slopes of the moments are taken back."""
        parts = [
            (self._counting(place, own.core), _at(place, slopes))
            for place in self._places_of(own.layer)
        ]
        add_moments_slope(own.slope, own.values, parts, fresh=own.fresh)
        own.fresh = False

    def _counting(self, place: _Place, core: Region) -> Counting:
        return Counting(self._counts(place, core), self._totals[place])

    @cached_property
    def _totals(self) -> dict[_Place, float]:
        """How many positions count at each place, each by its guide."""
        found: dict[_Place, float] = {}
        height, width = self.size
        for layer in self.layers:
            for place in self._places_of(layer):
                stride = self.strides_px[layer]
                counts = self._counts(place, Region(0, height, 0, width))
                found[place] = (
                    float((height // stride) * (width // stride))
                    if counts is None
                    else max(float(counts.cpu().sum(dtype=torch.float64)), _LEAST_TOTAL)
                )
        return found

    def _places_of(self, layer: str) -> list[_Place]:
        found = ((one.layer, one.guide) for one in self.targets if one.layer == layer)
        return list(dict.fromkeys(found))

    def _counts(self, place: _Place, region: Region) -> Tensor | None:
        """How much each feature of a region counts at a place; None where all count alike."""
        layer, number = place
        mask = self.guides[number]
        return None if mask is None else guide_at(mask, region, self.strides_px[layer])


def _at(place: _Place, sums: Sums) -> LayerMoments:
    return LayerMoments(sums[place, "second"], sums[place, "mean"])


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


def _measured(
    measuring: Measuring, style: Style, size: Size, like: Tensor
) -> Mapping[str, LayerMoments]:
    """A style's statistics, where the picture is."""
    measuring.check()
    # Statistics that were kept or shipped lie on the CPU, those measured now do not.
    found = style_statistics(measuring, style, size)
    return {name: one.to(like.device, measuring.wide) for name, one in found.items()}


def _prepared(
    measuring: Measuring,
    target: LayerMoments,
    factor: float,
    *,
    basis: Basis | None,
    centered: bool,
) -> MomentsTarget:
    """A style's moments as a target, with weights in the units of the loss."""
    plan = measuring.plan
    gram = plan.loss.statistic == "gram"
    channels = target.mean.numel()
    tiny = torch.finfo(target.second.dtype).tiny
    if plan.loss.units == "relative":
        size = target.second.square().sum() if gram else target.second.diagonal().sum()
        if centered:  # What is flat does not change at all.
            size = torch.maximum(target.centered().second.square().sum(), size * _LEAST_CHANGE)
        weight = factor / size.clamp(min=tiny)
    else:
        unit = measuring.unit
        scale = unit**4 / (4 * channels**2) if gram else unit**2 / channels
        weight = target.mean.new_tensor(factor * scale)
    if not gram:
        return GaussianTarget(target, weight, basis=basis)
    return GramTarget(
        target,
        weight,
        means=factor * plan.loss.means,
        deviations=factor * plan.loss.deviations,
        centered=centered,
        basis=basis,
    )


def _groups(styles: Sequence[Style]) -> list[_Group]:
    found: dict[int | None, list[Style]] = {}
    for style in styles:
        found.setdefault(None if style.mask is None else id(style.mask), []).append(style)
    return [_Group(tuple(group), sum(one.weight for one in group)) for group in found.values()]


def _tells_calm(group: _Group, known: Mapping[int, Mapping[str, LayerMoments]]) -> bool:
    """Whether the calm parts of all a group's styles are known; older fingerprints lack them."""
    return all(any(is_calm(name) for name in known[id(style)]) for style in group.styles)


def _guide(group: _Group, inputs: Inputs, size: Size, dtype: torch.dtype) -> Tensor | None:
    """Where a group counts: within its own mask, and where anything is painted at all.

    In a frame that begins from others it is mostly where it does not: the rest has the style's
    statistics already, so that new parts would be left plain.
    """
    masks = [
        resized_mask(mask, size).to(dtype)
        for mask in (group.styles[0].mask, inputs.mask, inputs.calm if group.calm else None)
        if mask is not None
    ]
    if inputs.held is not None:
        known = resized_mask(inputs.held.weights, size).to(dtype)
        masks.append(1 - (1 - _HELD_SHARE) * known)
    return math.prod(masks[1:], start=masks[0]) if masks else None


def _area(guide: Tensor | None, size: Size, stride: int) -> float:
    """Share of the picture that a guide covers."""
    if guide is None:
        return 1.0
    return float(guide_at(guide, Region(0, size[0], 0, size[1]), stride).mean())
