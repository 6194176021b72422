"""Jobs to measure the queue with, and settings that let any number of them in."""

import itertools
from dataclasses import replace
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

GENEROUS: dict[str, Any] = {
    "atelier_max_waiting_per_user": 100_000,
    "atelier_max_waiting_per_server": 100_000,
    "atelier_max_per_day": 100_000,
}


def submission(user_id: int = 1, guild_id: int | None = 5, **changes: Any) -> Submission:
    """A command of a user on a server, with changes of its own fields or its asker's."""
    interaction_id = changes.pop("interaction_id", None) or next(_interactions)
    asker = Asker(user_id, f"user {user_id}", guild_id=guild_id, channel_id=77)
    about_asker = {name: changes.pop(name) for name in Asker.__slots__ if name in changes}
    made = Submission(
        asker=replace(asker, **about_asker),
        reply=Reply(
            application_id=1,
            interaction_id=interaction_id,
            interaction_token="token",  # noqa: S106 - nobody's
            token_expires_at=datetime(2027, 1, 15, tzinfo=UTC),
            channel_id=77,
        ),
        inputs=PaintInputs(content=PICTURE, styles=(StyleInput(preset="starry-night"),)),
        options=changes.pop("options", None) or PaintOptions(size_px=256),
    )
    return replace(made, **changes)


async def accepted(
    queue: JobQueue, user_id: int = 1, guild_id: int | None = 5, **changes: Any
) -> Job:
    """The job of a submission, which must be accepted."""
    outcome = await queue.submissions.submit(submission(user_id, guild_id, **changes))
    assert isinstance(outcome, Accepted), outcome
    return outcome.job
