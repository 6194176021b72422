"""The `lite` network as an encoder."""

from collections.abc import Collection, Sequence
from functools import cached_property

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.lite.network import (
    BY_LAYER,
    BY_NAME,
    CONVOLUTIONS,
    LAYERS,
    Convolution,
    Weights,
    digest,
    load_weights,
    needed,
    normalized,
    read_from,
    receptive_radius_px,
)
from engine.networks import winograd
from engine.networks.channels_last import FirstConvolution, avg_pool, relu_
from engine.networks.encoder import Basis, Stage, WeightsError
from engine.networks.winograd import Kernel

_UNIT = 255.0


class LiteEncoder:
    """A narrow network that ships with Atelier and imitates VGG-19; see `engine.lite.network`."""

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
        """See `Encoder.stages`: one for each octave."""
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
        stride, downsamples = mine[0].stride_px, octave < used[-1].octave
        whole = stride * 2 if downsamples else stride
        in_channels, out_channels = before[-1] if before else 3, mine[-1].width
        feature_bytes = torch.finfo(self.dtype).bits / 8
        grad_bytes = max(feature_bytes, 4.0)
        kept = feature_bytes * (sum(one.width for one in mine) + out_channels / 4 + in_channels)
        return Stage(
            number=octave,
            layers=tuple(name for one in mine for name in read_from(one, layers)),
            stride_px=stride,
            margin_px=-(-receptive_radius_px(mine) // whole) * whole,
            downsamples=downsamples,
            out_channels=out_channels,
            kept_bytes_per_pixel=kept / stride**2,
            bytes_per_pixel=(kept + 2 * out_channels * grad_bytes + in_channels * grad_bytes)
            / stride**2,
        )

    def forward_stage(self, stage: Stage, inputs: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """See `Encoder.forward_stage`; layers read from one convolution share its output."""
        used = CONVOLUTIONS if stage.downsamples else needed(stage.layers)
        mine = [one for one in used if one.octave == stage.number]
        x = normalized(inputs) if stage.number == 0 else inputs
        if inputs.dtype is torch.float32 and len(inputs) == 1 and self._uses_winograd:
            found, x = self._forward_winograd(mine, x, stage.layers)
            return found, winograd.avg_pool(x) if stage.downsamples else x
        found, x = self._forward_direct(mine, x, stage.layers)
        return found, avg_pool(x) if stage.downsamples else x

    def _forward_direct(
        self, octave: Sequence[Convolution], x: Tensor, layers: Collection[str]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """By torch's own convolutions, in the channels-last layout."""
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for convolution in octave:
            if convolution is CONVOLUTIONS[0]:
                x = self._first(x)
            else:
                weight = self._weights[f"{convolution.name}.weight"]
                bias = self._weights[f"{convolution.name}.bias"]
                x = relu_(F.conv2d(x, weight, bias, padding=convolution.kernel_px // 2))
            found |= dict.fromkeys(read_from(convolution, layers), x)
        return found, x

    def _forward_winograd(
        self, octave: Sequence[Convolution], x: Tensor, layers: Collection[str]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """By Winograd's transform, in the contiguous layout; see `engine.networks.winograd`."""
        found: dict[str, Tensor] = {}
        for convolution in octave:
            x = winograd.conv_relu(x, self._kernels[convolution.name])
            found |= dict.fromkeys(read_from(convolution, layers), x)
        return found, x

    @cached_property
    def _first(self) -> FirstConvolution:
        name = CONVOLUTIONS[0].name
        return FirstConvolution(self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

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
        """See `Encoder.basis`: the linear map by which a layer imitates VGG-19's."""
        return Basis(self._weights[f"{layer}.weight"], self._weights[f"{layer}.bias"])

    def margin_px(self, layers: Collection[str]) -> int:
        """See `Encoder.margin_px`."""
        stride = max(each.stride_px for each in needed(layers))
        steps: int = -(-receptive_radius_px(needed(layers)) // stride)
        return steps * stride

    def stride_px(self, layer: str) -> int:
        """See `Encoder.stride_px`."""
        return BY_NAME[BY_LAYER[layer].source].stride_px

    def border(self, layer: str) -> int:
        """See `Encoder.border`: at half of the picture's size, two convolutions know the side."""
        return 2 if self.stride_px(layer) == 2 else 1

    def multiplications_per_pixel(self, layers: Collection[str]) -> float:
        """See `Encoder.multiplications_per_pixel`."""
        return sum(
            self._weights[f"{one.name}.weight"].numel() / one.stride_px**2 for one in needed(layers)
        )

    def bytes_per_pixel(self, layers: Collection[str]) -> float:
        """See `Encoder.bytes_per_pixel`.

        Activations are kept for the backward pass, with the gradient of each.
        """
        feature_bytes = torch.finfo(self.dtype).bits / 8
        kept: float = sum(2 * each.width / each.stride_px**2 for each in needed(layers))
        return float(kept * feature_bytes + 12 * 4)

    def _placed(self, tensor: Tensor) -> Tensor:
        placed = tensor.detach().to(self.device, self.dtype)
        return placed.contiguous(memory_format=torch.channels_last) if placed.ndim == 4 else placed
