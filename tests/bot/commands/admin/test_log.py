"""Admins read who changed what, in `/limits log` and in the log channel."""

import re

from tests.kit.world import World


async def test_the_log_tells_who_changed_what_in_pages(world: World) -> None:
    admin = world.user("admin")
    assert "Nothing was changed so far" in (await world.slash(admin, "limits log")).text
    for size in range(64, 64 + 12):
        await world.queue.limits.set(world.guild_id, {"max_size_px": size}, admin.id)
    await world.slash(admin, "blocklist add", {"member": world.user("grace").id})
    message = await world.slash(admin, "limits log")
    newest = message.text.splitlines()[1]
    assert re.fullmatch(
        rf"<t:\d+:R> <@{admin.id}>: blocked a member \(<@{world.user('grace').id}>\)", newest
    )
    assert "Largest size: 74 px → 75 px" in message.text
    assert "→ 64 px" not in message.text
    await world.press(admin, message, "Next")
    assert "Largest size: the operator's → 64 px" in message.text


async def test_the_log_leaves_out_what_was_only_said_again(world: World) -> None:
    admin = world.user("admin")
    for per_day in (3, 4):
        changes = {"max_size_px": 64, "max_per_day": per_day}
        await world.queue.limits.set(world.guild_id, changes, admin.id)
    newest = (await world.slash(admin, "limits log")).text.splitlines()[1]
    assert "24 hours: 3 → 4" in newest
    assert "64 px" not in newest


async def test_changes_are_posted_to_the_log_channel(world: World) -> None:
    admin, grace = world.user("admin"), world.user("grace")
    talk = world.discord.channel("talk")
    await world.queue.limits.set(world.guild_id, {"log_channel_id": talk.id}, admin.id)
    await world.slash(admin, "blocklist add", {"member": grace.id})
    (posted,) = world.discord.messages("talk")
    assert posted.text == f"<@{admin.id}>: <@{grace.id}> is blocked from painting here."
    assert posted.mentions == []


async def test_a_log_channel_that_cannot_be_reached_is_told_to_the_admin(world: World) -> None:
    admin = world.user("admin")
    await world.queue.limits.set(world.guild_id, {"log_channel_id": 12345}, admin.id)
    message = await world.slash(admin, "queue-admin pause")
    assert "The queue is paused." in message.text
    assert "could not write to the log channel <#12345>" in message.text
