"""Statistics of one picture at many sizes, packed into a small file.

A covariance matrix is symmetric and has few large eigenvalues. So it is stored as `L Lᵀ` with only
the necessary columns, quantized to int8 with a scale for each column. The rest of the diagonal is
added, which makes the deviations exact. Covariances instead of second moments, as most of the
latter is due to the means: a small relative error there is a large one in everything else.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from engine.painting.measuring import is_calm
from engine.painting.statistics import (
    ColorMoments,
    LayerMoments,
    StatisticsKey,
    StyleStatistics,
    metadata_of,
)

ERROR = 0.07
"""Largest error of a packed matrix, relative to its Frobenius norm, before quantizing."""
_CALM_ERROR = 0.1
"""The same for matrices of calm parts, which are only an additional target."""
FORMAT = "2"
_ABOUT_ZERO = "1"
"""An older format: second moments instead of covariances, without the rest of the diagonal."""
_LEVELS = 127.0


def pack(sizes: Sequence[StyleStatistics]) -> bytes:
    """A safetensors file with the statistics at all sizes."""
    tensors: dict[str, Tensor] = {}
    keys: list[dict[str, object]] = []
    for number, statistics in enumerate(sizes):
        keys.append(dict(vars(statistics.key)))
        for name, moments in statistics.layers.items():
            place = f"{number}.{name}"
            mean = moments.mean.detach().cpu().to(torch.float16)
            centered = moments.second.detach().cpu() - torch.outer(mean.float(), mean.float())
            scale, columns = _factor(centered, _CALM_ERROR if is_calm(name) else ERROR)
            told = (columns.float() * scale).square().sum(1)
            tensors[f"{place}.columns"] = columns
            tensors[f"{place}.scale"] = scale
            tensors[f"{place}.rest"] = (centered.diagonal() - told).clamp(min=0).contiguous()
            tensors[f"{place}.mean"] = mean.contiguous()
    colors = next((one.colors for one in reversed(sizes) if one.colors is not None), None)
    if colors is not None:
        tensors["colors.mean"] = colors.mean.float().contiguous()
        tensors["colors.covariance"] = colors.covariance.float().contiguous()
    return save(tensors, metadata={"format": FORMAT, "keys": json.dumps(keys, sort_keys=True)})


def unpack(data: bytes) -> list[StyleStatistics]:
    """Read what `pack` wrote, small sizes first.

    Raises:
        ValueError: another kind of file, or damaged.
    """
    try:
        tensors = load(data)
        metadata = metadata_of(data)
        keys = [StatisticsKey(**key) for key in json.loads(metadata["keys"])]
        if metadata["format"] not in {FORMAT, _ABOUT_ZERO}:
            keys = []
        colors = _colors(tensors)
        found = [
            StyleStatistics(key, _layers(tensors, f"{number}."), colors)
            for number, key in enumerate(keys)
        ]
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError("This is not a file of a style's fingerprint.") from error
    if not found:
        raise ValueError("This is not a fingerprint that this version can read.")
    return sorted(found, key=lambda one: one.key.long_side_px)


def with_sizes_between(sizes: Sequence[StyleStatistics]) -> list[StyleStatistics]:
    """Add the mean of each two neighboring sizes, so that the nearest size is nearer."""
    between: list[StyleStatistics] = []
    for small, large in itertools.pairwise(sizes):
        if small.layers.keys() != large.layers.keys():
            continue
        key = replace(
            small.key,
            height_px=round((small.key.height_px * large.key.height_px) ** 0.5),
            width_px=round((small.key.width_px * large.key.width_px) ** 0.5),
        )
        middle = _halfway(small.layers, large.layers)
        between.append(StyleStatistics(key, middle, small.colors))
    return sorted([*sizes, *between], key=lambda one: one.key.long_side_px)


def _halfway(
    small: Mapping[str, LayerMoments], large: Mapping[str, LayerMoments]
) -> dict[str, LayerMoments]:
    return {
        name: LayerMoments(
            (small[name].second + large[name].second) / 2, (small[name].mean + large[name].mean) / 2
        )
        for name in small
    }


def _factor(second: Tensor, error: float) -> tuple[Tensor, Tensor]:
    values, vectors = torch.linalg.eigh(second.detach().cpu().double())
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    left_out = values.square().flip(0).cumsum(0).flip(0)  # squared norm without the values before
    allowed = error**2 * left_out[0]
    count = max(1, int((left_out > allowed).sum()))
    columns = vectors[:, :count] * values[:count].sqrt()
    scale = columns.abs().amax(0).clamp(min=1e-12) / _LEVELS
    return scale.float().contiguous(), (columns / scale).round().to(torch.int8).contiguous()


def _colors(tensors: Mapping[str, Tensor]) -> ColorMoments | None:
    """Moments of the colors; files of older versions have none."""
    if "colors.mean" not in tensors:
        return None
    mean, covariance = tensors["colors.mean"], tensors["colors.covariance"]
    return ColorMoments(mean.double(), covariance.double())


def _layers(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, LayerMoments]:
    names = [
        name[len(prefix) : -len(".mean")]
        for name in tensors
        if name.startswith(prefix) and name.endswith(".mean")
    ]
    layers: dict[str, LayerMoments] = {}
    for name in names:
        place = f"{prefix}{name}"
        columns = tensors[f"{place}.columns"].float() * tensors[f"{place}.scale"]
        mean = tensors[f"{place}.mean"].float()
        if columns.shape[0] != mean.shape[0]:
            raise ValueError(name)
        second = columns @ columns.mT
        if (rest := tensors.get(f"{place}.rest")) is not None:
            second += torch.outer(mean, mean) + rest.diag()
        layers[name] = LayerMoments(second, mean)
    return layers
