"""Statistics of a style's features: all that the style loss knows of a style.

Second moments `E[F Fᵀ]` and means `E[F]` serve both the Gram and the Wasserstein loss. So one set
of them, kept in a file, replaces the style's picture at one scale.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from cachetools import LRUCache
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from engine.networks.encoder import Basis, Encoder


@dataclass(frozen=True, eq=False)
class LayerMoments:
    """Moments of one layer over its positions: `second` [C, C] = E[F Fᵀ], `mean` [C] = E[F]."""

    second: Tensor
    mean: Tensor

    def to(self, device: torch.device, dtype: torch.dtype) -> "LayerMoments":
        """The same on a device, in a type."""
        return LayerMoments(self.second.to(device, dtype), self.mean.to(device, dtype))

    def symmetrized(self) -> "LayerMoments":
        """The same with an exactly symmetric `second`, as files keep one triangle of it."""
        upper = self.second.triu()
        return LayerMoments(upper + upper.triu(1).mT, self.mean)

    def in_basis(self, basis: Basis | None) -> "LayerMoments":
        """The moments of `weight F + bias`."""
        if basis is None:
            return self
        weight, bias = (part.to(self.mean) for part in (basis.weight, basis.bias))
        mean = weight @ self.mean
        mixed = torch.outer(mean, bias)
        second = weight @ self.second @ weight.mT
        second = second + mixed + mixed.mT + torch.outer(bias, bias)
        return LayerMoments(second, mean + bias)

    def centered(self) -> "LayerMoments":
        """The same with the covariance in place of `second`."""
        return LayerMoments(self.second - torch.outer(self.mean, self.mean), self.mean)

    def plus(self, other: "LayerMoments") -> "LayerMoments":
        """The sum with another part of the same picture."""
        return LayerMoments(self.second + other.second, self.mean + other.mean)


@dataclass(frozen=True, eq=False)
class ColorMoments:
    """Mean [3] and covariance [3, 3] of a picture's colours, in float64 on the CPU."""

    mean: Tensor
    covariance: Tensor


@dataclass(frozen=True)
class StatisticsKey:
    """What statistics depend on, besides the layers."""

    picture: str
    """Hash of the pixels before scaling, with the region and the fit that were used."""
    encoder: str
    """Name of the network."""
    weights: str
    """Hash of its weights."""
    pooling: str
    """Its kind of pooling."""
    height_px: int
    """Height of the style picture when it was measured."""
    width_px: int
    """Width of the style picture when it was measured."""
    precision: str = "float32"
    """Type of the network's numbers, such as `float32`."""
    device: str = "cpu"
    """What they were measured on: each kind of device and version of torch rounds differently, and
    a CPU with each number of threads."""
    tile_px: int = 0
    """Size of the tiles they were measured in; 0 for the whole picture at once."""
    origin: str = ""
    """Key of the stored picture; empty for a painting of the catalogue, or a file."""
    border: int = 0
    """Most positions that were left out at each side of a layer; see `Encoder.border`."""

    @classmethod
    def of(
        cls, encoder: Encoder, picture: str, size: tuple[int, int], **more: Any
    ) -> "StatisticsKey":
        """The key for a network and a picture that is resized to (height, width)."""
        return cls(
            picture=picture,
            encoder=encoder.name,
            weights=encoder.weights_hash,
            pooling=encoder.pooling,
            height_px=size[0],
            width_px=size[1],
            precision=str(encoder.dtype).removeprefix("torch."),
            border=max(encoder.border(layer) for layer in encoder.layers),
            **more,
        )

    @property
    def long_side_px(self) -> int:
        """The longer side, by which the nearest scale is found."""
        return max(self.height_px, self.width_px)


