"""What is logged about jobs: the IDs on each line, and how each job ended."""

import logging
from contextlib import AbstractContextManager

from common.logs import log_ids
from jobs.model import Job, PaintReport

log = logging.getLogger(__name__)


def job_log_ids(job: Job) -> AbstractContextManager[None]:
    """Add a job's ID, member and server to every line that is logged inside."""
    return log_ids(job=job.id, member=job.user_id, server=job.guild_id)


def log_end(
    job: Job, outcome: str, network: str | None = None, report: PaintReport | None = None
) -> None:
    """Log one line for a job that has ended, with the same values as JSON fields.

    Args:
        job: as it was when it was claimed.
        outcome: `done`, `failed` or `cancelled`.
        network: that painted it, or would have; None for the one in its row.
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
        fields["painted_seconds"] = round(report.seconds, 2)
        text += f", painted {report.seconds:.1f} s"
    with job_log_ids(job):
        log.info("job %d: %s; %s", job.id, outcome, text, extra={"fields": fields})
