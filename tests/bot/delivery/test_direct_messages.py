"""Delivery by direct message, where the message cannot be edited."""

import pytest
import sqlalchemy as sa

from jobs.db import schema
from jobs.model import JobState
from sandbox.compose import delete_message
from tests.kit.world import World, has_result

FIFTEEN_MINUTES = 15 * 60 + 5


async def test_an_ephemeral_picture_comes_by_dm_after_minute_fifteen(world: World) -> None:
    painter, _ = await world.paint_halfway({"ephemeral": True})
    world.shift_clock(FIFTEEN_MINUTES)
    painter.may_finish.set()
    await world.discord.until(lambda: world.discord.dms(world.user()), 20)
    (message,) = world.discord.dms(world.user())
    assert has_result(message)
    assert "here it is" in message.text
    assert (await world.wait_delivered()).delivered_at is not None


@pytest.mark.parametrize("context", ["guild_without_bot", "guild"])
async def test_picture_comes_by_dm_where_the_bot_is_not_a_member(
    world: World, context: str
) -> None:
    if context == "guild":
        await world.discord.remove_bot(keep_commands=True)
        await world.eventually(lambda: not world.bot.guilds)
    painter, _ = await world.paint_halfway(context=context)
    world.shift_clock(FIFTEEN_MINUTES)
    painter.may_finish.set()
    await world.discord.until(lambda: world.discord.dms(world.user()), 20)
    assert has_result(world.discord.dms(world.user())[0])


async def test_a_picture_comes_by_dm_if_its_message_was_deleted(world: World) -> None:
    painter, interaction = await world.paint_halfway()
    message = await world.wait_for_text(interaction, "Painting")
    delete_message(world.discord.world, message)
    painter.may_finish.set()
    await world.discord.until(lambda: world.discord.dms(world.user()), 20)
    assert has_result(world.discord.dms(world.user())[0])
    await world.wait_delivered()
    assert len(world.discord.dms(world.user())) == 1
    assert not any(each.attachments for each in world.discord.messages())


async def test_picture_is_shown_on_request_if_dms_are_closed(world: World) -> None:
    painter = await world.start_engine()
    painter.may_finish.clear()
    closed = world.discord.faults.add(
        "POST", "/users/@me/channels", status=403, code=50007, times=10
    )
    interaction = await world.paint()
    message = await world.wait_for_text(interaction, "Painting")
    delete_message(world.discord.world, message)
    painter.may_finish.set()
    job = await world.wait_delivered()
    assert closed.hits
    shown = await world.discord.slash(world.user(), "show", {"picture": job.id})
    await shown.wait(lambda i: i.message is not None and has_result(i.message))


async def test_dm_is_not_repeated_if_its_delivery_was_not_recorded(world: World) -> None:
    painter, _ = await world.paint_halfway({"ephemeral": True})
    world.shift_clock(FIFTEEN_MINUTES)
    painter.may_finish.set()
    await world.discord.until(lambda: world.discord.dms(world.user()), 20)
    job = await world.wait_delivered()
    async with world.bot.queue.database.write() as transaction:
        await transaction.connection.execute(
            sa.update(schema.jobs).where(schema.jobs.c.id == job.id).values(delivered_at=None)
        )
    await world.stop_bot()
    world.shift_clock(24 * 3600.0)  # long after Discord has forgotten the nonce
    await world.start_bot()
    await world.wait_delivered()
    assert len(world.discord.dms(world.user())) == 1


@pytest.mark.parametrize("failed_posts", [0, 1])
async def test_failure_dm_is_not_mistaken_for_the_picture_of_the_retry(
    world: World, failed_posts: int
) -> None:
    interaction = await world.paint({"ephemeral": True})
    await world.wait_for_text(interaction, "Place 1")
    world.shift_clock(FIFTEEN_MINUTES)
    painter = await world.start_engine()
    painter.fails_with = "No."
    failed = await world.wait_delivered()
    assert failed.state is JobState.FAILED
    painter.fails_with = None
    # After a failed post, the bot looks whether it was carried out before it posts again.
    world.discord.faults.add("POST", "/channels/*/messages", status=503, times=failed_posts)
    assert await world.bot.queue.jobs.retry(failed.id) is not None
    painted = await world.wait_delivered()
    assert painted.state is JobState.DONE
    failure, picture = world.discord.dms(world.user())
    assert "No." in failure.text
    assert has_result(picture)


async def test_dm_written_by_the_member_is_not_mistaken_for_the_picture(world: World) -> None:
    interaction = await world.paint({"ephemeral": True})
    await world.wait_for_text(interaction, "Place 1")
    world.shift_clock(FIFTEEN_MINUTES)
    (job,) = await world.jobs()
    dm = world.discord.world.dm_of(world.user())
    world.discord.post(world.user(), f"### 🖼️ Painted for Ada\n#{job.id}", channel=dm)
    world.discord.faults.add("POST", "/channels/*/messages", status=503)
    await world.start_engine()
    await world.wait_delivered()
    _, picture = world.discord.dms(world.user())
    assert has_result(picture)
