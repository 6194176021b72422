"""How much memory a painting takes, and how it stays within its budget.

Three things grow with the picture: picture and optimizer state, masks, and the activations of a
tile. The first two are computed from the number of values for each pixel; what is left of the
budget is for the tile. If that is too little, L-BFGS gets a shorter history, or Adam paints the
scale.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from common.memory import give_free_memory_back
from common.options import MAX_SIZE_PX, MIN_SIZE_PX, USUAL_ASPECT
from engine.errors import PaintingFailedError
from engine.networks.encoder import Encoder, Stage
from engine.painting import devices
from engine.painting.picture import Size
from engine.painting.tiles import Bands, Tiling, aligned

_T = TypeVar("_T")

_FLOAT32_BYTES = 4
PICTURE_BYTES = 3 * _FLOAT32_BYTES
"""Bytes of a picture for each pixel."""
_HELD_PICTURES = 6
"""Pictures in memory with either optimizer. Adam: iterate, two moments, average, last good picture,
gradient. L-BFGS: point, trial, direction, last good picture, two gradients."""
_UPDATE_PICTURES = 3
"""Pictures that an update of L-BFGS needs besides, when no tile is in memory."""
OVERHEAD_BYTES = 128 * 2**20
"""For networks and for the libraries' own caches."""
_FRAGMENTATION = 1.1
"""Ratio of what an allocator takes to what is in use, as it leaves gaps between tensors."""
_TILE_BYTES = 256 * 2**20
"""Bytes of a small tile, for estimates without a network."""
_LEAST_CORE_PX = 64
_MOST_CORE_PX = 4096
_CORES_PX = (*range(_MOST_CORE_PX, 512, -64), *range(512, _LEAST_CORE_PX, -16))
_LEAST_ROWS_PX = 32
"""Least height of a band; the margins of lower ones cost too much."""
_PIECES = 4
"""A band may take this fraction of the memory; the rest keeps other bands for the backward pass."""
_CORE_BESIDE_PX = 256
"""A history must leave memory for tiles of this size: the margins of smaller ones cost more."""


@dataclass(frozen=True)
class History:
    """The history of L-BFGS: number of pairs, in float32, or in bf16 if `narrow`."""

    pairs: int
    narrow: bool = False

    @property
    def bytes_per_pixel(self) -> int:
        """Memory for each pixel of the picture."""
        return 2 * 3 * self.pairs * (2 if self.narrow else _FLOAT32_BYTES)


@dataclass(frozen=True)
class Memory:
    """The memory budget of a painting."""

    total: int
    """Bytes for all that it allocates."""
    fixed: int = 0
    """Bytes of these for the input pictures."""
    planes: int = 0
    """Float32 values for each pixel that masks and kept terms take."""

    def for_tile(self, size: Size, history: History | None) -> int:
        """Bytes left beside picture, masks and optimizer; may be negative."""
        each = (
            PICTURE_BYTES * _HELD_PICTURES
            + self.planes * _FLOAT32_BYTES
            + (history.bytes_per_pixel if history else 0)
        )
        return self.total - self.fixed - OVERHEAD_BYTES - size[0] * size[1] * each

    def history(
        self, size: Size, pairs: int, encoder: Encoder, layers: Sequence[str]
    ) -> History | None:
        """The best history of at most `pairs` that fits; None if none does."""
        core = _aligned(encoder, layers, _CORE_BESIDE_PX)
        tile = tile_bytes(encoder, layers, size, core)
        update = size[0] * size[1] * PICTURE_BYTES * _UPDATE_PICTURES
        for one in histories(pairs):
            if self.for_tile(size, one) >= max(tile, update):
                return one
        return None


