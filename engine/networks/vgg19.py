"""VGG-19 (Simonyan and Zisserman 2014) as an encoder with named layers."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.networks import winograd
from engine.networks.border import repeat_border
from engine.networks.encoder import TORCHVISION_MEAN, TORCHVISION_STD, Stage, WeightsError
from engine.networks.winograd import Kernel

_BLOCKS = (2, 2, 4, 4, 4)
CHANNELS = (64, 128, 256, 512, 512)


@dataclass(frozen=True)
class Convolution:
    """One of the 16 convolutions: its layer's name, and its place in torchvision's module."""

    layer: str
    block: int
    key: str
    first_of_block: bool


def _convolutions() -> tuple[Convolution, ...]:
    found: list[Convolution] = []
    place = 0
    for block, count in enumerate(_BLOCKS):
        for number in range(count):
            layer = f"relu{block + 1}_{number + 1}"
            found.append(Convolution(layer, block, f"features.{place}", number == 0))
            place += 2  # a convolution and its ReLU
        place += 1  # the pooling
    return tuple(found)


CONVOLUTIONS = _convolutions()
LAYERS = tuple(convolution.layer for convolution in CONVOLUTIONS)


@dataclass(frozen=True)
class Normalization:
    """How pixels in 0..1 become the network's input: `(pixels − mean) / std`, per channel."""

    mean: tuple[float, float, float] = TORCHVISION_MEAN
    std: tuple[float, float, float] = TORCHVISION_STD

    @property
    def unit(self) -> float:
        """See `Encoder.unit`."""
        return 255.0 * sum(self.std) / 3.0


@dataclass(frozen=True)
class Vgg19Weights:
    """Weights and biases by torchvision's names, in RGB order; a file may lack the deepest ones."""

    tensors: dict[str, Tensor]
    """By name, such as `features.0.weight`."""
    normalization: Normalization
    """Normalization of the input that they were trained with."""
    kind: str = "the original VGG-19"
    """What they were recognized as, for a message to whoever named the file."""

    def present(self) -> tuple[Convolution, ...]:
        """The convolutions from the first to the last one before a gap."""
        present: list[Convolution] = []
        for convolution in CONVOLUTIONS:
            if f"{convolution.key}.weight" not in self.tensors:
                break
            present.append(convolution)
        return tuple(present)

    def hash(self) -> str:
        """SHA-256 of normalization and present convolutions, for reports and cache keys."""
        digest = hashlib.sha256(repr((self.normalization.mean, self.normalization.std)).encode())
        for convolution in self.present():
            for part in ("weight", "bias"):
                tensor = self.tensors[f"{convolution.key}.{part}"].detach().float().contiguous()
                digest.update(tensor.cpu().numpy().tobytes())
        return digest.hexdigest()


