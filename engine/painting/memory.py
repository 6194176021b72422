"""How much memory a painting takes, and how it keeps within what there is.

Three things grow with the picture: the picture with its optimizer's state, the tile at work, and
the masks. What the first and the last take is reckoned here from how many numbers each pixel has;
the rest is left for the tile. L-BFGS keeps a shorter history where memory is short, or leaves
the scale to Adam.
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

_NUMBER = 4
PICTURE_BYTES = 3 * _NUMBER
"""Of a picture, for each pixel."""
_HELD_PICTURES = 6
"""Either optimizer holds six pictures: of Adam the iterate, two moments, the average, the last that
was good, the gradient; of L-BFGS the point, the trial, the direction, the last that was good and
two gradients."""
_UPDATE_PICTURES = 3
"""L-BFGS needs three more for a while, after the tiles."""
AROUND_BYTES = 128 * 2**20
"""For networks, and for what libraries keep for themselves."""
_HOLES = 1.1
"""Allocators leave holes between tensors: what they take, in parts of what is in use."""
_TILE_BYTES = 256 * 2**20
"""For a small tile, where no network is open to be asked."""
_LEAST_CORE_PX = 64
_MOST_CORE_PX = 4096
_CORES_PX = (*range(_MOST_CORE_PX, 512, -64), *range(512, _LEAST_CORE_PX, -16))
_LEAST_ROWS_PX = 32
"""Of a band; what lies around lower ones costs more than it is worth."""
_PIECES = 4
"""A band takes this part of what there is, so that others can be kept for the way back."""
_CORE_BESIDE_PX = 256
"""Tiles should not get smaller than this for the sake of a history: their margins cost more."""


@dataclass(frozen=True)
class History:
    """What L-BFGS remembers: a number of pairs, in float32, or narrow, in bf16."""

    pairs: int
    narrow: bool = False

    @property
    def bytes_per_pixel(self) -> int:
        """Memory for each pixel of the picture."""
        return 2 * 3 * self.pairs * (2 if self.narrow else _NUMBER)


@dataclass(frozen=True)
class Memory:
    """What a painting may take."""

    total: int
    """Bytes for all that it allocates."""
    fixed: int = 0
    """Bytes of these that the pictures given take."""
    planes: int = 0
    """Numbers for each pixel that masks take."""

    def for_tile(self, size: Size, history: History | None) -> int:
        """Bytes that are left beside the picture and its optimizer; may be below zero."""
        each = (
            PICTURE_BYTES * _HELD_PICTURES
            + self.planes * _NUMBER
            + (history.bytes_per_pixel if history else 0)
        )
        return self.total - self.fixed - AROUND_BYTES - size[0] * size[1] * each

    def history(
        self, size: Size, pairs: int, encoder: Encoder, layers: Sequence[str]
    ) -> History | None:
        """The best history of at most `pairs` for which there is memory; None if for none."""
        core = _aligned(encoder, layers, _CORE_BESIDE_PX)
        tile = tile_bytes(encoder, layers, size, core)
        update = size[0] * size[1] * PICTURE_BYTES * _UPDATE_PICTURES
        for one in histories(pairs):
            if self.for_tile(size, one) >= max(tile, update):
                return one
        return None


def histories(pairs: int) -> tuple[History, ...]:
    """What L-BFGS may remember where it would like `pairs`, the best first."""
    half = -(-pairs // 2)
    return History(pairs), History(pairs, narrow=True), History(half, narrow=True)


def lesser_history(history: History, pairs: int) -> History | None:
    """The best history that takes less memory than this one, which ran out of it.

    Args:
        history: that was too much.
        pairs: that the recipe wants.

    Returns:
        None where none is left, which leaves the scale to Adam.
    """
    return next(
        (one for one in histories(pairs) if one.bytes_per_pixel < history.bytes_per_pixel), None
    )


def largest_side_px(total: int) -> int:
    """The longest side of a picture for which this memory is enough, by Adam and in small tiles."""
    pixels = max(0, total - AROUND_BYTES - _TILE_BYTES) / (PICTURE_BYTES * _HELD_PICTURES)
    side = math.isqrt(int(pixels / USUAL_ASPECT)) // MIN_SIZE_PX * MIN_SIZE_PX
    return min(MAX_SIZE_PX, max(MIN_SIZE_PX, side))


def tiling_for(
    encoder: Encoder, layers: Sequence[str], size: Size, core_px: int | None
) -> Tiling | None:
    """Tiles of about this core; None where there is no core, or it holds the whole picture."""
    if core_px is None or not layers:
        return None
    tiling = Tiling(size, _aligned(encoder, layers, core_px), encoder.margin_px(layers))
    return tiling if tiling.count > 1 else None


def choose_core(encoder: Encoder, layers: Sequence[str], size: Size, room: int) -> int | None:
    """The largest tiles that fit into `room` bytes; None if the whole picture does.

    Where none fits, the smallest.
    """
    if not layers or tile_bytes(encoder, layers, size, None) <= room:
        return None
    for core in _CORES_PX:
        found = _aligned(encoder, layers, core)
        if tile_bytes(encoder, layers, size, found) <= room:
            return found
    return _aligned(encoder, layers, _LEAST_CORE_PX)


def bands_for(encoder: Encoder, layers: Sequence[str], size: Size, room: int) -> Bands | None:
    """Bands in which the network's stages are passed; None where `room` bytes are too few for that.

    What each stage makes is kept for the whole picture, and with it the slopes of what one of them
    was given and made.
    """
    stages = encoder.stages(layers)
    height, width = size
    number = torch.finfo(encoder.dtype).bits / 8
    wide = max(number, _NUMBER)
    made = [one.out_channels / one.out_stride_px**2 for one in stages if one.downsamples]
    slopes = [one + after for one, after in zip([0, *made], [*made, 0], strict=True)]
    held = max(
        (sum(made[:done]) * number + both * wide for done, both in enumerate(slopes)), default=0
    )
    left = int(room - _HOLES * held * height * width)
    for piece in (left // _PIECES, left):
        rows = [_rows_within(piece, stage, size) for stage in stages]
        if stages and None not in rows:
            found = Bands(size, stages, tuple(one or 0 for one in rows), (), piece)
            return replace(found, kept=_kept_within(left - piece, found))
    return None


def _rows_within(most_bytes: int, stage: Stage, size: Size) -> int | None:
    """Rows of a stage's bands that take so much; None where these would be too low."""
    height, width = size
    most = int(most_bytes / (_HOLES * width * stage.bytes_per_pixel)) - 2 * stage.margin_px
    if most < min(height, max(_LEAST_ROWS_PX, 4 * stage.margin_px)):
        return None
    count = -(-height // most)
    return -(-height // (count * stage.out_stride_px)) * stage.out_stride_px


def _kept_within(most_bytes: int, bands: Bands) -> tuple[int, ...]:
    """How many bands of each stage can be kept, of deep ones first: they save most for a byte."""
    kept: list[int] = []
    for stage, rows in zip(reversed(bands.stages), reversed(bands.rows_px), strict=True):
        height, width = bands.size
        seen = min(height, rows + 2 * stage.margin_px)
        each = _HOLES * width * seen * stage.kept_bytes_per_pixel
        count = min(-(-height // rows), int(most_bytes / each))
        most_bytes -= int(count * each)
        kept.append(max(0, count))
    return tuple(reversed(kept))


def tile_bytes(encoder: Encoder, layers: Sequence[str], size: Size, core_px: int | None) -> int:
    """What the largest tile with such a core takes; None for the whole picture."""
    if not layers:
        return 0
    pixels = size[0] * size[1]
    if core_px is not None:
        pixels = Tiling(size, core_px, encoder.margin_px(layers)).window_pixels
    return round(_HOLES * pixels * encoder.bytes_per_pixel(layers))


def halved_core(core_px: int | None, size: Size) -> int | None:
    """The next smaller tile after memory ran out; None if tiles are as small as they get."""
    core = (max(size) if core_px is None else core_px) // 2
    return None if core < _LEAST_CORE_PX else core


def no_memory() -> PaintingFailedError:
    """Nothing less can be tried."""
    return PaintingFailedError(
        "The device has not enough memory to paint even in the smallest tiles; "
        "choose a smaller size, or free some memory."
    )


@dataclass(eq=False)
class MemoryGuard:
    """Keeps a process within its memory on a CPU, where freed memory is not given back by itself.

    It gives freed memory back before a piece of work that would go beyond what is allowed.
    Giving it back costs time, as it has to be taken again, so it is done only then.
    """

    most_bytes: int | None
    """The most that the process may take; None where its memory is not what is painted in."""
    next_bytes: int = 0
    """What the next piece of work takes."""

    @classmethod
    def from_here(cls, memory: Memory, device: torch.device) -> "MemoryGuard":
        """For a painting whose pictures and network are in memory already."""
        if device.type != "cpu":
            return cls(None)
        # Part of what is put by is in memory already.
        return cls(devices.resident_bytes() + memory.total - memory.fixed - AROUND_BYTES // 2)

    def check(self) -> None:
        """Call before each piece of work."""
        most = self.most_bytes
        if most is not None and devices.resident_bytes() + self.next_bytes > most:
            give_free_memory_back()


def attempt(piece: Callable[[], _T], device: torch.device) -> _T | None:
    """What a piece of work gives, or None if memory ran out.

    What a failed try held is free again afterwards, so that less can be tried.
    """
    try:
        return piece()
    except (RuntimeError, MemoryError) as error:
        if not devices.is_out_of_memory(error, device):
            raise
        error.__traceback__ = None  # It holds the tensors of the failed try.
    devices.release_memory(device)
    return None


def _aligned(encoder: Encoder, layers: Sequence[str], core_px: int) -> int:
    return aligned(core_px, max(encoder.stride_px(name) for name in layers))
