"""The gallery of a server, where members publish their pictures."""

import asyncio
from typing import Any

import pytest

from common.defaults import Defaults
from sandbox.model import Interaction, Message
from sandbox.permissions import ATTACH_FILES, EMBED_LINKS, SEND_MESSAGES, VIEW_CHANNEL
from tests.bot.commands.rights.origins import set_overwrite
from tests.bot.commands.test_required_spoilers import is_hidden
from tests.kit.pictures import plain_picture
from tests.kit.world import World, button_labels


@pytest.fixture
async def world(world: World) -> World:
    """A server with a gallery, and a running engine."""
    await world.start_engine()
    await world.open_gallery()
    return world


async def publish(
    world: World, message: Message, values: dict[str, Any] | None = None, user: str = "ada"
) -> Interaction:
    opened = await world.discord.press(world.user(user), message, label="Post to gallery")
    assert opened.modal is not None
    return await world.discord.submit_modal(opened, values or {})


async def test_a_picture_is_published_with_a_title_and_the_members_name(world: World) -> None:
    message = await world.paint_and_wait({"preset": "starry-night"}, attachments=photo())
    submitted = await publish(world, message, {"title": "My *dog*"})
    await world.wait_for_text(submitted, "It is in the gallery: https://discord.com/channels/")
    (posted,) = world.discord.messages("talk")
    assert "My \\*dog\\*" in posted.text
    assert f"by <@{world.user().id}>" in posted.text
    assert posted.mentions == []
    assert posted.attachments[0].data == message.attachments[0].data
    assert "The Starry Night" in posted.text


async def test_gallery_post_uses_the_language_chosen_for_the_server(world: World) -> None:
    guild_id, admin = world.guild_id, world.user("admin")
    chosen = Defaults(language="es")
    await world.queue.defaults.set("guild", guild_id, chosen, guild_id=guild_id, by_user=admin.id)
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    (posted,) = world.discord.messages("talk")
    assert f"de <@{world.user().id}>" in posted.text
    assert button_labels(posted) == ["Pintar con esto"]


async def test_gallery_post_omits_the_member_name_on_request(world: World) -> None:
    message = await world.paint_and_wait()
    await world.wait_for_text(
        await publish(world, message, {"switches": []}), "It is in the gallery"
    )
    (posted,) = world.discord.messages("talk")
    assert "<@" not in posted.text
    assert "Ada" not in posted.text


async def test_picture_is_posted_to_the_gallery_once_and_can_be_removed(world: World) -> None:
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    again = await world.discord.press(world.user(), message, label="Post to gallery")
    shown = await world.wait_for_text(again, "It is in the gallery")
    assert len(world.discord.messages("talk")) == 1
    await world.press(world.user(), shown, "Remove it")
    assert world.discord.messages("talk") == []
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    assert len(world.discord.messages("talk")) == 1


async def test_remove_it_pressed_twice_removes_the_post_and_reports_no_failure(
    world: World,
) -> None:
    message = await world.paint_and_wait()
    shown = await world.wait_for_text(await publish(world, message), "It is in the gallery")
    world.discord.faults.add("DELETE", "/channels/*/messages/*", delay=0.5)
    presses = [world.press(world.user(), shown, "Remove it") for _ in range(2)]
    pressed = await asyncio.gather(*presses)
    assert world.discord.messages("talk") == []
    assert [each.followups for each in pressed] == [[], []]


async def test_deleting_a_picture_removes_its_gallery_post(world: World) -> None:
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    deleted = await world.discord.press(world.user(), message, label="Delete")
    await deleted.wait(lambda i: i.followups)
    assert world.discord.messages("talk") == []


