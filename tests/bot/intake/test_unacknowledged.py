"""Commands that are not yet acknowledged go before those that are."""

import asyncio

import pytest

from bot.intake import unacknowledged
from bot.intake.unacknowledged import Unacknowledged


async def test_job_is_queued_after_all_other_commands_are_acknowledged() -> None:
    others = Unacknowledged()
    await others.wait_for_others()  # returns at once without others
    with others.counted():
        with others.counted():
            queueing = asyncio.create_task(others.wait_for_others())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not queueing.done()
    await queueing


async def test_wait_for_other_acknowledgements_times_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unacknowledged, "OTHERS_FIRST_SECONDS", 0.01)
    others = Unacknowledged()
    with others.counted():
        async with asyncio.timeout(10):
            await others.wait_for_others()


async def test_cancellation_during_the_last_acknowledgement_takes_effect() -> None:
    others = Unacknowledged()
    with others.counted():
        queueing = asyncio.create_task(others.wait_for_others())
        await asyncio.sleep(0)
    queueing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queueing
