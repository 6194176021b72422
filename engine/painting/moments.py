"""Moments of a picture's features, and the features' slope from those of the moments.

After the convolutions they are most of the painter's work, so that they are taken by products of
the layout that features come in, few positions at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.painting.products import is_quicker, multiplied
from engine.painting.statistics import LayerMoments

_BLOCKS, _LEAST_BLOCK = 16, 1024
_BAND = 1 << 17
"""Positions that are worked on at a time."""
_CACHED = 1 << 18
"""Numbers that a processor works on at a time in float32, as they stay in its cache."""
_CACHED_COLUMNS = 1 << 19
"""The same where rows of pixels lie together, and memory is used again."""
_LEAST_GROUP = 32
"""Channels whose products with themselves and others are taken at once."""
_LEAST_POSITIONS = 1000
"""For fewer all channels' products are."""


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
    columns = _columns(features)
    if columns is not None:
        return _moments_of_columns(columns, countings)
    wide, channels = _wide(features.dtype), features.shape[1]
    width = channels * len(countings)
    second = torch.zeros(channels, width, dtype=wide, device=features.device)
    mean = torch.zeros(width, dtype=wide, device=features.device)
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
    columns, into = _columns(features), _columns(slope)
    if columns is not None and into is not None:
        _add_to_columns(into, columns, slopes, fresh=fresh)
        return
    dtype, channels = _row_dtype(features), features.shape[1]
    # Symmetrical ones, one beside the other.
    both = torch.cat([(one.second + one.second.mT) / by.total for by, one in slopes]).to(dtype)
    constant = torch.cat([one.mean / by.total for by, one in slopes]).to(dtype)
    countings = [by for by, _ in slopes]
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


def _moments_of_columns(columns: Tensor, countings: Sequence[Counting]) -> list[LayerMoments]:
    """`all_moments` by products of the layout that features come in.

    Second moments are symmetrical, so that of each group of channels only the products with itself
    and with later groups are taken.
    """
    channels, copies, groups = len(columns), len(countings), _groups(columns)
    size = channels // groups
    starts = range(0, channels, size)
    found: list[Tensor] = []
    quick = is_quicker(channels, columns)
    for place, stack in _stacks(columns, countings):
        for number, start in enumerate(starts):
            group, others = columns[start : start + size, place], stack[copies * start :]
            product = multiplied(group, others) if quick else group @ others.mT
            if len(found) < groups:
                found.append(product)
            else:
                found[number].add_(product)
    return [
        LayerMoments(
            _from_groups([sums[:, :-copies] for sums in found], number, copies) / one.total,
            torch.cat([sums[:, number - copies] for sums in found]) / one.total,
        )
        for number, one in enumerate(countings)
    ]


def _from_groups(products: Sequence[Tensor], number: int, copies: int) -> Tensor:
    """A symmetrical matrix, of each group's products with itself and with later groups."""
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


def _add_to_columns(
    into: Tensor,
    columns: Tensor,
    slopes: Sequence[tuple[Counting, LayerMoments]],
    *,
    fresh: bool,
) -> None:
    """`add_moments_slope` by products of the layout that features come in."""
    channels, dtype = len(columns), columns.dtype
    # Symmetrical ones, with the means' slopes beside them, one below the other.
    each = [
        torch.cat([one.second + one.second.mT, one.mean[:, None]], 1) / by.total
        for by, one in slopes
    ]
    both = torch.cat(each).to(dtype)
    guides = [_in_a_row(by, dtype) for by, _ in slopes]
    quick = is_quicker(channels, columns)
    for place, part in _parts(columns, channels + 1, len(slopes)):
        part[:channels] = columns[:, place]
        part[channels] = 1  # as if it were a channel, for the means
        found = multiplied(both, part.mT) if quick else both @ part
        counts = [None if guide is None else guide[place] for guide in guides]
        total = _summed(torch.split(found, channels), counts)
        into[:, place].copy_(total) if fresh else into[:, place].add_(total)


def _stacks(columns: Tensor, countings: Sequence[Counting]) -> Iterator[tuple[slice, Tensor]]:
    """Features as they count, some positions at a time.

    Of each group of channels those by all countings lie one below the other; and at the end how
    much the positions count, as if these were channels.
    """
    channels, copies, groups = len(columns), len(countings), _groups(columns)
    guides = [_in_a_row(one, columns.dtype) for one in countings]
    for place, stack in _parts(columns, copies * (channels + 1), copies):
        stacked = stack[:-copies].view(groups, copies, channels // groups, -1)
        part = columns[:, place].view(groups, *stacked.shape[2:])
        for number, guide in enumerate(guides):
            if guide is None:
                stacked[:, number] = part
                stack[number - copies] = 1
            else:
                torch.mul(part, guide[place], out=stacked[:, number])
                stack[number - copies] = guide[place]
        yield place, stack


def _in_a_row(counting: Counting, dtype: torch.dtype) -> Tensor | None:
    return None if counting.guide is None else counting.guide.reshape(-1).to(dtype)


def _parts(columns: Tensor, rows: int, copies: int) -> Iterator[tuple[slice, Tensor]]:
    """Few positions at a time, with memory for so many rows of them.

    It is used again for the next ones, and so stays in the cache, as do copies of the features.
    """
    channels, count = columns.shape
    step = max(1, min(count, _CACHED_COLUMNS // (channels * copies)))
    memory = columns.new_empty(rows, step)
    for start in range(0, count, step):
        end = min(count, start + step)
        if end - start < step:
            # A part of what is there lies apart, for which oneDNN takes a hundred times as long.
            memory = columns.new_empty(rows, end - start)
        yield slice(start, end), memory


def _groups(columns: Tensor) -> int:
    """In how many groups of channels products are taken; the smaller these, the slower."""
    channels, count = columns.shape
    most = channels // _LEAST_GROUP if count >= _LEAST_POSITIONS else 1
    return next((groups for groups in (4, 2) if groups <= most and channels % groups == 0), 1)


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


def _bands(features: Tensor, copies: int) -> Iterator[tuple[int, int]]:
    """Rows from top to bottom, few enough at a time for copies of them to take little memory."""
    _, channels, height, width = features.shape
    cached = features.device.type == "cpu" and features.dtype is torch.float32
    most = (_CACHED // channels if cached else _BAND) // copies
    step = max(1, most // max(1, width))
    for top in range(0, height, step):
        yield top, min(height, top + step)


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
    if torch.is_grad_enabled() and features.requires_grad:
        return None  # Memory that is used again is nothing for autograd.
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


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)
