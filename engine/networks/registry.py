"""Opening the network that a painting asks for."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from common.options import NETWORKS, resolve_network
from engine.lite.encoder import LiteEncoder
from engine.lite.network import WEIGHTS as LITE_WEIGHTS
from engine.networks.encoder import Encoder, WeightsError
from engine.networks.original import original_file, original_weights
from engine.networks.vgg19 import Vgg19, Vgg19Weights
from engine.networks.weights import is_whole, load_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NetworkSource:
    """Where the weights of networks are on this machine."""

    vgg19_weights: Path | None = None
    """A file to use instead of the weights that come with a package."""
    say: Callable[[str], None] = log.info
    """Told what kind of weights the file holds."""

    def weights(self) -> Vgg19Weights:
        """VGG-19's weights.

        Raises:
            WeightsError: they cannot be had.
        """
        if self.vgg19_weights is None:
            return original_weights()
        weights = load_weights(self.vgg19_weights)
        self.say(weights.kind)
        return weights


def available_networks(source: NetworkSource) -> tuple[str, ...]:
    """Networks whose weight files exist and are not truncated; other damage shows on loading."""
    files = {name: weights_file(source, name) for name in NETWORKS}
    return tuple(name for name, file in files.items() if file is not None and is_whole(file))


def weights_file(source: NetworkSource, network: str) -> Path | None:
    """The file of a network's weights, which may be missing; None for no such network."""
    files = {"vgg19": source.vgg19_weights or original_file(), "lite": LITE_WEIGHTS}
    return files.get(network)


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
        WeightsError: no such network, or its weights cannot be had.
    """
    openers: dict[str, Callable[[], Encoder]] = {
        "vgg19": lambda: Vgg19(source.weights(), device=device, dtype=dtype, pooling=pooling),
        "lite": lambda: LiteEncoder(device=device, dtype=dtype),  # it has its own pooling
    }
    name = resolve_network(network)
    if name not in openers:
        raise WeightsError(
            "There is no network {name}; choose one of: {names}.",
            name=name,
            names=", ".join(openers),
        )
    return openers[name]()
