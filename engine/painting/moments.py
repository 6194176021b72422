"""Second moments and means of features, and the gradient of the features from that of the moments.

After the convolutions this is most of the painter's work. So the matrix products use the layout in
which features come, [channels, positions] (channels first) or [positions, channels] (channels
last), and take few positions at a time, so that copies of them stay in the CPU's cache.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.painting.products import is_quicker, onednn_linear
from engine.painting.statistics import LayerMoments

_BAND = 1 << 17
"""Positions that are processed at a time, on other devices."""
_CACHED = 1 << 19
"""Values that a CPU processes at a time, as these stay in its cache."""
_LEAST_NARROW = 32
"""Number of channels from which on bf16 products are faster than float32."""
_LEAST_GROUP = 32
"""Least number of channels in a group; see `_groups`."""
_LEAST_POSITIONS = 1000
"""With fewer positions all channels are one group."""


@dataclass(frozen=True, eq=False)
class Weighting:
    """A spatial weighting of feature positions: uniform, or by a guide (Gatys et al. 2017, §4)."""

    guide: Tensor | None
    """Weights [h, w] in 0..1; None for 1 everywhere."""
    total: float
    """Sum of the weights over the whole picture, of which these features may be a tile."""


def all_moments(features: Tensor, weightings: Sequence[Weighting]) -> list[LayerMoments]:
    """What features contribute to the moments of the whole picture, for each of several weightings.

    All weightings share one matrix product, for each part of the features that fits the cache.

    Args:
        features: [1, C, h, w], of a picture or of a tile of it; contributions of tiles add up.
        weightings: how much each position counts.

    Returns:
        For each weighting `Σ w F Fᵀ / total` [C, C] and `Σ w F / total` [C].
    """
    channels_first = _channels_first(features)
    if channels_first is not None:
        return _moments_channels_first(channels_first, weightings)
    acc_dtype, channels = _acc_dtype(features.dtype), features.shape[1]
    width = channels * len(weightings)
    second = torch.zeros(channels, width, dtype=acc_dtype, device=features.device)
    mean = torch.zeros(width, dtype=acc_dtype, device=features.device)
    for channels_last, weighted in _weighted_bands(features, weightings):
        product = (
            onednn_linear(channels_last.mT, weighted.mT)
            if is_quicker(channels, channels_last)
            else channels_last.mT @ weighted
        )
        # A bf16 product is accumulated in float32 but rounded at its end, so bands are added up
        # in float32: that errs much less than the features themselves.
        second = second + product
        mean = mean + weighted.sum(0, dtype=acc_dtype)
    each = zip(
        weightings, torch.split(second, channels, 1), torch.split(mean, channels), strict=True
    )
    return [LayerMoments(product / one.total, total / one.total) for one, product, total in each]


def add_moments_grad(
    grad: Tensor,
    features: Tensor,
    grads: Sequence[tuple[Weighting, LayerMoments]],
    *,
    fresh: bool = False,
) -> None:
    """The backward pass of `all_moments`: add the gradient with respect to the features.

    Args:
        grad: [1, C, h, w], like `features`; changed in place.
        features: as for `all_moments`.
        grads: each weighting with the gradient with respect to its moments.
        fresh: `grad` is uninitialized, and is overwritten instead of added to.
    """
    channels_first, into = _channels_first(features), _channels_first(grad)
    if channels_first is not None and into is not None:
        _add_channels_first(into, channels_first, grads, fresh=fresh)
        return
    dtype, channels = _product_dtype(features), features.shape[1]
    # As F Fᵀ is symmetric, the gradient of a second moment acts as A + Aᵀ; stacked over weightings.
    both = torch.cat([(one.second + one.second.mT) / by.total for by, one in grads]).to(dtype)
    bias = torch.cat([one.mean / by.total for by, one in grads]).to(dtype)
    weightings = [by for by, _ in grads]
    for top, bottom in _bands(features, len(weightings)):
        part, mine = features[:, :, top:bottom], grad[:, :, top:bottom]
        positions = mine[0].permute(1, 2, 0)
        whole = len(weightings) == 1 and weightings[0].guide is None
        if fresh and whole and positions.is_contiguous() and mine.dtype is dtype:
            torch.addmm(bias, _channels_last(part), both.mT, out=positions.view(-1, channels))
            continue
        channels_last = _channels_last(part)
        if is_quicker(channels, channels_last):
            found = onednn_linear(channels_last, both, bias)
        else:
            found = torch.addmm(bias, channels_last, both.mT)
        shaped = found.view(*positions.shape[:2], len(weightings), channels).unbind(2)
        guides = [
            None if one.guide is None else one.guide[top:bottom, :, None] for one in weightings
        ]
        total = _weighted_sum(shaped, guides)
        positions.copy_(total) if fresh else positions.add_(total)


def _moments_channels_first(
    channels_first: Tensor, weightings: Sequence[Weighting]
) -> list[LayerMoments]:
    """`all_moments` of channels first [C, h·w].

    Second moments are symmetric, so each group of channels is multiplied only with itself and with
    later groups.
    """
    channels, copies, groups = len(channels_first), len(weightings), _groups(channels_first)
    size = channels // groups
    starts = range(0, channels, size)
    found: list[Tensor] = []
    quick = is_quicker(channels, channels_first)
    for place, stack in _weighted_blocks(channels_first, weightings):
        for number, start in enumerate(starts):
            group, others = channels_first[start : start + size, place], stack[copies * start :]
            product = onednn_linear(group, others) if quick else group @ others.mT
            if len(found) < groups:
                found.append(product)
            else:
                found[number].add_(product)
    return [
        LayerMoments(
            _from_groups([sums[:, :-copies] for sums in found], number, copies) / one.total,
            torch.cat([sums[:, number - copies] for sums in found]) / one.total,
        )
        for number, one in enumerate(weightings)
    ]


def _from_groups(products: Sequence[Tensor], number: int, copies: int) -> Tensor:
    """The symmetric matrix of one weighting, from the products of `_moments_channels_first`."""
    size, channels = products[0].shape[0], products[0].shape[1] // copies
    if len(products) == 1:
        return products[0][:, number * channels : (number + 1) * channels]
    whole = products[0].new_empty(channels, channels)
    for start, each in zip(range(0, channels, size), products, strict=True):
        here, rest = slice(start, start + size), slice(start, channels)
        later = each.view(size, -1, copies, size)[:, :, number].flatten(1)
        whole[here, rest] = later
        whole[rest, here] = later.mT
    return whole


def _add_channels_first(
    into: Tensor,
    channels_first: Tensor,
    grads: Sequence[tuple[Weighting, LayerMoments]],
    *,
    fresh: bool,
) -> None:
    """`add_moments_grad` of channels first [C, h·w]."""
    channels, dtype = len(channels_first), channels_first.dtype
    # [A + Aᵀ | b] of each weighting: gradients of second moments and of means in one product.
    each = [
        torch.cat([one.second + one.second.mT, one.mean[:, None]], 1) / by.total
        for by, one in grads
    ]
    both = torch.cat(each).to(dtype)
    guides = [_flat_guide(by, dtype) for by, _ in grads]
    quick = is_quicker(channels, channels_first)
    for place, part in _chunks(channels_first, channels + 1, len(grads)):
        part[:channels] = channels_first[:, place]
        part[channels] = 1  # a constant channel, for the means
        found = onednn_linear(both, part.mT) if quick else both @ part
        weights = [None if guide is None else guide[place] for guide in guides]
        total = _weighted_sum(torch.split(found, channels), weights)
        into[:, place].copy_(total) if fresh else into[:, place].add_(total)


def _weighted_blocks(
    channels_first: Tensor, weightings: Sequence[Weighting]
) -> Iterator[tuple[slice, Tensor]]:
    """Weighted features, some positions at a time: a slice of positions, and their block.

    The rows of a block are, for each group of channels, its copies under all weightings, and at the
    end the weights themselves, whose products are the means.
    """
    channels, copies, groups = len(channels_first), len(weightings), _groups(channels_first)
    guides = [_flat_guide(one, channels_first.dtype) for one in weightings]
    for place, stack in _chunks(channels_first, copies * (channels + 1), copies):
        stacked = stack[:-copies].view(groups, copies, channels // groups, -1)
        part = channels_first[:, place].view(groups, *stacked.shape[2:])
        for number, guide in enumerate(guides):
            if guide is None:
                stacked[:, number] = part
                stack[number - copies] = 1
            else:
                torch.mul(part, guide[place], out=stacked[:, number])
                stack[number - copies] = guide[place]
        yield place, stack


def _flat_guide(weighting: Weighting, dtype: torch.dtype) -> Tensor | None:
    return None if weighting.guide is None else weighting.guide.reshape(-1).to(dtype)


def _chunks(channels_first: Tensor, rows: int, copies: int) -> Iterator[tuple[slice, Tensor]]:
    """Slices of a few positions, each with a buffer of so many rows for them.

    The buffer is reused for the next slice, and so stays in the cache.
    """
    channels, count = channels_first.shape
    step = max(1, min(count, _CACHED // (channels * copies)))
    memory = channels_first.new_empty(rows, step)
    for start in range(0, count, step):
        end = min(count, start + step)
        if end - start < step:
            # Not a slice of the buffer: oneDNN is far slower where rows are not adjacent.
            memory = channels_first.new_empty(rows, end - start)
        yield slice(start, end), memory


def _groups(channels_first: Tensor) -> int:
    """Number of groups of channels. More groups save more products, but small ones are slow."""
    channels, count = channels_first.shape
    most = channels // _LEAST_GROUP if count >= _LEAST_POSITIONS else 1
    return next((groups for groups in (4, 2) if groups <= most and channels % groups == 0), 1)


def _weighted_sum(parts: Sequence[Tensor], guides: Sequence[Tensor | None]) -> Tensor:
    """The sum of the parts, each times its guide; the first part is changed in place."""
    first, guide = parts[0], guides[0]
    if guide is not None:
        first.mul_(guide)
    for part, other in zip(parts[1:], guides[1:], strict=True):
        if other is None:
            first.add_(part)
        else:
            first.addcmul_(part, other.to(part.dtype))
    return first


def _weighted_bands(
    features: Tensor, weightings: Sequence[Weighting]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Features channels last, some positions at a time, with their copies under all weightings.

    [positions, C], and side by side [positions, copies · C]. Without autograd the memory of the
    copies is reused for the next positions, and so stays in the cache.
    """
    channels, copies = features.shape[1], len(weightings)
    whole = copies == 1 and weightings[0].guide is None
    recorded = torch.is_grad_enabled() and features.requires_grad
    memory = features.new_empty(0)
    for top, bottom in _bands(features, copies):
        channels_last = _channels_last(features[:, :, top:bottom])
        guides = [
            None if one.guide is None else one.guide[top:bottom].reshape(-1, 1).to(channels_last)
            for one in weightings
        ]
        if whole:
            yield channels_last, channels_last
            continue
        if recorded:
            each = [channels_last if by is None else channels_last * by for by in guides]
            yield channels_last, torch.cat(each, 1)
            continue
        if len(memory) != len(channels_last):
            memory = channels_last.new_empty(len(channels_last), copies * channels)
        for guide, into in zip(guides, torch.split(memory, channels, 1), strict=True):
            if guide is None:
                into.copy_(channels_last)
            else:
                torch.mul(channels_last, guide, out=into)
        yield channels_last, memory


