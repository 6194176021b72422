"""What the log says of jobs: whose a line is, and how each of them ended."""

import logging
from contextlib import AbstractContextManager

from common.logs import log_ids
from jobs.model import Job, PaintReport

log = logging.getLogger(__name__)


def ids_of(job: Job) -> AbstractContextManager[None]:
    """Name a job, its member and its server on every line that is logged inside."""
    return log_ids(job=job.id, member=job.user_id, server=job.guild_id)


def say_end(
    job: Job, outcome: str, network: str | None = None, report: PaintReport | None = None
) -> None:
    """One line for a job that has ended, with the same as fields where the log is JSON.

    Args:
        job: as it was when it was claimed.
        outcome: `done`, `failed` or `cancelled`.
        network: that painted it, or was to; None for what its row says.
        report: of a finished painting.
    """
    began = job.started_at or job.ended_at or job.created_at
    waited = max(0.0, (began - job.created_at).total_seconds())
    fields: dict[str, object] = {
        "outcome": outcome,
        "size_px": job.options.size_px,
        "quality": job.options.quality,
        "network": report.network if report is not None else network or job.network or "none",
        "waited_seconds": round(waited, 1),
    }
    text = f"{fields['size_px']} px {fields['quality']}, {fields['network']}, waited {waited:.1f} s"
    if report is not None:
        fields["painted_seconds"] = round(report.seconds, 1)
        text += f", painted {report.seconds:.1f} s"
    with ids_of(job):
        log.info("job %d: %s; %s", job.id, outcome, text, extra={"fields": fields})