@dataclass(frozen=True, eq=False)
class StyleStatistics:
    """Moments of layers of one picture at one scale, and of its colors if they are known."""

    key: StatisticsKey
    layers: Mapping[str, LayerMoments]
    colors: ColorMoments | None = None

    def to_bytes(self) -> bytes:
        """A safetensors file in full precision, as results must not depend on the cache.

        Of a symmetric second moment only one triangle is kept.
        """
        tensors: dict[str, Tensor] = {}
        for name, moments in self.layers.items():
            rows, columns = torch.triu_indices(*moments.second.shape)
            second = moments.second.detach().cpu()[rows, columns]
            tensors[f"{name}.second"] = second.float().contiguous()
            tensors[f"{name}.mean"] = moments.mean.detach().cpu().float().contiguous()
        return save(tensors, metadata={"key": json.dumps(vars(self.key), sort_keys=True)})

    @classmethod
    def from_bytes(cls, data: bytes) -> "StyleStatistics":
        """What `to_bytes` wrote.

        Raises:
            ValueError: it is another kind of file, or damaged.
        """
        try:
            tensors = load(data)
            key = StatisticsKey(**json.loads(metadata_of(data)["key"]))
            names = [name.removesuffix(".mean") for name in tensors if name.endswith(".mean")]
            layers = {
                name: LayerMoments(
                    _whole(tensors[f"{name}.second"].float(), tensors[f"{name}.mean"].numel()),
                    tensors[f"{name}.mean"].float(),
                )
                for name in names
            }
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError("This is not a file of style statistics.") from error
        return cls(key, layers)


class StatisticsStore(Protocol):
    """A cache of statistics between paintings, for example in files."""

    def get(self, key: StatisticsKey, layers: Sequence[str]) -> StyleStatistics | None:
        """The entry of this key if it has all these layers."""

    def put(self, statistics: StyleStatistics) -> None:
        """Store them; raises nothing."""


class MemoryStatistics:
    """A small cache in memory, for one process."""

    def __init__(self) -> None:
        self._kept: LRUCache[StatisticsKey, StyleStatistics] = LRUCache(64)

    def get(self, key: StatisticsKey, layers: Sequence[str]) -> StyleStatistics | None:
        """See `StatisticsStore.get`."""
        found = self._kept.get(key)
        return found if found and set(layers) <= set(found.layers) else None

    def put(self, statistics: StyleStatistics) -> None:
        """See `StatisticsStore.put`."""
        self._kept[statistics.key] = statistics


def nearest(choices: Sequence[StyleStatistics], long_side_px: int) -> StyleStatistics:
    """The statistics measured at the size nearest to this one, by ratio."""
    wanted = float(max(1, long_side_px))
    return min(
        choices,
        key=lambda one: abs(math.log(one.key.long_side_px / wanted)),
    )


def mixed(parts: Sequence[tuple[float, Mapping[str, LayerMoments]]]) -> dict[str, LayerMoments]:
    """Moments of a mixture of styles, for the layers that all of them have.

    Args:
        parts: share and moments of each style; shares are normalized to a sum of one.
    """
    total = sum(share for share, _ in parts)
    layers = [name for name in parts[0][1] if all(name in part for _, part in parts)]
    return {
        name: LayerMoments(
            sum_of([part[name].second * (share / total) for share, part in parts]),
            sum_of([part[name].mean * (share / total) for share, part in parts]),
        )
        for name in layers
    }


def sum_of(tensors: Sequence[Tensor]) -> Tensor:
    """Sum of tensors, in their order."""
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total


def _whole(triangle: Tensor, size: int) -> Tensor:
    rows, columns = torch.triu_indices(size, size)
    whole = torch.zeros(size, size, dtype=triangle.dtype)
    whole[rows, columns] = triangle
    whole[columns, rows] = triangle
    return whole


def metadata_of(data: bytes) -> dict[str, str]:
    """The metadata of a safetensors file in memory, which the library reads from disk only.

    Raises:
        ValueError, KeyError: there is none.
    """
    length = int.from_bytes(data[:8], "little")
    found: dict[str, str] = json.loads(data[8 : 8 + length])["__metadata__"]
    return found
