"""Small paintings of every kind, and a hash of each: one process of `tools.same_pictures`.

Run as a script with a checkout on the path, which may be old: it uses only names of the painter's
library that have always existed.
"""

import argparse
import dataclasses
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from common.options import PaintOptions
from engine.networks.registry import NetworkSource
from engine.networks.vgg19 import CONVOLUTIONS
from engine.painting import Painted, Picture, Stepped, Studio, Style, paint

_SMALL: dict[str, Any] = {"size_px": 96, "scales": 2, "iterations": 12, "seed": 7}
_RESUMED_AFTER = 15


def main() -> int:
    """Paint all, or those that are named, and print their hashes as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "thin.safetensors"
        _write_thin_weights(weights)
        made = {name: made_by(weights) for name, made_by in _paintings(chosen.names).items()}
    print(json.dumps(made))
    return 0


def _paintings(names: list[str]) -> Mapping[str, Callable[[Path], dict[str, Any]]]:
    """Functions that paint, by name; their argument is the file of VGG-19's weights."""
    one = [Style(_noise(80, 72, 2))]
    two = [Style(_noise(80, 72, 2)), Style(_noise(64, 90, 3), weight=2.0)]
    mask = _noise(72, 96, 4).pixels[0].contiguous()
    masked = [
        dataclasses.replace(style, mask=side)
        for style, side in zip(two, (mask, 1 - mask), strict=True)
    ]

    def one_of(options: Mapping[str, Any], styles: list[Style], **more: Any) -> Any:
        return lambda weights: _painted(weights, {**_SMALL, **options}, styles, **more)

    lite, vgg = {"network": "lite"}, {"network": "vgg19"}
    adam = {**vgg, "optimizer": "adam"}
    every = {
        "lite, default": one_of(lite, one),
        "lite, two styles": one_of(lite, two),
        "lite, Adam in tiles": one_of({**lite, "optimizer": "adam", "tile_px": 64}, one),
        "vgg19, default": one_of(vgg, one),
        "vgg19, gatys": one_of({**vgg, "recipe": "gatys"}, one),
        "vgg19, large": one_of({**vgg, "recipe": "large"}, one),
        "vgg19, wasserstein": one_of({**vgg, "recipe": "wasserstein"}, one),
        "vgg19, a mask": one_of(adam, one, mask=mask),
        "vgg19, two styles": one_of(vgg, two),
        "vgg19, two styles with masks": one_of(vgg, masked),
        "vgg19, in tiles": one_of({**vgg, "size_px": 192, "tile_px": 64}, one),
        "vgg19, masks in tiles": one_of({**adam, "size_px": 160, "tile_px": 64}, masked, mask=mask),
        "vgg19, little memory": one_of({**adam, "size_px": 224}, two, memory=130 << 20),
        "vgg19, content alone": one_of({**vgg, "strength": 0.0, "start": "noise"}, one),
        "vgg19, style alone": one_of({**vgg, "strength": 1.0}, one),
        "vgg19, resumed with L-BFGS": one_of(vgg, one, resumed=True),
        "vgg19, resumed with Adam": one_of(adam, two, resumed=True),
        "vgg19, early end": one_of({**adam, "iterations": 40, "min_improvement": 0.1}, one),
    }
    return {name: every[name] for name in names or every}


def _painted(
    weights: Path,
    options: Mapping[str, Any],
    styles: list[Style],
    *,
    mask: Tensor | None = None,
    memory: int | None = None,
    resumed: bool = False,
) -> dict[str, Any]:
    def events(checkpoint: bytes | None) -> Any:
        return paint(
            _noise(72, 96, 1),
            styles,
            PaintOptions.model_validate(options),
            studio=Studio(
                source=NetworkSource(vgg19_weights=weights),
                precision="fp32",
                max_memory_bytes=memory,
            ),
            mask=mask,
            resume=checkpoint,
        )

    kept = None
    if resumed:
        going_on = events(None)
        for event in going_on:
            if isinstance(event, Stepped) and event.iteration == _RESUMED_AFTER:
                kept = event.checkpoint()
                break
        going_on.close()
    (done,) = (event for event in events(kept) if isinstance(event, Painted))
    losses = [
        [one.scale, one.iteration, one.total, *one.terms.values()] for one in done.report.losses
    ]
    return {
        "picture": hashlib.sha256(done.picture.pixels.numpy().tobytes()).hexdigest(),
        "losses": hashlib.sha256(json.dumps(losses).encode()).hexdigest(),
        "iterations": done.report.iterations,
        "tiles": done.report.tiles,
        "loss": losses[-1][2],
    }


def _noise(height: int, width: int, seed: int) -> Picture:
    """Smooth colored noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 8, width // 8, generator=generator)
    pixels = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    return Picture(pixels[0].clamp(0, 1).contiguous())


def _write_thin_weights(file: Path) -> None:
    """A VGG-19 of few channels and random numbers, which paints fast."""
    generator = torch.Generator().manual_seed(0)
    tensors: dict[str, Tensor] = {}
    channels = 3
    for convolution in CONVOLUTIONS:
        width = 6 + 2 * convolution.block
        kernel = torch.randn(width, channels, 3, 3, generator=generator)
        tensors[f"{convolution.key}.weight"] = kernel * (2 / (9 * channels)) ** 0.5
        tensors[f"{convolution.key}.bias"] = torch.randn(width, generator=generator) * 0.1
        channels = width
    save_file(tensors, file, metadata={"input": "as torchvision"})


if __name__ == "__main__":
    sys.exit(main())
