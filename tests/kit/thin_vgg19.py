"""A VGG-19 with few channels and random weights, so that tests paint quickly."""

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from common.options import PaintOptions
from engine.networks.encoder import Encoder
from engine.networks.registry import NetworkSource
from engine.networks.vgg19 import CONVOLUTIONS, Normalization, Vgg19, Vgg19Weights
from engine.painting import Event, Painted, Picture, Stepped, Studio, Style, paint


def thin_weights(depth: int = 16, seed: int = 0) -> Vgg19Weights:
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    channels = 3
    for convolution in CONVOLUTIONS[:depth]:
        outputs = 6 + 2 * convolution.block
        weight = torch.randn(outputs, channels, 3, 3, generator=generator, dtype=torch.float64)
        bias = torch.randn(outputs, generator=generator, dtype=torch.float64)
        tensors[f"{convolution.key}.weight"] = weight * (2 / (9 * channels)) ** 0.5
        tensors[f"{convolution.key}.bias"] = bias * 0.1
        channels = outputs
    return Vgg19Weights(tensors, Normalization())


def thin_vgg19(depth: int = 16, dtype: torch.dtype = torch.float64, pooling: str = "max") -> Vgg19:
    return Vgg19(thin_weights(depth), dtype=dtype, pooling=pooling)


def thin_studio(
    depth: int = 16,
    precision: str = "fp32",
    max_memory_bytes: int | None = None,
    wrap: type | None = None,
) -> Studio:
    """A studio that always opens a thin VGG-19, wrapped in the class `wrap` if given."""

    def opener(
        network: str,
        source: NetworkSource,
        *,
        device: torch.device,
        dtype: torch.dtype,
        pooling: str,
    ) -> Encoder:
        vgg19 = Vgg19(thin_weights(depth), device=device, dtype=dtype, pooling=pooling)
        wrapped: Encoder = vgg19 if wrap is None else wrap(vgg19)
        return wrapped

    return Studio(precision=precision, max_memory_bytes=max_memory_bytes, opener=opener)


def noise_picture(height: int, width: int, seed: int = 0) -> Picture:
    """Smooth colored noise, which is more like a photograph than white noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, max(2, height // 8), max(2, width // 8), generator=generator)
    pixels = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    return Picture(pixels[0].clamp(0, 1).contiguous())


def paint_and_collect(
    options: PaintOptions,
    studio: Studio,
    *,
    content: Picture | None = None,
    styles: Sequence[Style] | None = None,
    **more: object,
) -> tuple[Painted, list[Event]]:
    """Paint small pictures; returns the result and all events."""
    content = content or noise_picture(48, 64)
    styles = styles or [Style(noise_picture(56, 40, seed=1))]
    events = list(paint(content, styles, options, studio=studio, **more))  # type: ignore[arg-type]  # (keywords of `paint`)
    last = events[-1]
    assert isinstance(last, Painted)
    return last, events


QUICK_OPTIONS = PaintOptions(size_px=64, scales=2, iterations=6)
STYLE = Style(noise_picture(56, 40, seed=1))


def quick_options(**more: Any) -> PaintOptions:
    """`QUICK_OPTIONS` with these changes."""
    return PaintOptions.model_validate(QUICK_OPTIONS.model_dump() | more)


def step_events(events: Collection[Event]) -> list[Stepped]:
    return [event for event in events if isinstance(event, Stepped)]
