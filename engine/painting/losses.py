"""The losses, each a function of tensors alone.

Style losses see nothing but moments of the features (`LayerMoments`), so that these can be
gathered tile by tile. Content and total variation are sums over positions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class Counting:
    """Which positions of features count, and how much: all alike, or by a guide."""

    guide: Tensor | None
    """[h, w] in 0..1; None counts each position as 1."""
    total: float
    """Sum of the guide over the whole picture, so that the shares of all tiles add up."""


def moments(features: Tensor, guide: Tensor | None, total: float) -> LayerMoments:
    """`all_moments` of one counting."""
    return all_moments(features, [Counting(guide, total)])[0]


def all_moments(features: Tensor, countings: Sequence[Counting]) -> list[LayerMoments]:
    """Share of `features` [1, C, h, w] in the moments, by each of several countings.

    All are taken in one product for each part of the features, while these are in the cache.

    Args:
        features: of a picture or of a tile of it.
        countings: how positions count.
    """
    wide, channels = _wide(features.dtype), features.shape[1]
    width = channels * len(countings)
    second = torch.zeros(channels, width, dtype=wide, device=features.device)
    mean = torch.zeros(width, dtype=wide, device=features.device)
    columns = _columns(features)
    if columns is not None:
        # By products of the layout that they come in.
        quick = is_quicker(channels, columns)
        for place in _parts(columns, len(countings)):
            part = columns[:, place]
            weighted = torch.cat([_weighed(part, one.guide, place) for one in countings])
            second += multiplied(part, weighted) if quick else part @ weighted.mT
            mean += weighted.sum(1)
    else:
        for top, bottom in _bands(features, len(countings)):
            rows = _rows(features[:, :, top:bottom])
            weighted = _beside([_weighed_rows(rows, one.guide, top, bottom) for one in countings])
            if is_quicker(channels, rows):
                second += multiplied(rows.mT, weighted.mT)
                mean += weighted.sum(0)
            elif rows.dtype is wide:
                second, mean = second.addmm(rows.mT, weighted), mean + weighted.sum(0)
            else:
                products, sums = _sums_of_blocks(rows, weighted)
                second, mean = second + products, mean + sums
    each = zip(
        countings, torch.split(second, channels, 1), torch.split(mean, channels), strict=True
    )
    return [LayerMoments(product / one.total, total / one.total) for one, product, total in each]


def add_moments_slope(
    slope: Tensor,
    features: Tensor,
    slopes: Sequence[tuple[Counting, LayerMoments]],
    *,
    fresh: bool = False,
) -> None:
    """Add the features' slope, from the slopes of what `all_moments` makes of them.

    Args:
        slope: [1, C, h, w], like `features`; is changed.
        features: as for `all_moments`.
        slopes: with respect to the moments, by each counting.
        fresh: `slope` holds nothing yet, and is overwritten.
    """
    dtype, channels = _row_dtype(features), features.shape[1]
    # Symmetrical ones, one beside the other.
    both = torch.cat([(one.second + one.second.mT) / by.total for by, one in slopes]).to(dtype)
    constant = torch.cat([one.mean / by.total for by, one in slopes]).to(dtype)
    countings = [by for by, _ in slopes]
    columns, into = _columns(features), _columns(slope)
    if columns is not None and into is not None:
        _add_to_columns(into, columns, both, constant, countings, fresh=fresh)
        return
    for top, bottom in _bands(features, len(countings)):
        part, mine = features[:, :, top:bottom], slope[:, :, top:bottom]
        positions = mine[0].permute(1, 2, 0)
        whole = len(countings) == 1 and countings[0].guide is None
        if fresh and whole and positions.is_contiguous() and mine.dtype is dtype:
            torch.addmm(constant, _rows(part), both.mT, out=positions.view(-1, channels))
            continue
        rows = _rows(part)
        if is_quicker(channels, rows):
            found = multiplied(rows, both, constant)
        else:
            found = torch.addmm(constant, rows, both.mT)
        shaped = found.view(*positions.shape[:2], len(countings), channels).unbind(2)
        guides = [
            None if one.guide is None else one.guide[top:bottom, :, None] for one in countings
        ]
        total = _summed(shaped, guides)
        positions.copy_(total) if fresh else positions.add_(total)


def _add_to_columns(
    into: Tensor,
    columns: Tensor,
    both: Tensor,
    constant: Tensor,
    countings: Sequence[Counting],
    *,
    fresh: bool,
) -> None:
    """`add_moments_slope` by products of the layout that features come in."""
    channels = len(columns)
    quick = is_quicker(channels, columns)
    # Gram matrices alone leave the means without a slope.
    shifted = bool(constant.any())
    for place in _parts(columns, len(countings)):
        # oneDNN wants it to lie closely.
        part = columns[:, place].contiguous()
        found = multiplied(both, part.mT) if quick else both @ part
        if shifted:
            found.add_(constant[:, None])
        guides = [None if one.guide is None else _counts(one.guide, place) for one in countings]
        total = _summed(torch.split(found, channels), guides)
        into[:, place].copy_(total) if fresh else into[:, place].add_(total)


def _summed(parts: Sequence[Tensor], guides: Sequence[Tensor | None]) -> Tensor:
    """The parts' sum, each times its guide; the first of them is changed."""
    first, guide = parts[0], guides[0]
    if guide is not None:
        first.mul_(guide)
    for part, other in zip(parts[1:], guides[1:], strict=True):
        if other is None:
            first.add_(part)
        else:
            first.addcmul_(part, other.to(part.dtype))
    return first


