"""Whom Discord waits for goes first."""

import asyncio

import pytest

from bot.intake import unacknowledged
from bot.intake.unacknowledged import Unacknowledged


async def test_a_job_is_queued_when_all_others_are_acknowledged() -> None:
    others = Unacknowledged()
    await others.wait_for_others()  # nobody is there
    with others.counted():
        with others.counted():
            queueing = asyncio.create_task(others.wait_for_others())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not queueing.done()
    await queueing


async def test_a_stream_of_commands_holds_nobody_up_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unacknowledged, "OTHERS_FIRST_SECONDS", 0.01)
    others = Unacknowledged()
    with others.counted():
        await others.wait_for_others()


async def test_a_cancellation_that_comes_as_the_last_is_acknowledged_counts() -> None:
    others = Unacknowledged()
    with others.counted():
        queueing = asyncio.create_task(others.wait_for_others())
        await asyncio.sleep(0)
    queueing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queueing
