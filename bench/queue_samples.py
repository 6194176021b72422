"""Sample jobs for measuring the queue, and settings without limits."""

import itertools
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from common.options import PaintInputs, PaintOptions, StyleInput
from common.store import key_for
from jobs.model import Asker, Job, Reply, Submission
from jobs.outcomes import Accepted
from jobs.queue import JobQueue

PICTURE = key_for(b"a photograph", "png")
RESULT = key_for(b"a painting", "png")
_interactions = itertools.count(1)

GENEROUS_LIMITS: dict[str, Any] = {
    "atelier_max_waiting_per_user": 100_000,
    "atelier_max_waiting_per_server": 100_000,
    "atelier_max_per_day": 100_000,
}


def submission(user_id: int = 1, guild_id: int | None = 5, **changes: Any) -> Submission:
    """A submission; `changes` name fields of it, its asker or its reply."""
    asker = Asker(user_id, f"user {user_id}", guild_id=guild_id, channel_id=77)
    reply = Reply(
        application_id=1,
        interaction_id=next(_interactions),
        interaction_token="token",  # noqa: S106 - nobody's
        token_expires_at=datetime(2027, 1, 15, tzinfo=UTC),
        channel_id=77,
    )
    made = Submission(
        asker=replace(asker, **_of(Asker, changes)),
        reply=replace(reply, **_of(Reply, changes)),
        inputs=PaintInputs(content=PICTURE, styles=(StyleInput(preset="starry-night"),)),
        options=PaintOptions(size_px=256),
    )
    return replace(made, **_of(Submission, changes))


def _of(kind: type[Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that name a field of a dataclass."""
    return {f.name: changes[f.name] for f in fields(kind) if f.name in changes}


async def submit_job(
    queue: JobQueue, user_id: int = 1, guild_id: int | None = 5, **changes: Any
) -> Job:
    """Submit a job, which must be accepted."""
    outcome = await queue.submissions.submit(submission(user_id, guild_id, **changes))
    assert isinstance(outcome, Accepted), outcome
    return outcome.job
