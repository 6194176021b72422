"""crowsonkb/style-transfer-pytorch from a folder, painting with the original VGG-19."""

import contextlib
import importlib
import io
import sys
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from engine.networks.encoder import TORCHVISION_MEAN, TORCHVISION_STD
from engine.networks.vgg19 import CONVOLUTIONS, Normalization, Vgg19Weights
from tools.crowsonkb.roots import root

_PACKAGE = "style_transfer"
_FIRST_ITERATIONS, _LATER_ITERATIONS = 1000, 500
"""Its defaults."""


class ProgramError(Exception):
    """The program cannot be run; the text says why."""


class Program:
    """The program with its own defaults.

    Args:
        folder: with its package `style_transfer` and torchvision.
        weights: the network's.
        precision: of the convolutions, `bf16` or `fp32`; all else is float32.
        own_roots: whether to use its own matrix roots instead of ours, which are equal (`roots`).

    Raises:
        ProgramError: it is not in the folder.
    """

    def __init__(
        self,
        folder: Path,
        weights: Vgg19Weights,
        *,
        precision: str = "bf16",
        own_roots: bool = False,
    ) -> None:
        if not (folder / _PACKAGE).is_dir():
            raise ProgramError(f"There is no {_PACKAGE} in {folder}.")
        sys.path.insert(0, str(folder.resolve()))
        models: Any = importlib.import_module("torchvision.models")
        own = models.vgg19
        models.vgg19 = lambda **_: _Network(torchvision_layers(weights))
        try:
            self._transfer: Any = importlib.import_module(f"{_PACKAGE}.style_transfer")
            self._painter = self._transfer.StyleTransfer()
        finally:
            models.vgg19 = own
        if not own_roots:
            self._transfer.sqrtm.sqrtm_ns_lyap = root
        if precision == "bf16":
            _in_bf16(self._painter.model)

    def paint(
        self, content: Image.Image, style: Image.Image, size_px: int, share: float = 1.0
    ) -> tuple[Image.Image, float]:
        """Paint with the program's default options; returns the picture and processor seconds.

        Args:
            content: RGB.
            style: RGB.
            size_px: the longest side.
            share: of its default iterations at each scale.
        """
        begun = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            image: Image.Image = self._painter.stylize(
                content,
                [style],
                end_scale=size_px,
                initial_iterations=round(_FIRST_ITERATIONS * share),
                iterations=round(_LATER_ITERATIONS * share),
            )
        return image, time.process_time() - begun

    def marks(
        self, content: Image.Image, style: Image.Image, size_px: int, iterations: int
    ) -> list[tuple[int, float, float]]:
        """Paint at one size; for each iteration its number, and wall and processor seconds.

        The seconds are those at its end; everything else is the program's default.
        """
        marks: list[tuple[int, float, float]] = []

        def noted(iterate: Any) -> None:
            marks.append((iterate.i, time.perf_counter(), time.process_time()))

        with contextlib.redirect_stdout(io.StringIO()):
            self._painter.stylize(
                content,
                [style],
                min_scale=size_px,
                end_scale=size_px,
                initial_iterations=iterations,
                callback=noted,
            )
        return marks


class _Network:
    """The part of torchvision's network that the program uses."""

    def __init__(self, features: nn.Sequential) -> None:
        self.features = features


def torchvision_layers(weights: Vgg19Weights) -> nn.Sequential:
    """The convolutions as torchvision lays them out, for pixels normalized as it does.

    Scaling the input and all biases of convolutions and ReLUs by k scales all features by k. So the
    first convolution is adapted to torchvision's standard deviations, and all biases are divided by
    the mean scale of the input. Features then have torchvision's scale, and their ratios are
    unchanged.
    """
    parts: list[nn.Module] = []
    given = weights.normalization
    unit = Normalization().unit / given.unit
    for number, convolution in enumerate(CONVOLUTIONS):
        if convolution.first_of_block and convolution.block:
            parts.append(nn.MaxPool2d(2))
        weight = weights.tensors[f"{convolution.key}.weight"].float().clone()
        bias = weights.tensors[f"{convolution.key}.bias"].float().clone()
        if number == 0:
            # ((z s + m) - mean) / std, z being torchvision's input
            old_mean, old_std = torch.tensor(given.mean), torch.tensor(given.std)
            mean, std = torch.tensor(TORCHVISION_MEAN), torch.tensor(TORCHVISION_STD)
            bias += (weight.sum((2, 3)) * ((mean - old_mean) / old_std)).sum(1)
            weight *= (std / old_std).view(1, 3, 1, 1) / unit
        bias /= unit
        made = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
        made.weight = nn.Parameter(weight, requires_grad=False)
        made.bias = nn.Parameter(bias, requires_grad=False)
        parts += [made, nn.ReLU(inplace=True)]
    return nn.Sequential(*parts)


class _InBf16(nn.Module):
    """A bf16 convolution with a float32 input."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, pixels: Tensor) -> Tensor:
        found: Tensor = self.inner(pixels.bfloat16().contiguous(memory_format=torch.channels_last))
        return found


def _in_bf16(model: Any) -> None:
    """Run convolutions in bf16 and return float32 features for the losses, as our painter does."""
    model.model.to(dtype=torch.bfloat16, memory_format=torch.channels_last)
    model.model[0] = _InBf16(model.model[0])
    plain = model.forward

    def forward(*pictures: Any, **options: Any) -> dict[Any, Tensor]:
        found = plain(*pictures, **options)
        return {name: value.float() for name, value in found.items()}

    model.forward = forward
