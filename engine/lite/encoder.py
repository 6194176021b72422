"""The `lite` network as the painter uses it."""

from collections.abc import Collection, Sequence
from functools import cached_property

import torch
from torch import Tensor

from engine.lite.network import (
    BY_LAYER,
    BY_NAME,
    CONVOLUTIONS,
    LAYERS,
    Convolution,
    Weights,
    centered,
    digest,
    halved,
    load_weights,
    needed,
    octave_of,
    reach_of,
    read_from,
)
from engine.networks import winograd
from engine.networks.encoder import Basis, Stage, WeightsError
from engine.networks.winograd import Kernel

_UNIT = 255.0


class LiteEncoder:
    """A narrow network that comes with the package and imitates VGG19; see `network`."""

    name = "lite"
    pooling = "average"
    unit = _UNIT
    layers = LAYERS

    def __init__(
        self,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        weights: Weights | None = None,
    ) -> None:
        self.device = device or torch.device("cpu")
        self.dtype = dtype
        learnt = load_weights() if weights is None else weights
        self.weights_hash = digest(learnt)
        self._weights = {name: self._placed(tensor) for name, tensor in learnt.items()}

    def stages(self, layers: Collection[str]) -> tuple[Stage, ...]:
        """See `Encoder.stages`: an octave each."""
        missing = [name for name in layers if name not in LAYERS]
        if missing:
            raise WeightsError(
                "The lite network has no layer {layer}; it has: {layers}.",
                layer=missing[0],
                layers=", ".join(LAYERS),
            )
        used = needed(layers)
        octaves = {convolution.octave: 0 for convolution in used}
        return tuple(self._stage(octave, used, layers) for octave in octaves)

    def _stage(self, octave: int, used: Sequence[Convolution], layers: Collection[str]) -> Stage:
        mine = [one for one in used if one.octave == octave]
        before = [one.width for one in used if one.octave < octave]
        stride, halves = mine[0].stride_px, octave < used[-1].octave
        whole = stride * 2 if halves else stride
        given, made = before[-1] if before else 3, mine[-1].width
        size = torch.finfo(self.dtype).bits / 8
        wide = max(size, 4.0)
        kept = size * (sum(one.width for one in mine) + made / 4 + given)
        return Stage(
            number=octave,
            layers=tuple(name for one in mine for name in read_from(one, layers)),
            stride_px=stride,
            reach_px=-(-reach_of(mine) // whole) * whole,
            halves=halves,
            made_channels=made,
            kept_bytes_per_pixel=kept / stride**2,
            bytes_per_pixel=(kept + 2 * made * wide + given * wide) / stride**2,
        )

    def through(self, stage: Stage, given: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """See `Encoder.through`; layers that are read from one convolution share its answers."""
        used = CONVOLUTIONS if stage.halves else needed(stage.layers)
        mine = [one for one in used if one.octave == stage.number]
        x = centered(given) if stage.number == 0 else given
        if given.dtype is torch.float32 and len(given) == 1 and self._uses_winograd:
            found: dict[str, Tensor] = {}
            for convolution in mine:
                x = winograd.relu_of(x, self._kernels[convolution.name])
                found |= dict.fromkeys(read_from(convolution, stage.layers), x)
            return found, winograd.mean_of(x) if stage.halves else x
        found, x = octave_of(self._weights, mine, x, stage.layers)
        return found, halved(x) if stage.halves else x

    @cached_property
    def _kernels(self) -> dict[str, Kernel]:
        names = [convolution.name for convolution in CONVOLUTIONS]
        weights = [self._weights[f"{name}.weight"].contiguous() for name in names]
        biases = [self._weights[f"{name}.bias"] for name in names]
        return {
            name: Kernel(weight, bias, int(number > 0))
            for number, (name, weight, bias) in enumerate(zip(names, weights, biases, strict=True))
        }

    @cached_property
    def _uses_winograd(self) -> bool:
        widest = max(convolution.width for convolution in CONVOLUTIONS)
        return winograd.is_quicker(widest, device=self.device, dtype=self.dtype)

    def basis(self, layer: str) -> Basis:
        """See `Encoder.basis`: that of the components by which the layer imitates VGG-19's."""
        return Basis(self._weights[f"{layer}.weight"], self._weights[f"{layer}.bias"])

    def margin_px(self, layers: Collection[str]) -> int:
        """See `Encoder.margin_px`."""
        stride = max(each.stride_px for each in needed(layers))
        steps: int = -(-reach_of(needed(layers)) // stride)
        return steps * stride

    def stride_px(self, layer: str) -> int:
        """See `Encoder.stride_px`."""
        return BY_NAME[BY_LAYER[layer].source].stride_px

    def bytes_per_pixel(self, layers: Collection[str]) -> float:
        """See `Encoder.bytes_per_pixel`.

        Activations stay for the way back, and there is the slope of each that is read from.
        """
        wide = torch.finfo(self.dtype).bits / 8
        kept: float = sum(2 * each.width / each.stride_px**2 for each in needed(layers))
        return float(kept * wide + 12 * 4)

    def _placed(self, tensor: Tensor) -> Tensor:
        placed = tensor.detach().to(self.device, self.dtype)
        return placed.contiguous(memory_format=torch.channels_last) if placed.ndim == 4 else placed
