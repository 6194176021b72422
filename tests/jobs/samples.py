"""Submissions, reports and clocks to try the queue with."""

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.options import PaintInputs, PaintOptions, StyleInput
from common.settings import Settings
from common.store import key_for
from jobs.model import (
    Asker,
    Claim,
    EngineInfo,
    Failure,
    FailureKind,
    Job,
    PaintReport,
    Reply,
    Submission,
)
from jobs.outcomes import Accepted
from jobs.queue import JobQueue

PICTURE = key_for(b"a photograph", "png")
RESULT = key_for(b"a painting", "png")
_interactions = itertools.count(1)

GENEROUS: dict[str, Any] = {
    "atelier_max_waiting_per_user": 100_000,
    "atelier_max_waiting_per_server": 100_000,
    "atelier_max_per_day": 100_000,
}


class FakeClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Place:
    """Where a queue's database and pictures are."""

    folder: Path
    database_url: str | None

    def settings(self, **changes: Any) -> Settings:
        values: dict[str, Any] = {"atelier_data_dir": self.folder, **GENEROUS, **changes}
        return Settings(_env_file=None, atelier_database_url=self.database_url, **values)

    @property
    def sqlite_file(self) -> Path:
        return self.folder / "atelier.sqlite3"


def submission(user_id: int = 1, guild_id: int | None = 5, **changes: Any) -> Submission:
    """A submission, with changes of its own fields or its asker's."""
    interaction_id = changes.pop("interaction_id", None) or next(_interactions)
    asker = Asker(user_id, f"user {user_id}", guild_id=guild_id, channel_id=77)
    reply = Reply(
        application_id=1,
        interaction_id=interaction_id,
        interaction_token="token",
        token_expires_at=datetime(2027, 1, 15, tzinfo=UTC),
        channel_id=77,
    )
    about_asker = {name: changes.pop(name) for name in Asker.__slots__ if name in changes}
    made = Submission(
        asker=replace(asker, **about_asker),
        reply=reply,
        inputs=PaintInputs(content=PICTURE, styles=(StyleInput(preset="starry-night"),)),
        options=changes.pop("options", None) or PaintOptions(size_px=256),
    )
    return replace(made, **changes)


async def accepted(
    queue: JobQueue, user_id: int = 1, guild_id: int | None = 5, **changes: Any
) -> Job:
    outcome = await queue.submissions.submit(submission(user_id, guild_id, **changes))
    assert isinstance(outcome, Accepted), outcome
    return outcome.job


async def claimed(queue: JobQueue, engine_id: str = "engine", **options: Any) -> Claim:
    claim = await queue.claims.claim(engine_id, **options)
    assert claim is not None
    return claim


def engine(name: str = "engine", host: str = "host", device: str = "cpu") -> EngineInfo:
    return EngineInfo(name, host, device, "lite", "0.1.0", 4321)


def report(seconds: float = 12.0) -> PaintReport:
    return PaintReport("lite", "cpu", "fp32", 256, 192, seconds, 300, 7)


def failure(kind: FailureKind = FailureKind.ENGINE) -> Failure:
    return Failure(kind, "The painter ran out of memory; please try a smaller size.", "e-1")