def _bands(features: Tensor, copies: int) -> Iterator[tuple[int, int]]:
    """First and last row of bands, so narrow that copies of them take little memory."""
    _, channels, height, width = features.shape
    most = (_CACHED // channels if features.device.type == "cpu" else _BAND) // copies
    step = max(1, most // max(1, width))
    for top in range(0, height, step):
        yield top, min(height, top + step)


def _channels_first(features: Tensor) -> Tensor | None:
    """A view [C, h·w] of features in contiguous layout, on a CPU in float32 or wider; else None.

    The features may be whole rows of a larger picture.
    """
    laid = features.shape[1] > 1 and features.stride()[2:] == (features.shape[3], 1)
    if (
        not laid
        or features.device.type != "cpu"
        or features.dtype is not _acc_dtype(features.dtype)
    ):
        return None
    if torch.is_grad_enabled() and features.requires_grad:
        return None  # autograd must not see a buffer that is reused
    return features[0].flatten(1)


def _channels_last(features: Tensor) -> Tensor:
    """[h·w, C], without a copy in channels-last layout."""
    return features[0].permute(1, 2, 0).reshape(-1, features.shape[1]).to(_product_dtype(features))


def _product_dtype(features: Tensor) -> torch.dtype:
    """Type in which products are taken: float32 or wider, except for bf16 features on a CPU.

    There a bf16 product is much faster than converting the features first, unless they have few
    channels.
    """
    narrow = features.dtype is torch.bfloat16 and features.device.type == "cpu"
    kept = narrow and features.shape[1] >= _LEAST_NARROW
    return features.dtype if kept else _acc_dtype(features.dtype)


def _acc_dtype(dtype: torch.dtype) -> torch.dtype:
    """Type in which sums are accumulated: float32 or wider."""
    return torch.promote_types(dtype, torch.float32)