def histories(pairs: int) -> tuple[History, ...]:
    """Possible histories if the recipe has `pairs`, the best first."""
    half = -(-pairs // 2)
    return History(pairs), History(pairs, narrow=True), History(half, narrow=True)


def lesser_history(history: History, pairs: int) -> History | None:
    """The best history that takes less memory than this one, with which memory ran out.

    Args:
        history: the one that was too much.
        pairs: number of pairs in the recipe.

    Returns:
        None if there is none; Adam then paints the scale.
    """
    return next(
        (one for one in histories(pairs) if one.bytes_per_pixel < history.bytes_per_pixel), None
    )


def largest_side_px(total: int) -> int:
    """Longest side of a picture that fits into this memory, with Adam and small tiles."""
    pixels = max(0, total - OVERHEAD_BYTES - _TILE_BYTES) / (PICTURE_BYTES * _HELD_PICTURES)
    side = math.isqrt(int(pixels / USUAL_ASPECT)) // MIN_SIZE_PX * MIN_SIZE_PX
    return min(MAX_SIZE_PX, max(MIN_SIZE_PX, side))


def tiling_for(
    encoder: Encoder, layers: Sequence[str], size: Size, core_px: int | None
) -> Tiling | None:
    """Tiles of about this core; None for no core, or one that holds the whole picture."""
    if core_px is None or not layers:
        return None
    tiling = Tiling(size, _aligned(encoder, layers, core_px), encoder.margin_px(layers))
    return tiling if tiling.count > 1 else None


def choose_core(encoder: Encoder, layers: Sequence[str], size: Size, room: int) -> int | None:
    """The largest tiles that fit into `room` bytes; None if the whole picture fits.

    If none fits, the smallest.
    """
    if not layers or tile_bytes(encoder, layers, size, None) <= room:
        return None
    for core in _CORES_PX:
        found = _aligned(encoder, layers, core)
        if tile_bytes(encoder, layers, size, found) <= room:
            return found
    return _aligned(encoder, layers, _LEAST_CORE_PX)


def bands_for(encoder: Encoder, layers: Sequence[str], size: Size, room: int) -> Bands | None:
    """Bands for the network's stages; None if `room` bytes are too few.

    Kept for the whole picture are the outputs of all stages, and the gradients of one stage's input
    and output at a time.
    """
    stages = encoder.stages(layers)
    height, width = size
    feature_bytes = torch.finfo(encoder.dtype).bits / 8
    grad_bytes = max(feature_bytes, _FLOAT32_BYTES)
    outputs = [one.out_channels / one.out_stride_px**2 for one in stages if one.downsamples]
    grads = [one + after for one, after in zip([0, *outputs], [*outputs, 0], strict=True)]
    held = max(
        (
            sum(outputs[:done]) * feature_bytes + both * grad_bytes
            for done, both in enumerate(grads)
        ),
        default=0,
    )
    left = int(room - _FRAGMENTATION * held * height * width)
    for piece in (left // _PIECES, left):
        rows = [_rows_within(piece, stage, size) for stage in stages]
        if stages and None not in rows:
            found = Bands(size, stages, tuple(one or 0 for one in rows), (), piece)
            return replace(found, kept=_kept_within(left - piece, found))
    return None


def _rows_within(most_bytes: int, stage: Stage, size: Size) -> int | None:
    """Height of a stage's bands within so many bytes; None if that is too low."""
    height, width = size
    most = int(most_bytes / (_FRAGMENTATION * width * stage.bytes_per_pixel)) - 2 * stage.margin_px
    if most < min(height, max(_LEAST_ROWS_PX, 4 * stage.margin_px)):
        return None
    count = -(-height // most)
    return -(-height // (count * stage.out_stride_px)) * stage.out_stride_px


def _kept_within(most_bytes: int, bands: Bands) -> tuple[int, ...]:
    """How many bands of each stage can be kept; deep stages first, as they save most for a byte."""
    kept: list[int] = []
    for stage, rows in zip(reversed(bands.stages), reversed(bands.rows_px), strict=True):
        height, width = bands.size
        seen = min(height, rows + 2 * stage.margin_px)
        each = _FRAGMENTATION * width * seen * stage.kept_bytes_per_pixel
        count = min(-(-height // rows), int(most_bytes / each))
        most_bytes -= int(count * each)
        kept.append(max(0, count))
    return tuple(reversed(kept))


def tile_bytes(encoder: Encoder, layers: Sequence[str], size: Size, core_px: int | None) -> int:
    """Bytes of the largest tile with this core, or of the whole picture for None."""
    if not layers:
        return 0
    pixels = size[0] * size[1]
    if core_px is not None:
        pixels = Tiling(size, core_px, encoder.margin_px(layers)).window_pixels
    return round(_FRAGMENTATION * pixels * encoder.bytes_per_pixel(layers))


def halved_core(core_px: int | None, size: Size) -> int | None:
    """The next smaller core after memory ran out; None if it cannot be smaller."""
    core = (max(size) if core_px is None else core_px) // 2
    return None if core < _LEAST_CORE_PX else core


def no_memory() -> PaintingFailedError:
    """The error when memory is too short even for the smallest tiles."""
    return PaintingFailedError(
        "The device has not enough memory to paint even in the smallest tiles; "
        "choose a smaller size, or free some memory."
    )


@dataclass(eq=False)
class MemoryGuard:
    """Keeps a process on a CPU within its budget, as malloc does not return freed memory by itself.

    It returns free memory to the system before work that would exceed the budget. Only then, as it
    costs time to get that memory again.
    """

    most_bytes: int | None
    """Budget of the whole process; None on other devices than a CPU."""
    next_bytes: int = 0
    """Bytes of the next piece of work."""

    @classmethod
    def from_here(cls, memory: Memory, device: torch.device) -> "MemoryGuard":
        """For a painting whose pictures and network are in memory already."""
        if device.type != "cpu":
            return cls(None)
        # Part of the overhead is in memory already.
        return cls(devices.resident_bytes() + memory.total - memory.fixed - OVERHEAD_BYTES // 2)

    def check(self) -> None:
        """Call before each piece of work."""
        most = self.most_bytes
        if most is not None and devices.resident_bytes() + self.next_bytes > most:
            give_free_memory_back()


def attempt(piece: Callable[[], _T], device: torch.device) -> _T | None:
    """The result of a piece of work, or None if memory ran out.

    The memory of a failed attempt is free afterwards.
    """
    try:
        return piece()
    except (RuntimeError, MemoryError) as error:
        if not devices.is_out_of_memory(error, device):
            raise
        error.__traceback__ = None  # it holds the tensors of the failed attempt
    devices.release_memory(device)
    return None


def _aligned(encoder: Encoder, layers: Sequence[str], core_px: int) -> int:
    return aligned(core_px, max(encoder.stride_px(name) for name in layers))
