"""The studio that the settings describe."""

import logging
from collections.abc import Callable

from common.settings import Settings
from engine.networks.registry import NetworkSource
from engine.painting import Studio, choose_device, parse_allowance
from engine.styles.statistics_files import StatisticsFiles

log = logging.getLogger(__name__)


def open_studio(
    settings: Settings,
    *,
    device: str | None = None,
    precision: str | None = None,
    max_memory: str | None = None,
    say: Callable[[str], None] = log.info,
) -> Studio:
    """Where to paint: as the settings say, but for what is given here.

    Args:
        settings: of this machine.
        device: see `engine.painting.devices.choose_device`.
        precision: `auto`, `fp32` or `bf16`.
        max_memory: such as `2GiB`.
        say: told what kind of weights a file of the owner's holds.

    Raises:
        PaintSettingsError: this machine has no such device, or the memory is not a size.
    """
    found = choose_device(device or settings.atelier_device)
    memory = max_memory or settings.atelier_max_memory
    return Studio(
        source=NetworkSource(settings.atelier_vgg19_weights, say=say),
        device=found,
        precision=precision or settings.atelier_precision,
        max_memory_bytes=parse_allowance(memory, found) if memory else None,
        statistics=StatisticsFiles(settings.statistics_dir),
    )
