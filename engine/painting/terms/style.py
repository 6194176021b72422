"""Style: the moments of the picture's features should be those of the styles."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from engine.networks.encoder import Basis
from engine.painting.border import covered, inner_guide, inner_moments, inner_part, outside
from engine.painting.inputs import Inputs, Style
from engine.painting.measuring import Measuring, calm_name, is_calm, style_statistics
from engine.painting.moments import Weighting, add_moments_grad
from engine.painting.picture import Size, resized_mask
from engine.painting.statistics import LayerMoments, mixed, sum_of
from engine.painting.style_targets import GaussianTarget, GramTarget, MomentsTarget
from engine.painting.terms.term import OwnFeatures, Sums, Term
from engine.painting.tiles import Region, guide_at

_LEAST_CHANGE = 1e-3
_WARPED_WEIGHT = 0.6
"""Weight of a pixel that is known from earlier frames, relative to a new one."""
_Place = tuple[str, int]
"""A layer, and the number of the guide that weights its positions."""


@dataclass(frozen=True, eq=False)
class StyleTarget:
    """The target of a layer's moments under a guide, which is given by its number."""

    layer: str
    guide: int
    target: MomentsTarget


@dataclass(frozen=True, eq=False)
class _Group:
    """Styles with the same mask, or the same restricted to calm parts."""

    styles: tuple[Style, ...]
    weight: float
    calm: bool = False

    def quiet(self, weight: float) -> "_Group":
        """The same styles for calm parts, with a weight relative to this group's."""
        return replace(self, weight=weight * self.weight, calm=True)


@dataclass(frozen=True, eq=False)
class StyleTerm(Term):
    """The sum of the distances to all targets."""

    targets: Sequence[StyleTarget]
    """One for each layer and group of styles."""
    size: Size
    """Of the picture."""
    strides_px: Mapping[str, int]
    """Strides of the layers, by name."""
    borders: Mapping[str, int]
    """Positions at each side that do not count, likewise."""
    guides: Sequence[Tensor | None] = (None,)
    """For each group of styles the weights [H, W] of the pixels; None for 1 everywhere."""
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

        Styles with the same mask form a group, whose moments are mixed by their weights. If the
        plan has a weight for it, calm parts of the photograph have calm parts of the styles as an
        additional target.
        """
        encoder, plan = measuring.encoder, measuring.plan
        size = (content.shape[-2], content.shape[-1])
        strides = {name: encoder.stride_px(name) for name in plan.style_layers}
        borders = {name: encoder.border(name) for name in plan.style_layers}
        if not plan.weights["style"]:
            return cls((), size, strides, borders)
        known = {id(style): _measured(measuring, style, size, content) for style in inputs.styles}
        groups = _groups(inputs.styles)
        if plan.calm:
            groups += [group.quiet(plan.calm) for group in groups if _tells_calm(group, known)]
        guides = [_guide(group, inputs, size, measuring.acc_dtype) for group in groups]
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
        return cls(targets, size, strides, borders, there)

    def sums(self, layer: str, features: Tensor, core: Region) -> Sums:
        """See `Term.sums`: second moments and means, for each guide."""
        found: Sums = {}
        places, inner = self._places_of(layer), self._inner(layer, core)
        made = inner_moments(features, [self._weighting(place, core) for place in places], inner)
        for place, one in zip(places, made, strict=True):
            found[place, "second"], found[place, "mean"] = one.second, one.mean
        return found

    def loss(self, sums: Sums) -> tuple[Tensor, Sums] | None:
        """See `Term.loss`."""
        losses: list[Tensor] = []
        grads: Sums = {}
        for target in self.targets:
            place = (target.layer, target.guide)
            loss, found = target.target.loss(_at(place, sums))
            losses.append(loss)
            grads[place, "second"], grads[place, "mean"] = found.second, found.mean
        return (sum_of(losses), grads) if losses else None

    def at_features(self, own: OwnFeatures, grads: Sums) -> None:
        """See `Term.at_features`: the backward pass of the moments; the loss is in `loss`."""
        parts = [
            (self._weighting(place, own.core), _at(place, grads))
            for place in self._places_of(own.layer)
        ]
        at_border = outside(own.grad, self._inner(own.layer, own.core))
        before = [None if own.fresh else strip.clone() for strip in at_border]
        add_moments_grad(own.grad, own.values, parts, fresh=own.fresh)
        for strip, kept in zip(at_border, before, strict=True):
            strip.zero_() if kept is None else strip.copy_(kept)
        own.fresh = False

    def _weighting(self, place: _Place, core: Region) -> Weighting:
        if core.size == self.size:
            return self._of_whole[place]
        return Weighting(self._guide_of(place, core), self._totals[place])

    def _guide_of(self, place: _Place, core: Region) -> Tensor | None:
        layer, number = place
        mask = self.guides[number]
        if mask is None:
            return None
        return inner_guide(mask, core, self.strides_px[layer], self._inner(layer, core))

    @cached_property
    def _of_whole(self) -> dict[_Place, Weighting]:
        """The weighting of the whole picture for each layer and guide, the same each time."""
        whole = Region(0, self.size[0], 0, self.size[1])
        return {
            place: Weighting(self._guide_of(place, whole), total)
            for place, total in self._totals.items()
        }

    @cached_property
    def _totals(self) -> dict[_Place, float]:
        """Sum of the weights of all positions, for each layer and guide."""
        return {
            (layer, number): covered(
                self.guides[number], self.size, self.strides_px[layer], self.borders[layer]
            )
            for name in self.layers
            for layer, number in self._places_of(name)
        }

    def _inner(self, layer: str, core: Region) -> Region:
        return inner_part(core, self.size, self.strides_px[layer], self.borders[layer])

    def _places_of(self, layer: str) -> list[_Place]:
        found = ((one.layer, one.guide) for one in self.targets if one.layer == layer)
        return list(dict.fromkeys(found))


def _at(place: _Place, sums: Sums) -> LayerMoments:
    return LayerMoments(sums[place, "second"], sums[place, "mean"])


def _shares(weights: Sequence[float], guides: Sequence[Tensor | None]) -> list[float]:
    """Each group's share of the weights of all groups that apply, averaged over its guide."""
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
    """A style's statistics, on the picture's device."""
    measuring.check()
    # Cached and shipped statistics are on the CPU.
    found = style_statistics(measuring, style, size)
    return {name: one.to(like.device, measuring.acc_dtype) for name, one in found.items()}


