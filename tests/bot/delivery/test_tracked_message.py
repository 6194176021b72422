"""The state of a tracked message: when it is edited again, cancelled or rechecked."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.delivery import tracked_message
from bot.delivery.loop import DeliveryLoop
from bot.delivery.routes import Routes, SentMessage
from bot.delivery.tracked_message import TrackedMessage, differs
from common.backoff import Backoff
from jobs.model import JobState, QueuePosition

INTERACTION_ID = 7


class FakeTask:
    """The task of an edit in progress."""

    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@pytest.mark.parametrize(
    ("is_final", "in_air", "after_seconds", "is_cancelled"),
    [
        (False, False, 1.9, False),
        (False, False, 2.1, True),
        (False, True, 9.0, False),
        (False, True, 11.0, True),
        (True, True, 900.0, False),
    ],
)
def test_slow_edit_is_cancelled_only_for_an_older_state(
    is_final: bool, in_air: bool, after_seconds: float, is_cancelled: bool
) -> None:
    """The upload of a large picture over a slow connection may take minutes."""
    task: Any = FakeTask()
    message = TrackedMessage(INTERACTION_ID, task=task, started_at=100.0, is_final=is_final)
    message.requests.in_air = in_air
    message.cancel_stale_edit(100.0 + after_seconds)
    assert task.cancelled is is_cancelled


def test_final_state_is_watched_only_if_an_older_edit_may_still_arrive() -> None:
    shown, dm = SentMessage("bot", 1, 2), SentMessage("dm", 1, 2)
    message = TrackedMessage(INTERACTION_ID)
    assert not message.watch(shown, 3, 0.0)
    message.requests.is_lost, message.is_final = True, True
    message.task_ended()
    assert not message.unsettled, "a lost edit with the final state is repeated anyway"
    message.is_final = False
    message.task_ended()
    assert not message.watch(dm, 3, 0.0)
    rechecks = []
    while message.watch(shown, 3, 100.0):
        rechecks.append(message.not_before - 100)
    assert rechecks == [2, 8, 30]
    assert (message.final, message.final_revision) == (shown, 3)


def test_retry_pauses_grow_from_the_shortest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracked_message, "BACKOFF", Backoff(1.0, 4.0))
    monkeypatch.setattr("common.backoff.SHARE_BY_CHANCE", 0.0)
    message, pauses = TrackedMessage(INTERACTION_ID), []
    for _ in range(4):
        message.wait(50.0)
        pauses.append(message.not_before - 50)
    assert pauses == [1, 2, 4, 4]
    message.wait(50.0, 30.0)
    assert message.not_before == 80


def test_position_differs_only_by_relevant_changes() -> None:
    now = datetime.now(UTC)

    def position(ready: float | None, **changes: Any) -> QueuePosition:
        ready_at = None if ready is None else now + timedelta(seconds=ready)
        facts = {"place": 2, "paused": False, "engines_alive": 1, "engine_starting": False}
        made: Any = SimpleNamespace(ready_at=ready_at, **(facts | changes))
        return cast("QueuePosition", made)

    first = position(100.0)
    assert differs(None, first)
    for other in ({"place": 1}, {"paused": True}, {"engines_alive": 0}, {"engine_starting": True}):
        assert differs(first, position(100.0, **other)), other
    assert not differs(first, position(100.0, engines_alive=3)), "more engines change nothing"
    assert differs(first, position(None))
    assert [differs(position(100.0 + more), first) for more in (15, 24, 26)] == [False, False, True]
    assert [differs(position(20.0 + more), position(20.0)) for more in (19, 21)] == [False, True]


class RecordingDelivery(DeliveryLoop):
    """Records what it would deliver."""

    def __init__(self) -> None:
        client: Any = SimpleNamespace()
        super().__init__(client)
        self.delivered: list[int] = []

    async def _deliver(self, job_id: int, message: TrackedMessage) -> None:
        self.delivered.append(job_id)

    async def consider(self, state: JobState, message: TrackedMessage) -> bool:
        reply = SimpleNamespace(interaction_id=INTERACTION_ID)
        job: Any = SimpleNamespace(
            id=1, state=state, reply=reply, revision=2, shown_revision=1, user_id=3, guild_id=4
        )
        self._messages[1] = message
        self.delivered.clear()
        self._deliver_if_due(job, 100.0)
        if message.task is not None:
            await message.task
            await asyncio.sleep(0)
        return bool(self.delivered)


async def test_previews_keep_their_pace_while_hundreds_of_jobs_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Routes, "token_works", lambda *_: True)
    delivery = RecordingDelivery()
    delivery._messages = {number: TrackedMessage(number) for number in range(2, 500)}
    for state, after_seconds, is_edited in (
        (JobState.RUNNING, 2.4, False),
        (JobState.RUNNING, 2.6, True),
        (JobState.QUEUED, 120.0, False),
        (JobState.QUEUED, 126.0, True),
    ):
        message = TrackedMessage(INTERACTION_ID, edited_at=100.0 - after_seconds)
        assert await delivery.consider(state, message) is is_edited, (state, after_seconds)


async def test_final_state_is_tried_at_once_even_if_the_message_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Routes, "token_works", lambda *_: True)
    running, done = JobState.RUNNING, JobState.DONE
    delivery = RecordingDelivery()
    assert await delivery.consider(running, TrackedMessage(INTERACTION_ID))
    assert not await delivery.consider(running, TrackedMessage(INTERACTION_ID, is_gone=True))
    assert await delivery.consider(done, TrackedMessage(INTERACTION_ID, is_gone=True))
    paused: dict[str, Any] = {"not_before": 130.0, "failures": 4}
    assert not await delivery.consider(running, TrackedMessage(INTERACTION_ID, **paused))
    assert await delivery.consider(done, TrackedMessage(INTERACTION_ID, **paused))
    assert not await delivery.consider(
        done, TrackedMessage(INTERACTION_ID, final_failed=True, **paused)
    )
    assert not await delivery.consider(running, TrackedMessage(INTERACTION_ID, edited_at=99.0))
    assert await delivery.consider(done, TrackedMessage(INTERACTION_ID, edited_at=99.0))


async def test_long_retry_pauses_are_cut_short_after_an_outage() -> None:
    delivery = RecordingDelivery()
    long, short = (TrackedMessage(INTERACTION_ID, failures=n, not_before=130.0) for n in (5, 1))
    delivery._messages = {1: long, 2: short}
    delivery._try_now()
    assert long.not_before < 0
    assert short.not_before == 130