@pytest.mark.parametrize("undo", [False, True])
async def test_failed_removal_from_the_gallery_is_reported_and_retried(
    world: World, *, undo: bool
) -> None:
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    (posted,) = world.discord.messages("talk")
    path = f"/channels/{posted.channel_id}/messages/*"
    world.discord.faults.add("DELETE", path, status=403, code=50001)
    deleted = await world.discord.press(world.user(), message, label="Delete")
    await deleted.wait(lambda i: i.followups)
    link = f"https://discord.com/channels/{world.guild_id}/{posted.channel_id}/{posted.id}"
    assert f"in the gallery just now: {link}. I will keep trying" in deleted.followups[0].text
    assert world.discord.messages("talk") == [posted]
    if undo:
        await world.press(world.user(), deleted.followups[0], "Undo")
        assert await world.queue.gallery.of_deleted_pictures() == []
        return
    await world.stop_bot()
    await world.start_bot()
    await world.eventually(lambda: not world.discord.messages("talk"))


async def test_picture_deleted_while_being_posted_leaves_the_gallery(world: World) -> None:
    message = await world.paint_and_wait()
    posting = f"/channels/{world.discord.channel('talk').id}/messages"
    slow = world.discord.faults.add("POST", posting, delay=2.0)
    submitted = await publish(world, message)
    await world.eventually(lambda: slow.hits)
    deleted = await world.discord.press(world.user(), message, label="Delete")
    await deleted.wait(lambda i: i.followups)
    await world.wait_for_text(submitted, "no longer kept")
    assert world.discord.messages("talk") == []


@pytest.mark.parametrize("answer", [{"drop": True}, {"status": 502}])
async def test_gallery_post_with_a_lost_response_is_made_once(
    world: World, answer: dict[str, Any]
) -> None:
    message = await world.paint_and_wait()
    posting = f"/channels/{world.discord.channel('talk').id}/messages"
    lost = world.discord.faults.add("POST", posting, carried_out=True, **answer)
    shown = await world.wait_for_text(await publish(world, message), "It is in the gallery")
    assert lost.hits
    assert len(world.discord.messages("talk")) == 1
    await world.press(world.user(), shown, "Remove it")
    assert world.discord.messages("talk") == []


async def test_gallery_post_removed_by_a_moderator_cannot_be_repeated(world: World) -> None:
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    (posted,) = world.discord.messages("talk")
    world.discord.delete(posted)
    (job,) = await world.jobs()

    async def is_noted() -> bool:
        post = await world.queue.gallery.of(job.id, world.guild_id)
        return post is not None and post.message_id == 0

    await world.eventually(is_noted)
    again = await world.discord.press(world.user(), message, label="Post to gallery")
    assert "A moderator has removed it from the gallery" in await world.answer_text(again)
    assert again.modal is None


async def test_gallery_post_deleted_before_it_is_confirmed_counts_as_removed(
    world: World,
) -> None:
    message = await world.paint_and_wait()
    posting = f"/channels/{world.discord.channel('talk').id}/messages"
    world.discord.faults.add("POST", posting, carried_out=True, delay=0.5)
    submitted = await publish(world, message)
    await world.eventually(lambda: world.discord.messages("talk"))
    world.discord.delete(world.discord.messages("talk")[0])
    await world.wait_for_text(submitted, "A moderator has removed it from the gallery")
    again = await world.discord.press(world.user(), message, label="Post to gallery")
    await world.wait_for_text(again, "A moderator has removed it from the gallery")


@pytest.mark.usefixtures("immediate_retries")
@pytest.mark.parametrize("answer", [{"drop": True}, {"status": 502}], ids=["lost", "502"])
async def test_lost_response_to_a_removal_is_not_taken_for_a_moderators(
    world: World, answer: dict[str, Any]
) -> None:
    message = await world.paint_and_wait()
    shown = await world.wait_for_text(await publish(world, message), "It is in the gallery")
    world.discord.faults.add("DELETE", "/channels/*/messages/*", carried_out=True, **answer)
    await world.press(world.user(), shown, "Remove it")
    assert "no longer in the gallery" in shown.text
    await world.wait_for_text(await publish(world, message), "It is in the gallery")


