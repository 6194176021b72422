"""How large tiles may be in a given memory."""

from collections.abc import Sequence

from engine.networks.encoder import Encoder
from engine.painting.picture import Size
from engine.painting.plan import Plan
from engine.painting.problems import PaintingFailed
from engine.painting.tiles import Tiling, aligned

_TEMPORARY = 48
_LEAST_CORE_PX = 64
_MOST_CORE_PX = 4096
_STEP_PX = 64


def state_bytes_per_pixel(plan: Plan, scale: int) -> int:
    """What the picture and its optimiser take for each pixel at a scale, in float32.

    Adam has picture, gradient, two moments, the average, and a snapshot of all but the gradient;
    L-BFGS has its history and some six pictures more.
    """
    if plan.scales[scale].optimizer == "lbfgs":
        return _TEMPORARY + 12 * (2 * plan.optimizer.history + 6)
    return _TEMPORARY + 12 * 9


def choose_core(
    encoder: Encoder, layers: Sequence[str], size: Size, budget: int, state: int
) -> int | None:
    """The largest tiles that fit into a budget; None if the whole picture does.

    Args:
        encoder: the network.
        layers: in use.
        size: of the picture.
        budget: in bytes.
        state: bytes for each pixel of the picture that tiles do not change.
    """
    if not layers:
        return None
    pixels = size[0] * size[1]
    each = encoder.bytes_per_pixel(layers)
    room = budget - pixels * state
    if pixels * each <= room:
        return None
    stride = max(encoder.stride_px(name) for name in layers)
    margin = encoder.margin_px(layers)
    for core in range(_MOST_CORE_PX, _LEAST_CORE_PX, -_STEP_PX):
        if Tiling(size, aligned(core, stride), margin).window_pixels * each <= room:
            return aligned(core, stride)
    return aligned(_LEAST_CORE_PX, stride)


def halved_core(core_px: int | None, size: Size) -> int:
    """The next smaller tile after memory ran out.

    Raises:
        PaintingFailed: tiles are as small as they get.
    """
    core = (max(size) if core_px is None else core_px) // 2
    if core < _LEAST_CORE_PX:
        raise PaintingFailed(
            "The device has not enough memory to paint even in the smallest tiles; "
            "choose a smaller size, or free some memory."
        )
    return core
