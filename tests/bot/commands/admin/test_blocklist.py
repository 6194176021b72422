"""`/blocklist`: admins block members from painting in their server."""

import re

import sqlalchemy as sa

from jobs.db import schema
from jobs.model import JobState
from tests.kit.world import World


async def test_members_are_blocked_listed_and_unblocked(world: World) -> None:
    admin, grace = world.user("admin"), world.user("grace")
    assert "Nobody is blocked" in (await world.slash(admin, "blocklist show")).text
    await world.slash(admin, "blocklist add", {"member": grace.id})
    again = await world.slash(admin, "blocklist add", {"member": grace.id})
    assert "already blocked" in again.text
    assert f"<@{grace.id}>" in (await world.slash(admin, "blocklist show")).text
    assert [block.user_id for block in await world.queue.blocks.all(world.guild_id)] == [grace.id]
    await world.slash(admin, "blocklist remove", {"member": grace.id})
    assert [block.user_id for block in await world.queue.blocks.all(world.guild_id)] == []
    again = await world.slash(admin, "blocklist remove", {"member": grace.id})
    assert "is not blocked here" in again.text
    message = await world.slash(admin, "blocklist add", {"member": admin.id})
    assert "cannot block yourself" in message.text


async def test_unfinished_pictures_of_a_blocked_member_can_be_cancelled(
    world: World,
) -> None:
    admin, grace, talk = world.user("admin"), world.user("grace"), world.discord.channel("talk")
    await world.queue.limits.set(world.guild_id, {"log_channel_id": talk.id}, 1)
    painted, waiting = await world.make_job(grace), await world.make_job(grace)
    others, elsewhere = (
        await world.make_job(world.user("ada")),
        await world.make_job(grace, in_guild=False),
    )
    await world.manual_engine.start(painted)
    message = await world.slash(admin, "blocklist add", {"member": grace.id})
    assert "2 pictures of theirs are still waiting or being painted." in message.text
    await world.press(admin, message, "Cancel these too")
    assert message.text == f"2 pictures by <@{grace.id}> were cancelled."
    assert not message.buttons
    assert f"<@{admin.id}>: {message.text}" == world.discord.messages("talk")[-1].text
    assert await world.state(waiting) is JobState.CANCELLED
    assert (await world.reload(painted)).cancel_requested
    for job in (others, elsewhere):
        assert await world.state(job) is JobState.QUEUED
    again = await world.slash(admin, "blocklist add", {"member": world.user("ada").id})
    assert "1 picture of theirs is still waiting or being painted." in again.text


async def test_block_has_a_reason_and_expires(world: World) -> None:
    admin, grace = world.user("admin"), world.user("grace")
    offered = await world.discord.autocomplete(admin, "blocklist add", "lasts", "3")
    assert [choice["name"] for choice in offered] == ["3 hours", "3 days", "3 weeks"]
    options = {"member": grace.id, "reason": "spam *again*", "lasts": "3 Tage"}
    message = await world.slash(admin, "blocklist add", options)
    assert re.search(rf"<@{grace.id}> is blocked from painting here until <t:\d+:f>", message.text)
    assert "Reason: spam \\*again\\*" in message.text
    shown = await world.slash(admin, "blocklist show")
    assert re.search(rf"<@{grace.id}> · until <t:\d+:f> · spam", shown.text)
    log = await world.slash(admin, "limits log")
    assert re.search(r"blocked a member \(<@\d+>, reason: spam .*, until <t:\d+:f>\)", log.text)
    refused = await world.paint(user="grace")
    text = await world.answer_text(refused)
    assert "The admins of this server have blocked you" in text
    assert "Earliest start of your next picture: <t:" in text
    assert "spam" in text
    again = await world.slash(admin, "blocklist add", {"member": grace.id, "lasts": "1w"})
    assert "until" in again.text  # the new end replaces the first
    async with world.queue.database.write() as transaction:
        expire_blocks = sa.update(schema.blocked_users).values(until=transaction.now - 1)
        await transaction.connection.execute(expire_blocks)
    assert [block.user_id for block in await world.queue.blocks.all(world.guild_id)] == []
    await world.wait_for_text(await world.paint(user="grace"), "Place")


async def test_bots_and_invalid_block_durations_are_rejected(world: World) -> None:
    admin = world.user("admin")
    bot = next(user for user in world.discord.world.users.values() if user.bot)
    message = await world.slash(admin, "blocklist add", {"member": bot.id})
    assert "bots cannot paint" in message.text
    options = {"member": world.user("grace").id, "lasts": "a while"}
    message = await world.slash(admin, "blocklist add", options)
    assert "“a while” is not a length of time" in message.text
    assert [block.user_id for block in await world.queue.blocks.all(world.guild_id)] == []