async def test_other_members_paint_with_the_style_of_a_gallery_post(world: World) -> None:
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    (posted,) = world.discord.messages("talk")
    assert button_labels(posted) == ["Paint with this"]
    opened = await world.discord.press(world.user("grace"), posted, label="Paint with this")
    submitted = await world.discord.submit_modal(opened, {}, {"content": [photo()["content"]]})
    await world.wait_finished(submitted)
    (job,), (hers,) = await world.jobs(), await world.jobs("grace")
    assert hers.inputs.styles[0].picture == job.inputs.styles[0].picture
    assert hers.inputs.content != job.inputs.content
    await world.queue.privacy.erase_user(world.user().id)
    taken_back = await world.reload(hers)
    assert taken_back.inputs.erased, "the style was not hers"
    assert taken_back.result_key is not None


async def test_gallery_button_is_offered_only_in_a_server_with_a_gallery(world: World) -> None:
    await world.slash(world.user("admin"), "limits reset", {"limit": "gallery_channel_id"})
    assert "Post to gallery" not in button_labels(await world.paint_and_wait())
    private = await world.paint_and_wait(context="bot_dm")
    assert "Post to gallery" not in button_labels(private)


async def test_only_an_unblocked_owner_posts_to_the_gallery(world: World) -> None:
    message = await world.paint_and_wait()
    refused = await world.discord.press(world.user("grace"), message, label="Post to gallery")
    assert "This picture is Ada's" in await world.answer_text(refused)
    await world.queue.blocks.add(world.guild_id, world.user().id, 1)
    assert "blocked you" in await world.answer_text(await publish(world, message))
    assert world.discord.messages("talk") == []


async def test_unwritable_gallery_channel_is_reported(world: World) -> None:
    message = await world.paint_and_wait()
    await world.queue.limits.set(world.guild_id, {"gallery_channel_id": 12345}, 1)
    submitted = await world.answer_text(await publish(world, message))
    assert "I am not allowed to post in <#12345>" in submitted
    (job,) = await world.jobs()
    assert await world.queue.gallery.of(job.id, world.guild_id) is None


async def test_gallery_post_is_hidden_where_admins_require_spoilers(world: World) -> None:
    message = await world.paint_and_wait()
    gallery_id, hidden = world.discord.channel("talk").id, Defaults(always_spoiler=True)
    assert message.channel_id != gallery_id
    await world.queue.defaults.set(
        "channel", gallery_id, hidden, guild_id=world.guild_id, by_user=world.user("admin").id
    )
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    (posted,) = world.discord.messages("talk")
    assert is_hidden(posted)
    assert not is_hidden(message)


def photo() -> dict[str, tuple[str, bytes]]:
    return {"content": ("photo.png", plain_picture(color="teal"))}


@pytest.mark.parametrize(
    ("denied", "named"),
    [
        (VIEW_CHANNEL, "View Channel"),
        (SEND_MESSAGES, "Send Messages"),
        (ATTACH_FILES | EMBED_LINKS, "Embed Links, Attach Files"),
    ],
)
async def test_permissions_that_the_bot_lacks_in_the_gallery_are_named(
    world: World, denied: int, named: str
) -> None:
    admin, talk = world.user("admin"), world.discord.channel("talk")
    message = await world.paint_and_wait()
    talk.bot_denied, talk.has_bot = denied, not denied & VIEW_CHANNEL
    await set_overwrite(world, talk, world.discord.world.bot, deny=denied)
    submitted = await publish(world, message)
    await world.wait_for_text(submitted, f"give me these permissions there: {named}.")
    await world.slash(admin, "limits reset", {"limit": "gallery_channel_id"})
    answer = await world.slash(admin, "limits set", {"gallery": str(talk.id)})
    lacking = f"I cannot post in <#{talk.id}>; please give me these permissions there: {named}."
    assert answer.text.endswith(lacking)


async def test_permissions_that_the_bot_lacks_in_the_log_channel_are_named(world: World) -> None:
    admin, talk = world.user("admin"), world.discord.channel("talk")
    talk.bot_denied = SEND_MESSAGES
    await set_overwrite(world, talk, world.discord.world.bot, deny=SEND_MESSAGES)
    answer = await world.slash(admin, "limits set", {"log_channel": str(talk.id)})
    assert answer.text.endswith("please give me these permissions there: Send Messages.")
