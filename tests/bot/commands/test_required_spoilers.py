"""Spoilers that an admin requires for a channel, a server or a role."""

import pytest

from bot.delivery import role_spoilers
from sandbox.model import Interaction, Message
from tests.bot.commands.test_settings import PUBLIC_THREAD, submit_settings
from tests.kit.world import World

MEDIA_GALLERY = 12


async def post_copy(world: World, _painted: Message) -> Interaction:
    job_id = (await world.jobs())[0].id
    return await world.discord.slash(world.user(), "show", {"picture": job_id, "everybody": True})


async def post_comparison(world: World, painted: Message) -> Interaction:
    alone = await world.discord.press(world.user(), painted, label="Compare")
    await alone.wait(lambda i: i.message and i.message.attachments)
    assert alone.message is not None
    return await world.discord.press(world.user(), alone.message, label="Post here")


async def post_timelapse(world: World, painted: Message) -> Interaction:
    alone = await world.discord.press(world.user(), painted, label="Time-lapse")
    await alone.wait(lambda i: i.message and i.message.attachments)
    assert alone.message is not None
    return await world.discord.press(world.user(), alone.message, label="Post here")


@pytest.mark.parametrize("whose", ["guild", "channel"])
async def test_reposted_picture_is_hidden_where_admins_require_spoilers(
    world: World, whose: str
) -> None:
    await world.start_engine()
    painted = await world.paint_and_wait({"timelapse": True})
    assert not is_hidden(painted)
    await submit_settings(world, {"switches": ["spoiler"]}, "admin", whose)
    for again in (post_copy, post_comparison, post_timelapse, World.delete_and_undo):
        interaction = await again(world, painted)
        await interaction.wait(lambda i: i.message and i.message.attachments)
        assert interaction.message is not None
        assert not interaction.message.ephemeral
        assert is_hidden(interaction.message), again.__name__


async def test_picture_from_a_dm_is_shown_hidden_where_admins_require_spoilers(
    world: World,
) -> None:
    await world.start_engine()
    await world.paint_and_wait(context="bot_dm")
    await submit_settings(world, {"switches": ["spoiler"]}, "admin", "channel")
    interaction = await post_copy(world, world.discord.dms(world.user())[-1])
    await interaction.wait(lambda i: i.message and i.message.attachments)
    assert interaction.message is not None
    assert is_hidden(interaction.message)


async def test_spoiler_picture_stays_hidden_when_reposted(world: World) -> None:
    await world.start_engine()
    await world.open_gallery()
    painted = await world.paint_and_wait({"timelapse": True, "spoiler": True})
    for again in (post_copy, post_comparison, post_timelapse):
        interaction = await again(world, painted)
        await interaction.wait(lambda i: i.message and i.message.attachments)
        assert interaction.message is not None
        assert is_hidden(interaction.message), again.__name__
    opened = await world.discord.press(world.user(), painted, label="Post to gallery")
    await world.wait_for_text(await world.discord.submit_modal(opened, {}), "It is in the gallery")
    assert is_hidden(world.discord.messages("talk")[-1])


def is_hidden(message: Message) -> bool:
    galleries = [each for each in message.walk() if each["type"] == MEDIA_GALLERY]
    items = [item for each in galleries for item in each["items"]]
    if not items:
        names = [each.filename for each in message.attachments]
        return bool(names) and all(name.startswith("SPOILER_") for name in names)
    return all(item.get("spoiler") for item in items)


@pytest.mark.parametrize("whose", ["guild", "channel"])
async def test_newly_required_spoiler_hides_waiting_and_running_pictures(
    world: World, whose: str
) -> None:
    painter, painted = await world.paint_halfway()
    message = await world.wait_for_text(painted, "Painting")
    await painted.wait(lambda i: i.message and i.message.attachments)
    waiting = await world.paint()
    await world.wait_for_text(waiting, "Place 1")
    in_a_dm = await world.paint(context="bot_dm")
    assert not is_hidden(message)
    await submit_settings(world, {"switches": ["spoiler"]}, "admin", whose)
    await painted.wait(lambda i: i.message and is_hidden(i.message))
    painter.may_finish.set()
    assert is_hidden(await world.wait_finished(painted))
    assert is_hidden(await world.wait_finished(waiting))
    assert not is_hidden(await world.wait_finished(in_a_dm))


async def test_required_spoiler_of_a_channel_hides_jobs_waiting_in_its_threads(
    world: World,
) -> None:
    threads = [
        await world.create_thread(channel, PUBLIC_THREAD) for channel in ("paintings", "talk")
    ]
    inside, elsewhere = [
        await world.make_job(world.user(), channel_id=thread) for thread in threads
    ]
    await submit_settings(world, {"switches": ["spoiler"]}, "admin", "channel")
    assert (await world.reload(inside)).reply.spoiler
    assert not (await world.reload(elsewhere)).reply.spoiler


async def test_spoiler_role_granted_during_painting_hides_the_picture(
    world: World,
) -> None:
    keeper = next(role for role in world.discord.world.guild.roles if role.name == "Keeper")
    await submit_settings(world, {"spoiler_roles": [str(keeper.id)]}, "admin", "guild")
    painter, interaction = await world.paint_halfway()
    (job,) = await world.jobs()
    assert not job.reply.spoiler
    world.user().role_ids.append(keeper.id)
    painter.may_finish.set()
    message = await world.wait_finished(interaction)
    assert is_hidden(message)
    assert (await world.reload(job)).reply.spoiler
    other = await world.paint(user="grace")
    assert not is_hidden(await world.wait_finished(other))


async def test_picture_is_delivered_if_the_member_cannot_be_looked_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(role_spoilers, "ASKING_SECONDS", 0.2)
    keeper = next(role for role in world.discord.world.guild.roles if role.name == "Keeper")
    await submit_settings(world, {"spoiler_roles": [str(keeper.id)]}, "admin", "guild")
    await world.start_engine()
    unknown = {"status": 404, "code": 10007}
    for answer in (unknown, {"delay": 20.0}):
        world.discord.faults.clear()
        lookup = world.discord.faults.add("GET", "/guilds/*/members/*", times=9, **answer)
        assert not is_hidden(await world.paint_and_wait())
        assert lookup.hits
