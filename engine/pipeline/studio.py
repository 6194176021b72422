"""The studio that the settings describe."""

from common.settings import Settings
from engine.networks.registry import NetworkSource
from engine.networks.weights import Progress
from engine.painting import Studio, choose_device, parse_allowance
from engine.styles.statistics_files import StatisticsFiles


def open_studio(
    settings: Settings,
    *,
    device: str | None = None,
    precision: str | None = None,
    max_memory: str | None = None,
    progress: Progress | None = None,
) -> Studio:
    """Where to paint: as the settings say, but for what is given here.

    Args:
        settings: of this machine.
        device: see `engine.painting.devices.choose_device`.
        precision: `auto`, `fp32` or `bf16`.
        max_memory: such as `2GiB`.
        progress: told about a download of weights.

    Raises:
        SettingsProblem: this machine has no such device, or the memory is not a size.
    """
    found = choose_device(device or settings.atelier_device)
    memory = max_memory or settings.atelier_max_memory
    return Studio(
        source=NetworkSource(
            settings.models_dir, settings.atelier_vgg19_weights, progress=progress
        ),
        device=found,
        precision=precision or settings.atelier_precision,
        max_memory_bytes=parse_allowance(memory, found) if memory else None,
        statistics=StatisticsFiles(settings.atelier_data_dir / "statistics"),
    )