def in_basis(features: Tensor, basis: Basis | None) -> Tensor:
    """`weight F + bias` [1, K, h, w] of features F [1, C, h, w]."""
    if basis is None:
        return features
    # A product, which takes half the time of a convolution of 1 × 1.
    rows = features.movedim(1, -1)
    if is_quicker(len(basis.weight), rows) and rows.is_contiguous():
        made = multiplied(rows.flatten(0, 2), basis.weight, basis.bias)
        return made.view(*rows.shape[:3], -1).movedim(-1, 1)
    return F.linear(rows, basis.weight, basis.bias).movedim(-1, 1)


def from_basis(slope: Tensor, basis: Basis) -> Tensor:
    """The slope [1, C, h, w] of features, from that [1, K, h, w] of them in a basis."""
    weight, rows = basis.weight.to(slope.dtype), slope.movedim(1, -1)
    if is_quicker(len(weight), rows) and rows.is_contiguous():
        made = multiplied(rows.flatten(0, 2), weight.mT)
        return made.view(*rows.shape[:3], -1).movedim(-1, 1)
    return (rows @ weight).movedim(-1, 1)


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


def _bands(features: Tensor, copies: int) -> Iterator[tuple[int, int]]:
    """Rows from top to bottom, few enough at a time for copies of them to take little memory."""
    _, channels, height, width = features.shape
    cached = features.device.type == "cpu" and features.dtype is torch.float32
    most = (_CACHED // channels if cached else _BAND) // copies
    step = max(1, most // max(1, width))
    for top in range(0, height, step):
        yield top, min(height, top + step)


def _parts(columns: Tensor, copies: int) -> Iterator[slice]:
    """Positions of [channels, positions], so few at a time that copies stay in the cache."""
    channels, count = columns.shape
    step = max(1, _CACHED // (channels * copies))
    return (slice(start, start + step) for start in range(0, count, step))


def _weighed(part: Tensor, guide: Tensor | None, place: slice) -> Tensor:
    return part if guide is None else part * _counts(guide, place)


def _counts(guide: Tensor, place: slice) -> Tensor:
    return guide.reshape(-1)[place].to(_wide(guide.dtype))


def _weighed_rows(rows: Tensor, guide: Tensor | None, top: int, bottom: int) -> Tensor:
    return rows if guide is None else rows * guide[top:bottom].reshape(-1, 1).to(rows.dtype)


def _beside(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), 1)


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
    """Σ F (g F)ᵀ and Σ g F of bf16 rows F and g F, in float32; of several g beside each other.

    Products of bf16 are summed in float32 within, but rounded at the end; so they are taken by
    blocks, whose results are summed in float32. That errs by some 5e-4, a tenth of what bf16
    features themselves err by.
    """
    count, channels = rows.shape
    width = weighted.shape[1]
    second = torch.zeros(channels, width, device=rows.device)
    mean = torch.zeros(1, width, device=rows.device)
    size = max(_LEAST_BLOCK, -(-count // _BLOCKS))
    for block, counted in zip(torch.split(rows, size), torch.split(weighted, size), strict=True):
        second += block.mT @ counted
        mean += block.new_ones(1, block.shape[0]) @ counted
    return second, mean[0]
