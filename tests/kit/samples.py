"""Sample submissions, engines, reports and clocks for the queue."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.queue_samples import GENEROUS_LIMITS, PICTURE, RESULT, submission, submit_job
from common.options import PaintInputs, PaintOptions, StyleInput
from common.settings import Settings
from common.version import VERSION
from jobs.db import schema
from jobs.model import (
    Claim,
    EngineInfo,
    Failure,
    FailureKind,
    Job,
    JobState,
    PaintReport,
    Reply,
)
from jobs.outcomes import Refusal, Refused
from jobs.queue import JobQueue

__all__ = ["GENEROUS_LIMITS", "PICTURE", "RESULT", "submission", "submit_job"]


class FakeClock:
    """A clock that only advances when told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Storage:
    """The data folder and the database of a queue."""

    folder: Path
    database_url: str | None

    def settings(self, **changes: Any) -> Settings:
        values: dict[str, Any] = {"atelier_data_dir": self.folder, **GENEROUS_LIMITS, **changes}
        return Settings(_env_file=None, atelier_database_url=self.database_url, **values)

    @property
    def sqlite_file(self) -> Path:
        return self.folder / "atelier.sqlite3"


async def submit_refused(
    queue: JobQueue, user_id: int = 1, guild_id: int | None = 5, **c: Any
) -> Refusal:
    """Submit a job that must be refused; checks that `check_limits` gives the same refusal."""
    request = submission(user_id, guild_id, **c)
    outcome = await queue.submissions.submit(request)
    assert isinstance(outcome, Refused), outcome
    assert await queue.submissions.check_limits(request.asker, request.options) == outcome.refusal
    return outcome.refusal


async def reload(queue: JobQueue, job: Job | int) -> Job:
    """The job, or the one of this number, as it is now."""
    found = await queue.jobs.get(job if isinstance(job, int) else job.id)
    assert found is not None
    return found


async def claim_job(queue: JobQueue, engine_id: str = "engine", **options: Any) -> Claim:
    claim = await queue.claims.claim(engine_id, **options)
    assert claim is not None
    return claim


def engine_info(name: str = "engine", host: str = "host", device: str = "cpu") -> EngineInfo:
    return EngineInfo(name, host, device, "lite", VERSION, 4321)


def paint_report(seconds: float = 12.0) -> PaintReport:
    return PaintReport("lite", "cpu", "fp32", 256, 192, seconds, 300, 7)


def failure(kind: FailureKind = FailureKind.ENGINE) -> Failure:
    return Failure(kind, "The painter ran out of memory; please try a smaller size.", "e-1")


async def delete_for_good(queue: JobQueue, job_id: int, user_id: int = 1) -> Job:
    """Delete a job's pictures, and advance past the time for undoing it."""
    deleted = await queue.retention.delete_soon(job_id, user_id)
    assert deleted is not None
    async with queue.database.write() as transaction:
        at_once = sa.update(schema.jobs).where(schema.jobs.c.id == job_id).values(delete_after=0)
        await transaction.connection.execute(at_once)
    await queue.retention.finish_deleting()
    return deleted


async def advance_with_reaper(queue: JobQueue, clock: FakeClock, seconds: float) -> list[int]:
    """Advance the clock and reap expired leases regularly, as the bot does; returns the job IDs."""
    reaped: list[int] = []
    end = clock.now + seconds
    while clock.now < end:
        reaped += await queue.reaper.reap()
        clock.now = min(end, clock.now + 5.0)
    return reaped + await queue.reaper.reap()


def make_job(state: JobState, **other: Any) -> Job:
    """A job that is not in a queue, of user 3 in server 5."""
    now = datetime.now(UTC)
    style = StyleInput(preset="the-starry-night")
    job = Job(
        id=4,
        interaction_id=1,
        state=state,
        user_id=3,
        user_name="Ada",
        guild_id=5,
        channel_id=6,
        inputs=PaintInputs(content="photo.png", styles=(style,)),
        options=PaintOptions(size_px=512),
        parent_job_id=None,
        reply=Reply(1, 1, "token", now),
        progress=None,
        preview_key=None,
        result_key=None,
        timelapse_key=None,
        report=None,
        failure=None,
        cancel_requested=False,
        attempts=1,
        predicted_seconds=1.0,
        created_at=now,
        started_at=None,
        ended_at=None,
        revision=1,
        shown_revision=0,
        delivered_at=None,
    )
    return replace(job, **other)
