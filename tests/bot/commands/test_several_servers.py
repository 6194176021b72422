"""One bot in several servers: what is private to one is not shown in another."""

from typing import Any

import pytest

from jobs.model import Job
from sandbox.model import Message
from tests.bot.commands.rights.origins import update_channel
from tests.kit.world import World, selected_values, wait_for_answer


async def painted_in_another_server(world: World, **details: Any) -> Job:
    """A picture of Ada from another server, where she has another display name."""
    ada = world.user()
    ada.display_name = "Ada of the other server"
    details = {"guild_id": world.guild_id + 1, "channel_id": 5, **details}
    job = await world.make_painted_job(ada, **details)
    ada.display_name = "Ada"
    return job


async def post_in_another_server(world: World, job: Job) -> str:
    """Record a message in another server as the job's; return its URL."""
    channel = world.discord.world.add_channel("over-there")
    channel.guild_id = world.guild_id + 1
    message = world.discord.post(world.discord.world.bot, "", channel="over-there")
    await world.queue.deliveries.set_message(job.id, channel.id, message.id)
    return f"https://discord.com/channels/{channel.guild_id}/{channel.id}/{message.id}"


async def show_here(world: World, job: Job, *, everybody: bool) -> Message:
    options = {"picture": job.id, "everybody": everybody}
    return await wait_for_answer(await world.discord.slash(world.user(), "show", options))


ORIGINS: dict[str, dict[str, object]] = {
    "another server": {},
    "a direct message": {"in_guild": False, "guild_id": None, "channel_id": None},
}


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("label", ["Again", "Stronger"])
async def test_remix_of_an_ephemeral_copy_from_elsewhere_is_ephemeral(
    world: World, origin: str, label: str
) -> None:
    """The photo was never shown in this server."""
    job = await painted_in_another_server(world, **ORIGINS[origin])
    await world.start_engine()
    alone = await show_here(world, job, everybody=False)
    assert alone.ephemeral
    again = await world.wait_finished(await world.discord.press(world.user(), alone, label=label))
    assert again.ephemeral
    # If its member has shown it publicly, the remix is public too.
    shown = await show_here(world, job, everybody=True)
    assert not (
        await world.wait_finished(await world.discord.press(world.user(), shown, label=label))
    ).ephemeral


async def test_change_form_of_a_copy_from_another_server_starts_private(world: World) -> None:
    job = await painted_in_another_server(world)
    alone = await show_here(world, job, everybody=False)
    opened = await world.discord.press(world.user(), alone, label="Change…")
    await opened.wait(lambda i: i.modal is not None)
    assert selected_values(opened, "switches") == ["private"]


@pytest.mark.parametrize("origin", ORIGINS)
async def test_undo_on_an_ephemeral_copy_from_elsewhere_is_ephemeral(
    world: World, origin: str
) -> None:
    job = await painted_in_another_server(world, **ORIGINS[origin])
    alone = await show_here(world, job, everybody=False)
    undone = await world.delete_and_undo(alone)
    await undone.wait(lambda i: i.message is not None and i.message.attachments)
    assert undone.message is not None
    assert undone.message.ephemeral


async def test_member_name_from_another_server_is_not_revealed(world: World) -> None:
    job = await painted_in_another_server(world)
    shown = await show_here(world, job, everybody=True)
    assert "Painted for Ada\n" in shown.text
    (gallery,) = [each for each in shown.walk() if each["type"] == 12]
    assert gallery["items"][0]["description"] == "A painted photo"
    ada, grace = world.user(), world.user("grace")
    for label in ("Again", "Details", "Delete"):
        text = await world.answer_text(await world.discord.press(grace, shown, label=label))
        assert f"This picture is <@{ada.id}>'s" in text
    compared = await world.discord.press(ada, shown, label="Compare")
    await compared.wait(lambda i: i.message is not None and i.message.buttons)
    assert compared.message is not None
    posted = await world.discord.press(ada, compared.message, label="Post here")
    await posted.wait(lambda i: i.message is not None and i.message.attachments)
    assert posted.message is not None
    assert posted.message.attachments[0].description == "Before and after: A painted photo"


async def test_link_into_another_server_is_shown_only_ephemerally(world: World) -> None:
    job = await world.make_job(world.user(), guild_id=world.guild_id + 1, channel_id=5)
    link = await post_in_another_server(world, job)
    assert link in (await show_here(world, job, everybody=False)).text
    shown = await show_here(world, job, everybody=True)
    assert not shown.ephemeral
    assert "https://" not in shown.text
    assert f"/show {job.id}" in shown.text


async def test_job_painted_from_another_server_stores_no_link(world: World) -> None:
    job = await painted_in_another_server(world)
    await post_in_another_server(world, job)
    await world.start_engine()
    shown = await show_here(world, job, everybody=True)
    await world.wait_finished(await world.discord.press(world.user(), shown, label="Again"))
    assert (await world.jobs())[0].reply.painted_from == ""


@pytest.mark.parametrize("origin", ORIGINS)
async def test_admin_deletes_the_message_but_not_a_picture_from_elsewhere(
    world: World, origin: str
) -> None:
    """The message is deleted; the picture, which is not of this server, stays with its member."""
    job = await painted_in_another_server(world, **ORIGINS[origin])
    shown = await show_here(world, job, everybody=True)
    refused = await world.discord.press(world.user("grace"), shown, label="Delete")
    assert "only they can do that" in await world.answer_text(refused)
    deleted = await world.discord.press(world.user("admin"), shown, label="Delete")
    await deleted.wait(lambda i: i.followups)
    assert shown.deleted
    assert "The picture itself stays with the member it belongs to" in deleted.followups[0].text
    assert not deleted.followups[0].buttons
    assert (await world.reload(job)).pictures_deleted_at is None
    log = await world.slash(world.user("admin"), "limits log")
    assert f"deleted a message with a picture (#{job.id}, <@{world.user().id}>)" in log.text