def _prepared(
    measuring: Measuring,
    target: LayerMoments,
    factor: float,
    *,
    basis: Basis | None,
    centered: bool,
) -> MomentsTarget:
    """A style's moments as a target, with the weights that the plan's units ask for."""
    plan = measuring.plan
    gram = plan.loss.statistic == "gram"
    channels = target.mean.numel()
    tiny = torch.finfo(target.second.dtype).tiny
    if plan.loss.units == "relative":
        size = target.second.square().sum() if gram else target.second.diagonal().sum()
        if centered:  # a flat style has no covariance
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
    found: dict[int, list[Style]] = {}
    for style in styles:
        found.setdefault(id(style.mask), []).append(style)
    return [_Group(tuple(group), sum(one.weight for one in group)) for group in found.values()]


def _tells_calm(group: _Group, known: Mapping[int, Mapping[str, LayerMoments]]) -> bool:
    """Whether all styles of a group have moments of calm parts; older fingerprints lack them."""
    return all(any(is_calm(name) for name in known[id(style)]) for style in group.styles)


def _guide(group: _Group, inputs: Inputs, size: Size, dtype: torch.dtype) -> Tensor | None:
    """The weights [H, W] of a group: its own mask times the mask of what is painted.

    In a later frame of a clip, parts that are known from earlier frames weigh less. They have the
    style's statistics already, so the new parts would be left plain.
    """
    masks = [
        resized_mask(mask, size).to(dtype)
        for mask in (group.styles[0].mask, inputs.mask, inputs.calm if group.calm else None)
        if mask is not None
    ]
    if inputs.warped is not None:
        known = resized_mask(inputs.warped.weights, size).to(dtype)
        masks.append(1 - (1 - _WARPED_WEIGHT) * known)
    return math.prod(masks[1:], start=masks[0]) if masks else None


def _area(guide: Tensor | None, size: Size, stride: int) -> float:
    """Mean of a guide over the picture."""
    if guide is None:
        return 1.0
    return float(guide_at(guide, Region(0, size[0], 0, size[1]), stride).mean())
