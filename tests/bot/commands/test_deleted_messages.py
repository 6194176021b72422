"""A message deleted in Discord is not restored by any command or button."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.cards.job_buttons import TAKES, Action
from jobs.management.gallery import TAKEN_OUT
from sandbox.model import Interaction, Message
from tests.bot.commands.rights.origins import press_forged_button
from tests.kit.world import World

THREAD = 11


@pytest.fixture
async def world(world: World) -> World:
    """A server with a running engine."""
    await world.start_engine()
    return world


def delete_silently(message: Message) -> None:
    """Delete a message without an event, as while the bot is offline."""
    message.deleted = True


async def remove_channel(world: World, _message: Message) -> None:
    await world.discord.delete_channel(world.discord.channel("paintings"))


async def remove_thread(world: World, message: Message) -> None:
    """Move the message to a thread, and delete that with its messages."""
    parent, thread_id = world.discord.channel("paintings"), world.discord.world.ids.next()
    (job,) = await world.jobs()
    await world.queue.deliveries.set_message(job.id, thread_id, message.id)
    data = {"id": str(thread_id), "guild_id": str(world.guild_id), "parent_id": str(parent.id)}
    delete_silently(message)
    await world.discord.gateway.dispatch("THREAD_DELETE", {**data, "type": THREAD}, intent=1)


async def remove_message(_world: World, message: Message) -> None:
    delete_silently(message)


DELETIONS: dict[str, Callable[[World, Message], Any]] = {
    "message while the bot was offline": remove_message,
    "channel": remove_channel,
    "thread": remove_thread,
}


@pytest.mark.parametrize("how", DELETIONS)
async def test_picture_of_a_deleted_message_cannot_be_shown_or_remixed_publicly(
    world: World, how: str
) -> None:
    message = await world.paint_and_wait()
    (job,) = await world.jobs()
    await DELETIONS[how](world, message)
    options = {"picture": job.id, "everybody": True}
    refused = await world.slash(world.user("ada"), "show", options, channel="talk")
    assert refused.ephemeral
    assert "was not for everybody, or its message was deleted" in refused.text
    for action in (Action.AGAIN, Action.COMPARE, Action.OTHER_STYLE):
        pressed = await press_forged_button(world, world.user("grace"), job, action)
        assert "only they can do that" in await world.answer_text(pressed), action
    assert len(await world.jobs("grace")) == 0


async def test_other_members_read_of_a_deleted_picture_that_it_is_not_kept(world: World) -> None:
    """It is not that only its owner may remix it: nobody can."""
    message = await world.paint_and_wait()
    (job,) = await world.jobs()
    await world.discord.press(world.user("ada"), message, label="Delete")
    await world.eventually(lambda: message.deleted)
    for action in (Action.AGAIN, Action.COMPARE, Action.OTHER_STYLE):
        pressed = await press_forged_button(world, world.user("grace"), job, action)
        assert "are no longer kept" in await world.answer_text(pressed), action


async def test_owner_can_paint_from_a_picture_of_a_deleted_message(world: World) -> None:
    delete_silently(await world.paint_and_wait())
    (job,) = await world.jobs()
    await world.slash(world.user("grace"), "show", {"picture": job.id}, channel="talk")
    assert (await world.reload(job)).message_removed_at is not None
    await world.wait_finished(await press_forged_button(world, world.user(), job, Action.AGAIN))
    assert len(await world.jobs()) == 2


@pytest.mark.parametrize("event_received", [True, False])
async def test_undo_of_delete_after_message_removal_is_ephemeral(
    world: World, event_received: bool
) -> None:
    message = await world.paint_and_wait()
    (job,) = await world.jobs()
    if event_received:
        world.discord.delete(message)
        await world.wait_message_removed(job)
    else:
        delete_silently(message)
    deleted = await press_forged_button(world, world.user(), job, Action.DELETE)
    await deleted.wait(lambda i: i.followups)
    before = public_pictures(world)
    undone = await world.discord.press(world.user("ada"), deleted.followups[0], label="Undo")
    await undone.wait(lambda i: i.message is not None and i.message.attachments)
    assert undone.message is not None
    assert undone.message.ephemeral
    assert public_pictures(world) == before
    assert (await world.reload(job)).message_removed_at is not None
    options = {"picture": job.id, "everybody": True}
    assert (await world.slash(world.user("ada"), "show", options, channel="talk")).ephemeral


async def test_undo_of_the_delete_button_restores_a_public_message(world: World) -> None:
    message = await world.paint_and_wait()
    (job,) = await world.jobs()
    deleted = await world.discord.press(world.user("ada"), message, label="Delete")
    await deleted.wait(lambda i: i.followups)
    await world.wait_message_removed(job)
    undone = await world.discord.press(world.user("ada"), deleted.followups[0], label="Undo")
    await undone.wait(lambda i: i.message is not None and i.message.attachments)
    assert undone.message is not None
    assert not undone.message.ephemeral
    assert (await world.reload(job)).message_removed_at is None


async def test_deletion_notice_reports_the_undo(world: World) -> None:
    message = await world.paint_and_wait()
    deleted = await world.discord.press(world.user("ada"), message, label="Delete")
    await deleted.wait(lambda i: i.followups)
    answer = deleted.followups[0]
    button = answer.buttons[0]["custom_id"]
    undone = await world.discord.press(world.user("ada"), answer, label="Undo")
    await undone.wait(lambda i: i.message is not None and i.message.attachments)
    await world.eventually(lambda: answer.text == "It is back.")
    assert not answer.buttons
    button_kept = {"type": 2, "style": 2, "label": "Undo", "custom_id": button}
    answer.components.append({"type": 1, "components": [button_kept]})
    again = await world.discord.press(world.user("ada"), answer, label="Undo")
    assert "It is back." in await world.answer_text(again)


async def test_owner_cannot_undo_the_deletion_of_an_admin(world: World) -> None:
    message = await world.paint_and_wait()
    (job,) = await world.jobs()
    removed = await world.discord.press(world.user("admin"), message, label="Delete")
    await removed.wait(lambda i: i.followups)
    pressed = await press_forged_button(world, world.user(), job, Action.DELETE)
    await pressed.wait(lambda i: i.followups)
    assert not pressed.followups[0].buttons
    assert "was already deleted" in pressed.followups[0].text
    ada = world.user("ada")
    assert await world.queue.retention.restore(job.id, ada.id, job.reply) is None
    undone = await world.discord.press(world.user("admin"), removed.followups[0], label="Undo")
    await undone.wait(lambda i: i.message is not None and i.message.attachments)


async def test_version_chosen_from_a_deleted_message_is_ephemeral(world: World) -> None:
    delete_silently(await world.paint_and_wait({"variants": 2}))
    (job,) = await world.jobs()
    before = public_pictures(world)
    taken = await world.wait_finished(await press_forged_button(world, world.user(), job, TAKES[1]))
    assert taken.ephemeral
    assert public_pictures(world) == before
    (new, _) = await world.jobs()
    options = {"picture": new.id, "everybody": True}
    assert (await world.slash(world.user("ada"), "show", options, channel="talk")).ephemeral


async def test_version_chosen_by_a_blocked_member_is_ephemeral(world: World) -> None:
    await world.paint_and_wait({"variants": 2})
    (job,) = await world.jobs()
    await world.queue.blocks.add(world.guild_id, world.user("ada").id, 1)
    before = public_pictures(world)
    taken = await world.wait_finished(await press_forged_button(world, world.user(), job, TAKES[1]))
    assert taken.ephemeral
    assert public_pictures(world) == before


async def test_deletion_can_be_undone_before_the_picture_is_marked_delivered(
    world: World,
) -> None:
    """After a restart, the bot rechecks for a while before it marks an older job delivered."""
    assert world.engine is not None
    world.engine.may_finish.clear()
    interaction = await world.paint()
    await world.wait_no_intakes()
    await world.stop_bot()
    await world.start_bot()
    world.engine.may_finish.set()
    message = await world.wait_finished(interaction)
    (job,) = await world.jobs()
    assert (await world.reload(job)).delivered_at is None
    undone = await world.delete_and_undo(message)
    await undone.wait(lambda i: i.message is not None and i.message.attachments)


async def test_gallery_post_deleted_unnoticed_cannot_be_repeated(world: World) -> None:
    await world.open_gallery()
    message = await world.paint_and_wait()
    (job,) = await world.jobs()
    published = await publish(world, message)
    shown = await world.wait_for_text(published, "It is in the gallery")
    delete_silently(world.discord.messages("talk")[-1])
    await world.press(world.user("ada"), shown, "Remove it")
    post = await world.queue.gallery.of(job.id, world.guild_id)
    assert post is not None
    assert post.message_id == TAKEN_OUT
    again = await world.discord.press(world.user(), message, label="Post to gallery")
    assert "A moderator has removed it from the gallery" in await world.answer_text(again)
    assert again.modal is None


async def test_failed_gallery_removal_is_reported_and_can_be_repeated(
    world: World,
) -> None:
    await world.open_gallery()
    message = await world.paint_and_wait()
    (job,) = await world.jobs()
    shown = await world.wait_for_text(await publish(world, message), "It is in the gallery")
    (posted,) = world.discord.messages("talk")
    world.discord.faults.add("DELETE", "/channels/*/messages/*", status=403, code=50001)
    pressed = await world.discord.press(world.user("ada"), shown, label="Remove it")
    await pressed.wait(lambda i: i.followups)
    assert "could not delete it there" in pressed.followups[0].text
    post = await world.queue.gallery.of(job.id, world.guild_id)
    assert post is not None
    assert post.message_id == posted.id
    await world.press(world.user("ada"), shown, "Remove it")
    assert world.discord.messages("talk") == []


async def publish(world: World, message: Message) -> Interaction:
    opened = await world.discord.press(world.user("ada"), message, label="Post to gallery")
    return opened if opened.modal is None else await world.discord.submit_modal(opened, {})


def public_pictures(world: World) -> int:
    """The number of messages with a picture that everybody sees."""
    shown = [*world.discord.messages("paintings"), *world.discord.messages("talk")]
    return sum(bool(message.attachments) and not message.ephemeral for message in shown)
