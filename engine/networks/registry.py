"""Opening the network that a painting asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from engine.networks.encoder import Encoder, WeightsProblem
from engine.networks.vgg19 import Vgg19
from engine.networks.weights import Progress, download_weights, load_weights, weights_at_hand


class OpenLite(Protocol):
    """How `engine.lite` opens the network that comes with the package."""

    def __call__(self, *, device: torch.device, dtype: torch.dtype, pooling: str) -> Encoder: ...  # noqa: D102 (described above)


@dataclass(frozen=True)
class NetworkSource:
    """Where networks come from on this machine.

    Attributes:
        models_dir: where downloaded weights are kept; None for none.
        vgg19_weights: a file to use instead.
        may_download: whether VGG19 may be fetched when it is asked for by name.
        progress: told about a download.
    """

    models_dir: Path | None = None
    vgg19_weights: Path | None = None
    may_download: bool = True
    progress: Progress | None = None


def resolve_network(requested: str, source: NetworkSource) -> str:
    """`vgg19` or `lite`: `auto` is VGG19 as soon as its weights are on the machine."""
    if requested != "auto":
        return requested
    at_hand = weights_at_hand(source.models_dir, source.vgg19_weights)
    return "vgg19" if at_hand is not None else "lite"


def open_encoder(
    network: str,
    source: NetworkSource,
    *,
    device: torch.device,
    dtype: torch.dtype,
    pooling: str = "max",
) -> Encoder:
    """Open `vgg19` or `lite` (or `auto`), ready on the device.

    Raises:
        WeightsProblem: no such network, or its weights cannot be had.
    """
    openers: dict[str, Callable[[], Encoder]] = {
        "vgg19": lambda: _open_vgg19(source, device, dtype, pooling),
        "lite": lambda: _open_lite(device, dtype, pooling),
    }
    name = resolve_network(network, source)
    if name not in openers:
        raise WeightsProblem(
            "There is no network {name}; there are: {names}.", name=name, names=", ".join(openers)
        )
    return openers[name]()


def _open_vgg19(
    source: NetworkSource, device: torch.device, dtype: torch.dtype, pooling: str
) -> Encoder:
    file = weights_at_hand(source.models_dir, source.vgg19_weights)
    if file is None:
        if source.models_dir is None or not source.may_download:
            raise WeightsProblem(
                "VGG19's weights are not on this machine; name a file in ATELIER_VGG19_WEIGHTS."
            )
        file = download_weights(source.models_dir, source.progress)
    return Vgg19(load_weights(file), device=device, dtype=dtype, pooling=pooling)


def _open_lite(device: torch.device, dtype: torch.dtype, pooling: str) -> Encoder:
    from engine.lite.encoder import open_lite  # noqa: PLC0415 (only when it is asked for)

    return open_lite(device=device, dtype=dtype, pooling=pooling)
