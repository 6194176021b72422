"""What an engine logs at its start."""

import logging

from common.logs import redacted
from common.settings import Settings
from common.version import versions
from jobs.model import EngineInfo

log = logging.getLogger("engine")

_LIBRARIES = ("torch", "Pillow", "SQLAlchemy")
GIB = 2**30


def say_start(settings: Settings, info: EngineInfo, precision: str) -> None:
    """Log versions, device, precision, networks, sizes and folders."""
    log.info("%s", versions(*_LIBRARIES))
    memory = "" if info.memory_bytes is None else f", {info.memory_bytes / GIB:.1f} GiB"
    log.info(
        "paints on %s (%s%s) in %s with %s, of %s, up to %d px",
        info.device,
        info.model or "unnamed",
        memory,
        precision,
        info.network,
        " and ".join(info.networks) or "none",
        info.largest_px,
    )
    log.info(
        "data in %s, database %s, pictures in %s",
        settings.atelier_data_dir.resolve(),
        redacted(settings.database_url),
        redacted(settings.storage_url),
    )
