"""What an engine says in its log at its start and at the end of each job."""

import logging

from common.logs import redacted
from common.settings import Settings
from common.version import versions
from jobs.model import EngineInfo, Job, PaintReport

log = logging.getLogger("engine")

_LIBRARIES = ("torch", "Pillow", "SQLAlchemy")
GIB = 2**30


def say_start(settings: Settings, info: EngineInfo, precision: str) -> None:
    """Versions, device, precision, network, sizes and folders, a line each kind."""
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


def say_end(job: Job, outcome: str, network: str, report: PaintReport | None = None) -> None:
    """One line for a job that has ended, with the same as fields where the log is JSON.

    Args:
        job: as it was when it was claimed.
        outcome: `done`, `failed` or `cancelled`.
        network: that painted it.
        report: of a finished painting.
    """
    began = job.started_at or job.created_at
    waited = max(0.0, (began - job.created_at).total_seconds())
    fields: dict[str, object] = {
        "outcome": outcome,
        "size_px": job.options.size_px,
        "quality": job.options.quality,
        "network": network if report is None else report.network,
        "waited_seconds": round(waited, 1),
    }
    text = f"{fields['size_px']} px {fields['quality']}, {fields['network']}, waited {waited:.1f} s"
    if report is not None:
        fields["painted_seconds"] = round(report.seconds, 1)
        text += f", painted {report.seconds:.1f} s"
    log.info("job %d: %s; %s", job.id, outcome, text, extra={"fields": fields})
