"""The losses, each a function of tensors alone.

Style losses see nothing but moments of the features (`LayerMoments`), so that these can be
gathered tile by tile. Content and total variation are sums over positions.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.networks.border import repeat_border
from engine.networks.encoder import Basis
from engine.painting.products import is_quicker, multiplied
from engine.painting.statistics import LayerMoments

_BLOCKS, _LEAST_BLOCK = 16, 1024
_NEIGHBORS = ((0, 1, 2 / 3), (1, 0, 2 / 3), (1, 1, 1 / 6), (1, -1, 1 / 6))
"""One of each pair of neighbours, rows and columns away, and what its difference counts."""
_BAND = 1 << 17
"""Positions that are worked on at a time."""
_CACHED = 1 << 18
"""Numbers that a processor works on at a time in float32, as they stay in its cache."""


def moments(features: Tensor, guide: Tensor | None, total: float) -> LayerMoments:
    """Share of `features` [1, C, h, w] in the moments, each position counting by `guide` [h, w].

    Args:
        features: of a picture or of a tile of it.
        guide: 0..1 for each position; None counts each as 1.
        total: sum of the guide over the whole picture, so that the shares of all tiles add up.
    """
    wide, channels = _wide(features.dtype), features.shape[1]
    columns = _columns(features)
    second = torch.zeros(channels, channels, dtype=wide, device=features.device)
    mean = torch.zeros(channels, dtype=wide, device=features.device)
    if columns is not None:
        # By products of the layout that they come in.
        quick = is_quicker(channels, columns)
        for place in _parts(columns, whole=guide is None):
            part = columns[:, place]
            weighted = _weighed(part, guide, place)
            second += multiplied(part, weighted) if quick else part @ weighted.mT
            mean += weighted.sum(1)
        return LayerMoments(second / total, mean / total)
    for top, bottom in _bands(features):
        rows = _rows(features[:, :, top:bottom])
        weighted = rows
        if guide is not None:
            weighted = rows * guide[top:bottom].reshape(-1, 1).to(rows.dtype)
        if is_quicker(channels, rows):
            second += multiplied(rows.mT, weighted.mT)
            mean += weighted.sum(0)
        elif rows.dtype is wide:
            second, mean = second.addmm(rows.mT, weighted), mean + weighted.sum(0)
        else:
            products, sums = _sums_of_blocks(rows, weighted)
            second, mean = second + products, mean + sums
    return LayerMoments(second / total, mean / total)


def add_moments_slope(
    slope: Tensor,
    features: Tensor,
    guide: Tensor | None,
    total: float,
    slopes: LayerMoments,
    *,
    fresh: bool = False,
) -> None:
    """Add the features' slope, from the slopes of what `moments` makes of them.

    Args:
        slope: [1, C, h, w], like `features`; is changed.
        features: as for `moments`, like the other two.
        guide: likewise.
        total: likewise.
        slopes: with respect to the moments.
        fresh: `slope` holds nothing yet, and is overwritten.
    """
    dtype = _row_dtype(features)
    columns, into = _columns(features), _columns(slope)
    if columns is not None and into is not None:
        _add_to_columns(into, columns, guide, total, slopes, fresh=fresh)
        return
    both = ((slopes.second + slopes.second.mT) / total).to(dtype)
    constant = (slopes.mean[None] / total).to(dtype)
    for top, bottom in _bands(features):
        part, mine = features[:, :, top:bottom], slope[:, :, top:bottom]
        positions = mine[0].permute(1, 2, 0)
        if fresh and guide is None and positions.is_contiguous() and mine.dtype is dtype:
            torch.addmm(constant, _rows(part), both, out=positions.view(-1, features.shape[1]))
            continue
        rows = _rows(part)
        if is_quicker(len(both), rows):
            found = multiplied(rows, both, constant[0])  # It is symmetrical.
        else:
            found = torch.addmm(constant, rows, both)
        if guide is not None:
            found *= guide[top:bottom].reshape(-1, 1).to(found.dtype)
        shaped = found.view(positions.shape)
        positions.copy_(shaped) if fresh else positions.add_(shaped)


def _add_to_columns(
    into: Tensor,
    columns: Tensor,
    guide: Tensor | None,
    total: float,
    slopes: LayerMoments,
    *,
    fresh: bool,
) -> None:
    """`add_moments_slope` by products of the layout that features come in."""
    each = (slopes.second + slopes.second.mT) / total
    # Gram matrices alone leave the means without a slope.
    constant = slopes.mean[:, None] / total if bool(slopes.mean.any()) else None
    if guide is None and columns.is_contiguous():
        if not fresh and is_quicker(len(each) // 2, columns):
            into.add_(multiplied(each, columns.mT))
        else:
            into.addmm_(each, columns, beta=0 if fresh else 1)
        if constant is not None:
            into.add_(constant)
        return
    quick = is_quicker(len(each), columns)
    for place in _parts(columns, whole=False):
        # Weighed first, as oneDNN wants it to lie closely.
        weighted = _weighed(columns[:, place], guide, place)
        found = multiplied(each, weighted.mT) if quick else each @ weighted
        if constant is not None:
            found.add_(constant if guide is None else constant * _counts(guide, place))
        into[:, place].copy_(found) if fresh else into[:, place].add_(found)


def in_basis(features: Tensor, basis: Basis | None) -> Tensor:
    """`weight F + bias` [1, K, h, w] of features F [1, C, h, w]."""
    if basis is None:
        return features
    # A product, which takes half the time of a convolution of 1 × 1.
    return F.linear(features.movedim(1, -1), basis.weight, basis.bias).movedim(-1, 1)


def from_basis(slope: Tensor, basis: Basis) -> Tensor:
    """The slope [1, C, h, w] of features, from that [1, K, h, w] of them in a basis."""
    weight = basis.weight.to(slope.dtype)
    return (slope.movedim(1, -1) @ weight).movedim(-1, 1)


def content_difference(features: Tensor, target: Tensor) -> Tensor:
    """F − P in float32 or wider; the content loss is the sum of its squares."""
    wide = _wide(features.dtype)
    return features.to(wide) - target.to(wide)


def variation(picture: Tensor, rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
    """Squared differences to the eight neighbours, summed over some pixels; and its slope.

    For a smooth picture this is (∂x)² + (∂y)² summed over the channels: the axes count 2/3,
    the diagonals, whose differences are √2 as long, 1/6 each. The border repeats. Written out, as
    autograd would keep a copy at each step.

    Args:
        picture: [1, 3, H, W].
        rows: of the pixels that count.
        columns: likewise.

    Returns:
        The sum, and its slope like `picture`.
    """
    height, width = picture.shape[2:]
    x = repeat_border(picture, left=1, right=1, bottom=1)
    slope, total = torch.zeros_like(x), x.new_zeros(())
    top, bottom, _ = rows.indices(height)
    left, right, _ = columns.indices(width)
    here = (..., slice(top, bottom), slice(left + 1, right + 1))
    for down, aside, share in _NEIGHBORS:
        there = (
            ...,
            slice(top + down, bottom + down),
            slice(left + 1 + aside, right + 1 + aside),
        )
        difference = x[there] - x[here]
        total += share * difference.square().sum()
        difference *= 2 * share
        slope[there] += difference
        slope[here] -= difference
    # What leans on a repeated border leans on the border itself.
    slope[..., height - 1, :] += slope[..., height, :]
    slope[..., 1] += slope[..., 0]
    slope[..., width] += slope[..., width + 1]
    return total, slope[..., :height, 1 : width + 1]


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype is torch.float64 else torch.float32


def _bands(features: Tensor) -> Iterator[tuple[int, int]]:
    """Rows from top to bottom, few enough at a time for copies of them to take little memory."""
    _, channels, height, width = features.shape
    cached = features.device.type == "cpu" and features.dtype is torch.float32
    step = max(1, (_CACHED // channels if cached else _BAND) // max(1, width))
    for top in range(0, height, step):
        yield top, min(height, top + step)


def _parts(columns: Tensor, *, whole: bool) -> Iterator[slice]:
    """Positions of [channels, positions], so few at a time that they stay in the cache.

    All of them where the `whole` will do, and lies closely.
    """
    channels, count = columns.shape
    step = count if whole and columns.is_contiguous() else max(1, _CACHED // channels)
    return (slice(start, start + step) for start in range(0, count, step))


def _weighed(part: Tensor, guide: Tensor | None, place: slice) -> Tensor:
    return part if guide is None else part * _counts(guide, place)


def _counts(guide: Tensor, place: slice) -> Tensor:
    return guide.reshape(-1)[place].to(_wide(guide.dtype))


def _columns(features: Tensor) -> Tensor | None:
    """[channels, positions] where memory lies so, on a CPU in float32 or wider; else None.

    Whole rows of a picture may be a part of a larger one.
    """
    laid = features.shape[1] > 1 and features.stride()[2:] == (features.shape[3], 1)
    if not laid or features.device.type != "cpu" or features.dtype is not _wide(features.dtype):
        return None
    return features[0].flatten(1)


def _rows(features: Tensor) -> Tensor:
    """[positions, channels], without a copy where memory lies so."""
    return features[0].permute(1, 2, 0).reshape(-1, features.shape[1]).to(_row_dtype(features))


def _row_dtype(features: Tensor) -> torch.dtype:
    """Float32 or wider, but for bf16 features on a CPU.

    It multiplies these five times faster than it widens them and multiplies then.
    """
    narrow = features.dtype is torch.bfloat16 and features.device.type == "cpu"
    return features.dtype if narrow else _wide(features.dtype)


def _sums_of_blocks(rows: Tensor, weighted: Tensor) -> tuple[Tensor, Tensor]:
    """Σ g F Fᵀ and Σ g F of bf16 rows F and g F, in float32.

    Products of bf16 are summed in float32 within, but rounded at the end; so they are taken by
    blocks, whose results are summed in float32. That errs by some 5e-4, a tenth of what bf16
    features themselves err by.
    """
    count, channels = rows.shape
    second = torch.zeros(channels, channels, device=rows.device)
    mean = torch.zeros(1, channels, device=rows.device)
    size = max(_LEAST_BLOCK, -(-count // _BLOCKS))
    for block, counted in zip(torch.split(rows, size), torch.split(weighted, size), strict=True):
        second += block.mT @ counted
        mean += block.new_ones(1, block.shape[0]) @ counted
    return second, mean[0]