async def test_restored_picture_belongs_to_the_channel_of_the_undo(world: World) -> None:
    job = await world.make_painted_job(world.user())
    options = {"picture": job.id, "everybody": True}
    shown = await wait_for_answer(
        await world.discord.slash(world.user(), "show", options, channel="talk")
    )
    undone = await world.delete_and_undo(shown)
    await undone.wait(lambda i: i.message is not None and i.message.attachments)
    assert (await world.reload(job)).channel_id == world.discord.channel("talk").id


async def test_gallery_post_of_another_server_does_not_affect_this_gallery(world: World) -> None:
    """Neither a post there nor its removal by moderators there counts here."""
    job = await painted_in_another_server(world)
    there, queue = world.guild_id + 1, world.queue
    await queue.limits.set(world.guild_id, {"gallery_channel_id": channel_id(world, "talk")}, 1)
    assert await queue.gallery.claim(job.id, there, 7) is None
    await queue.gallery.posted(job.id, there, 8)
    for taken_out in (False, True):
        if taken_out:
            await queue.gallery.mark_taken_out({8})
        shown = await show_here(world, job, everybody=False)
        opened = await world.discord.press(world.user(), shown, label="Post to gallery")
        await opened.wait(lambda i: i.modal is not None)
        submitted = await world.discord.submit_modal(opened, {})
        page = await world.wait_for_text(
            submitted, f"It is in the gallery: https://discord.com/channels/{world.guild_id}/"
        )
        assert len(world.discord.messages("talk")) == 1
        await world.press(world.user(), page, "Remove it")
        assert world.discord.messages("talk") == []
        post = await queue.gallery.of(job.id, there)
        assert post is not None
        assert post.message_id == (0 if taken_out else 8)


async def test_deleted_picture_is_removed_from_all_galleries(world: World) -> None:
    job, queue = await painted_in_another_server(world), world.queue
    for number, name in enumerate(("paintings", "talk")):
        place = channel_id(world, name)
        message = world.discord.post(world.discord.world.bot, "The picture", channel=name)
        assert await queue.gallery.claim(job.id, world.guild_id + number, place) is None
        await queue.gallery.posted(job.id, world.guild_id + number, message.id)
    alone = await show_here(world, job, everybody=False)
    deleted = await world.discord.press(world.user(), alone, label="Delete")
    await deleted.wait(lambda i: i.followups)
    for name in ("paintings", "talk"):
        assert not any(m.text == "The picture" for m in world.discord.messages(name))
    assert await queue.gallery.servers_of(job.id) == []


def channel_id(world: World, name: str) -> int:
    return world.discord.channel(name).id


async def test_queue_names_the_other_places_of_own_waiting_pictures(world: World) -> None:
    """They count toward the limits here, and may be paused there."""
    ada = world.user()
    await world.make_job(ada)
    for details in (ORIGINS["a direct message"], {"guild_id": world.guild_id + 1}):
        await world.make_job(ada, **details)
    here, private, elsewhere = (
        line for line in (await world.slash(ada, "queue")).text.splitlines() if "128 px" in line
    )
    assert here.endswith("standard")
    assert private.endswith("standard · in DMs")
    assert elsewhere.endswith("standard · in another server")
    in_dm = (await world.slash(ada, "queue", context="bot_dm")).text
    assert in_dm.count("standard · in The Studio\n") == 1


async def test_refusal_says_that_the_limit_counts_all_servers(world: World) -> None:
    object.__setattr__(world.bot.settings, "atelier_max_waiting_per_user", 1)
    await world.make_job(world.user(), guild_id=world.guild_id + 1)
    refused = await world.answer_text(await world.paint())
    assert "it counts what you do in all servers and in DMs.)" in refused


VIEW_CHANNEL = 1 << 10


@pytest.mark.parametrize(
    ("restricted", "is_shown"),
    [
        ((), True),
        (("paintings",), False),
        (("talk",), True),
        (("paintings", "talk"), True),
    ],
    ids=["both public", "original restricted", "copy restricted", "both restricted"],
)
async def test_remix_is_public_only_where_viewers_could_see_the_original(
    world: World, restricted: tuple[str, ...], *, is_shown: bool
) -> None:
    """Many servers show their channels only to members with a role."""
    (keeper,) = [role for role in world.discord.world.guild.roles if role.name == "Keeper"]
    world.user().role_ids.append(keeper.id)
    rules = [(world.guild_id, 0, VIEW_CHANNEL), (keeper.id, VIEW_CHANNEL, 0)]
    overwrites = [
        {"id": str(role), "type": 0, "allow": str(allow), "deny": str(deny)}
        for role, allow, deny in rules
    ]
    for name in restricted:
        await update_channel(world, world.discord.channel(name), overwrites)
    job = await world.make_painted_job(world.user())
    await world.start_engine()
    options = {"picture": job.id}
    alone = await wait_for_answer(
        await world.discord.slash(world.user(), "show", options, channel="talk")
    )
    again = await world.wait_finished(await world.discord.press(world.user(), alone, label="Again"))
    assert again.ephemeral != is_shown
