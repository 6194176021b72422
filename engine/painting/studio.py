"""What paintings share: device, precision, networks, memory budget and caches."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from engine.errors import PaintingStoppedError
from engine.networks.encoder import Encoder
from engine.networks.registry import NetworkSource, open_encoder
from engine.painting.devices import choose_dtype
from engine.painting.iteration_costs import ConstantCost
from engine.painting.statistics import MemoryStatistics, StatisticsStore


@dataclass(frozen=True, eq=False)
class Studio:
    """What all paintings of a process share."""

    source: NetworkSource = field(default_factory=NetworkSource)
    """Where networks come from."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """See `engine.painting.devices.choose_device`."""
    precision: str = "auto"
    """`auto`, `fp32` or `bf16`."""
    max_memory_bytes: int | None = None
    """Memory budget, above which pictures are painted in parts; None for most of what is free."""
    statistics: StatisticsStore = field(default_factory=MemoryStatistics)
    """Cache of style statistics."""
    threads: int = field(default_factory=torch.get_num_threads)
    """The most threads that torch computes with on the CPU; small scales are painted by fewer."""
    opener: Callable[..., Encoder] = open_encoder
    """Opens networks, as `engine.networks.registry.open_encoder` does."""
    _open: dict[tuple[str, str, torch.dtype], Encoder] = field(default_factory=dict, repr=False)
    _constants: dict[tuple[str, torch.dtype], float] = field(default_factory=dict, repr=False)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the network's weights and features."""
        return choose_dtype(self.precision, self.device)

    def encoder(self, network: str, pooling: str, dtype: torch.dtype | None = None) -> Encoder:
        """The network, opened once for each pooling and precision.

        Raises:
            WeightsError: it cannot be had.
        """
        key = (network, pooling, dtype or self.dtype)
        if key not in self._open:
            self._open[key] = self.opener(
                network, self.source, device=self.device, dtype=key[2], pooling=pooling
            )
        return self._open[key]

    def constant_cost(self, network: str, multiplications_per_pixel: float) -> ConstantCost:
        """The constant cost of an iteration that is expected of a network."""
        if (pixels := self._constants.get((network, self.dtype))) is not None:
            return ConstantCost.remembered(pixels)
        return ConstantCost.guessed(self.device, self.dtype, multiplications_per_pixel)

    def remember_constant_cost(self, network: str, pixels: float) -> None:
        """Expect this of the next paintings with a network."""
        self._constants[network, self.dtype] = pixels

    @property
    def weights(self) -> dict[str, str]:
        """Hashes of the weights of the networks that are open, by name."""
        return {name: found.weights_hash for (name, *_), found in list(self._open.items())}


@dataclass(frozen=True)
class Control:
    """Lets a caller stop a painting from another thread; asked before each tile."""

    should_stop: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Raise PaintingStoppedError if the caller wants to stop."""
        if self.should_stop():
            raise PaintingStoppedError("The painting was stopped.")