class Vgg19:
    """VGG-19's convolutions, frozen, up to the deepest layer that is asked for.

    The first convolution uses replication padding, as the style would paint a frame of zeros. The
    deeper ones pad with zeros, as in training.
    """

    name = "vgg19"

    def __init__(
        self,
        weights: Vgg19Weights,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        pooling: str = "max",
    ) -> None:
        if pooling not in {"max", "average"}:
            raise WeightsError("Pooling is max or average, not {pooling}.", pooling=pooling)
        self.device = device or torch.device("cpu")
        self.dtype = dtype
        self.pooling = pooling
        self.unit = weights.normalization.unit
        self.weights_hash = weights.hash()
        self._convolutions = weights.present()
        self.layers = tuple(convolution.layer for convolution in self._convolutions)
        if not self.layers:
            raise WeightsError("The weights file contains no convolution of VGG-19.")
        pixel_dtype = torch.promote_types(dtype, torch.float32)
        self._mean = _per_channel(weights.normalization.mean, self.device, pixel_dtype)
        self._std = _per_channel(weights.normalization.std, self.device, pixel_dtype)
        self._tensors = weights.tensors
        self._direct: dict[str, Kernel] = {}
        self._by_winograd: dict[str, Kernel] = {}

    def stages(self, layers: Collection[str]) -> tuple[Stage, ...]:
        """See `Encoder.stages`: one for each block, with its pooling at the end."""
        missing = [name for name in layers if name not in self.layers]
        if missing:
            raise WeightsError(
                "The VGG-19 weights in use do not have: {missing}. They have: {present}. Choose "
                "among these, or use a weights file that goes deeper.",
                missing=", ".join(missing),
                present=", ".join(self.layers),
            )
        deepest = max((self.layers.index(name) for name in layers), default=-1)
        used = self._convolutions[: deepest + 1]
        return tuple(self._stage(block, used, layers) for block in {one.block: 0 for one in used})

    def _stage(self, block: int, used: Sequence[Convolution], layers: Collection[str]) -> Stage:
        mine = [one.layer for one in used if one.block == block]
        stride, downsamples = 1 << block, block < used[-1].block
        whole = stride * 2 if downsamples else stride
        in_channels, out_channels = CHANNELS[block - 1] if block else 3, CHANNELS[block]
        feature_bytes = torch.finfo(self.dtype).bits / 8
        grad_bytes = max(feature_bytes, 4.0)
        # Activations, the pooled output, and an int64 index for each pooled value, or less.
        kept = out_channels * (len(mine) * feature_bytes + (0.5 + 2.0 if downsamples else 0.0))
        return Stage(
            number=block,
            layers=tuple(name for name in mine if name in layers),
            stride_px=stride,
            margin_px=-(-len(mine) * stride // whole) * whole,
            downsamples=downsamples,
            out_channels=out_channels,
            kept_bytes_per_pixel=kept / stride**2,
            bytes_per_pixel=(
                kept + 2 * out_channels * grad_bytes + in_channels * (feature_bytes + grad_bytes)
            )
            / stride**2,
        )

    def forward_stage(self, stage: Stage, inputs: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """See `Encoder.forward_stage`."""
        x, wanted = inputs, set(stage.layers)
        if stage.number == 0:
            x = (x - self._mean) / self._std
            x = repeat_border(x, left=1, right=1, top=1, bottom=1)
        block = [one for one in self._convolutions if one.block == stage.number]
        if not stage.downsamples:
            block = block[
                : max(place for place, one in enumerate(block) if one.layer in wanted) + 1
            ]
        by_winograd = inputs.dtype is torch.float32 and len(inputs) == 1 and self._uses_winograd
        if by_winograd:
            return self._forward_winograd(block, x, wanted, downsamples=stage.downsamples)
        return self._forward_direct(block, x, wanted, downsamples=stage.downsamples)

    def _forward_direct(
        self, block: Sequence[Convolution], x: Tensor, wanted: Collection[str], *, downsamples: bool
    ) -> tuple[dict[str, Tensor], Tensor]:
        """By torch's own convolutions, in the channels-last layout."""
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for convolution in block:
            kernel = self._kernel(convolution, self._direct)
            x = F.conv2d(x, kernel.weight, kernel.bias, padding=kernel.padding).relu_()
            if convolution.layer in wanted:
                found[convolution.layer] = x
        return found, self._pool(x) if downsamples else x

    def _forward_winograd(
        self, block: Sequence[Convolution], x: Tensor, wanted: Collection[str], *, downsamples: bool
    ) -> tuple[dict[str, Tensor], Tensor]:
        """By Winograd's transform, in the contiguous layout; see `engine.networks.winograd`."""
        found: dict[str, Tensor] = {}
        for convolution in block:
            kernel = self._kernel(convolution, self._by_winograd)
            pooled = downsamples and convolution is block[-1]
            needed = convolution.layer in wanted
            if pooled and not needed and self.pooling == "max":
                return found, winograd.conv_relu_max_pool(x, kernel)
            x = winograd.conv_relu(x, kernel)
            if needed:
                found[convolution.layer] = x
        if not downsamples:
            return found, x
        return (
            found,
            winograd.conv_relu_max_pool(x, None) if self.pooling == "max" else self._pool(x),
        )

    @cached_property
    def _uses_winograd(self) -> bool:
        widest = max(len(self._tensors[f"{one.key}.bias"]) for one in self._convolutions)
        return winograd.is_quicker(widest, device=self.device, dtype=self.dtype)

    def _kernel(self, convolution: Convolution, kept: dict[str, Kernel]) -> Kernel:
        """A convolution's weights in the layout of its cache, prepared at first use."""
        if (known := kept.get(convolution.layer)) is None:
            weight = self._tensors[f"{convolution.key}.weight"].detach()
            bias = self._tensors[f"{convolution.key}.bias"].detach().to(self.device, self.dtype)
            laid = torch.channels_last if kept is self._direct else torch.contiguous_format
            weight = weight.to(self.device, self.dtype).contiguous(memory_format=laid)
            # The first one's input is padded already, by `repeat_border`.
            padding = int(convolution is not self._convolutions[0])
            known = kept[convolution.layer] = Kernel(weight, bias, padding)
        return known

    def basis(self, layer: str) -> None:
        """See `Encoder.basis`: features are compared as they are."""

    def margin_px(self, layers: Collection[str]) -> int:
        """See `Encoder.margin_px`: each 3×3 convolution adds its own stride."""
        deepest = max(layers, key=self.layers.index)
        reach = 0
        for convolution in self._convolutions:
            reach += 2**convolution.block
            if convolution.layer == deepest:
                break
        stride = self.stride_px(deepest)
        return -(-reach // stride) * stride

    def stride_px(self, layer: str) -> int:
        """See `Encoder.stride_px`."""
        return 1 << CONVOLUTIONS[LAYERS.index(layer)].block

    def border(self, layer: str) -> int:  # noqa: ARG002 (the same for all)
        """See `Encoder.border`: none, as hardly any colors are copied, and the rim stays sharp."""
        return 0

    def multiplications_per_pixel(self, layers: Collection[str]) -> float:
        """See `Encoder.multiplications_per_pixel`."""
        deepest = max(self.layers.index(name) for name in layers)
        used = self._convolutions[: deepest + 1]
        return sum(self._tensors[f"{one.key}.weight"].numel() * 0.25**one.block for one in used)

    def bytes_per_pixel(self, layers: Collection[str]) -> float:
        """See `Encoder.bytes_per_pixel`.

        All activations are kept for the backward pass, which holds the widest layer twice more.
        """
        deepest = max(layers, key=self.layers.index)
        kept = 0.0
        for convolution in self._convolutions:
            share = 4.0**-convolution.block
            kept += CHANNELS[convolution.block] * share
            if convolution.first_of_block and convolution.block:
                kept += CHANNELS[convolution.block - 1] * share * 5  # values, int64 indices
            if convolution.layer == deepest:
                break
        size = torch.finfo(self.dtype).bits / 8
        return kept * size + 2 * CHANNELS[0] * max(size, 4.0)

    def _pool(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 2) if self.pooling == "max" else F.avg_pool2d(x, 2)


def _per_channel(
    values: tuple[float, float, float], device: torch.device, dtype: torch.dtype
) -> Tensor:
    return torch.tensor(values, device=device, dtype=dtype).view(1, 3, 1, 1)
