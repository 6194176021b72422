"""The `lite` network as the painter uses it."""

from collections.abc import Collection
from functools import cached_property

import torch
from torch import Tensor

from engine.lite.network import (
    BY_LAYER,
    BY_NAME,
    CONVOLUTIONS,
    LAYERS,
    Weights,
    centered,
    digest,
    forward,
    halved,
    load_weights,
    needed,
    reach_px,
    read_from,
)
from engine.networks import winograd
from engine.networks.encoder import Basis, WeightsError
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

    def features(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """See `Encoder.features`; layers that are read from one convolution share its answers."""
        missing = [name for name in layers if name not in LAYERS]
        if missing:
            raise WeightsError(
                "The lite network has no layer {layer}; it has: {layers}.",
                layer=missing[0],
                layers=", ".join(LAYERS),
            )
        if self._uses_winograd and picture.dtype is torch.float32 and len(picture) == 1:
            return self._features_by_winograd(picture, layers)
        return forward(self._weights, picture, layers)

    def _features_by_winograd(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """The same as `forward`; see `engine.networks.winograd`."""
        x, octave = centered(picture), 0
        found: dict[str, Tensor] = {}
        for convolution in needed(layers):
            if convolution.octave > octave:
                x, octave = halved(x), convolution.octave
            kernel = self._kernels[convolution.name]
            x = winograd.relu_of(x, kernel)
            found |= dict.fromkeys(read_from(convolution, layers), x)
        return {name: found[name] for name in LAYERS if name in found}

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
        steps: int = -(-reach_px(layers) // stride)
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
