"""A job that ended and was queued again shows its new result, despite stale edits."""

import asyncio

import pytest
import sqlalchemy as sa

from bot.delivery import tracked_message
from jobs.db import schema
from jobs.db.rows import J
from tests.kit.world import World, has_result

EDITS = "/webhooks/*/messages/*"
ADMIN = 9


async def undo_and_paint(world: World, clearing: int) -> None:
    """Undo the clearing, and paint the job."""
    await world.queue.clearings.undo(clearing, world.guild_id, ADMIN)
    await world.manual_engine.paint((await world.jobs())[0])


async def test_requeued_job_shows_its_picture_despite_a_slow_old_edit(world: World) -> None:
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    slow = world.discord.faults.add("PATCH", EDITS, delay=2.0)
    clearing = (await world.queue.clearings.clear(world.guild_id, ADMIN)).id
    await world.eventually(lambda: slow.hits)
    await undo_and_paint(world, clearing)
    await world.wait_delivered()
    assert interaction.message is not None
    assert has_result(interaction.message)


async def test_requeued_job_shows_its_picture_while_the_old_state_is_checked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracked_message, "SETTLE_SECONDS", (1.0, 1.0))
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    await world.stop_bot()
    await world.start_bot()  # the new process does not know of edits in flight
    clearing = (await world.queue.clearings.clear(world.guild_id, ADMIN)).id
    await world.wait_for_text(interaction, "ancelled")
    await undo_and_paint(world, clearing)
    await world.wait_delivered()
    assert interaction.message is not None
    assert has_result(interaction.message)


async def test_retried_job_announces_its_failure_and_its_picture(world: World) -> None:
    interaction = await world.paint({"notify": "yes"})
    await world.wait_for_text(interaction, "Place 1")
    (job,) = await world.jobs()
    await world.manual_engine.fail(job)
    await world.eventually(lambda: len(world.discord.messages()) == 2)
    again = await world.queue.jobs.retry(job.id)
    assert again is not None
    await world.manual_engine.paint(again)
    await notified(world, 1)


async def test_undone_deletion_sends_no_second_notification(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracked_message, "SETTLE_SECONDS", (0.1,))
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    async with world.queue.database.write() as transaction:
        backdate = sa.update(schema.jobs).values(created_at=J.created_at - 90)
        await transaction.connection.execute(backdate)
    await world.start_engine()
    message = await world.wait_finished(interaction)
    await notified(world, 1)
    undone = await world.delete_and_undo(message)
    await undone.wait(lambda i: i.message is not None and i.message.attachments)
    await world.wait_delivered()
    await asyncio.sleep(0.5)
    await notified(world, 1)


async def notified(world: World, times: int) -> None:
    """Wait until the member got this number of notifications."""

    def are_sent() -> bool:
        return times == sum("is ready" in message.content for message in world.discord.messages())

    await world.eventually(are_sent)


async def test_picture_deleted_before_being_marked_shown_is_not_resent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracked_message, "SETTLE_SECONDS", (1.0, 1.0))
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    await world.stop_bot()
    await world.start_bot()  # after a start it rechecks final states for a while
    await world.manual_engine.paint((await world.jobs())[0])
    message = await world.wait_finished(interaction)
    deleted = await world.discord.press(world.user(), message, label="Delete")
    await deleted.wait(lambda i: i.followups)
    await world.wait_delivered()
    assert not world.discord.dms(world.user())
    assert all(each.ephemeral for each in world.discord.messages())
