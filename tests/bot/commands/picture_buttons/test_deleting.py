"""The Delete button and its Undo."""

import asyncio

import pytest
import sqlalchemy as sa

from bot.app import running_commands
from bot.commands.picture_buttons import deleted_messages
from jobs.db import schema
from jobs.model import Job
from jobs.privacy.retention import Retention
from sandbox.model import Interaction, Message
from tests.bot.commands.picture_buttons.pressing import press, show_copy
from tests.kit.world import World


@pytest.mark.parametrize("user", ["ada", "admin"])
async def test_delete_removes_message_and_picture(world: World, user: str) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    await press(world, message, "Delete", user=user)
    await world.discord.until(lambda: message.deleted)
    assert message.deleted
    (job,) = await world.jobs()
    assert job.result_key is None


@pytest.mark.parametrize("minutes", [0, 20])
@pytest.mark.parametrize("context", ["guild", "bot_dm"])
async def test_delete_on_a_copy_removes_the_picture_everywhere(
    world: World, context: str, minutes: int
) -> None:
    await world.start_engine()
    message = await world.paint_and_wait(context=context)
    job = await world.wait_delivered()
    world.shift_clock(minutes * 60)
    copy = await show_copy(world, message)
    assert copy.message is not None
    await press(world, copy.message, "Delete")
    await copy.wait(lambda i: i.message and i.message.deleted)
    assert message.deleted
    (job,) = await world.jobs()
    assert job.result_key is None


async def test_delete_links_a_message_that_cannot_be_removed(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    copy = await show_copy(world, message)
    world.shift_clock(20 * 60)
    copy = await show_copy(world, message)
    world.discord.faults.add("DELETE", "/channels/*", status=403, code=50001)
    assert copy.message is not None
    pressed = await press(world, copy.message, "Delete")
    await pressed.wait(lambda i: i.followups)
    (notice,) = pressed.followups
    assert notice.ephemeral
    assert f"/{message.channel_id}/{message.id}" in notice.text


@pytest.mark.parametrize("context", ["guild", "bot_dm", "private"])
async def test_undo_restores_a_deleted_picture_with_its_description(
    world: World, context: str
) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"spoiler": True}, context=context)
    (job,) = await world.jobs()
    await world.queue.deliveries.set_alt_text_and_spoiler(
        job.id, alt_text="A dog in the snow", spoiler=True
    )
    deleted = await press(world, message, "Delete")
    await world.discord.until(lambda: message.deleted)
    await deleted.wait(lambda i: i.followups)
    (offer,) = deleted.followups
    assert offer.ephemeral
    await world.stop_bot()
    await world.start_bot()
    back = await world.wait_finished(await press(world, offer, "Undo"))
    assert [each.data for each in back.attachments] == [message.attachments[0].data]
    ((item,),) = [part["items"] for part in back.walk() if part["type"] == 12]
    assert (item["description"], item["spoiler"]) == ("A dog in the snow", True)
    await world.wait_finished(await press(world, back, "Again"))


async def test_second_delete_offers_undo_again(world: World) -> None:
    """The response to the first press may be lost in an outage of Discord."""
    await world.start_engine()
    message = await world.paint_and_wait()
    (job,) = await world.jobs()
    await world.queue.retention.delete_soon(job.id, job.user_id)
    deleted = await press(world, message, "Delete")
    await deleted.wait(lambda i: i.followups)
    assert "was already deleted" in deleted.followups[0].text
    await world.wait_finished(await press(world, deleted.followups[0], "Undo"))


async def test_only_one_of_two_who_delete_at_once_is_offered_undo(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other could not use it: only whoever deleted a picture may bring it back."""
    await world.start_engine()
    message = await world.paint_and_wait()
    delete_soon, both = Retention.delete_soon, asyncio.Barrier(2)

    async def together(self: Retention, job_id: int, by_user_id: int) -> Job | None:
        await both.wait()
        return await delete_soon(self, job_id, by_user_id)

    monkeypatch.setattr(Retention, "delete_soon", together)
    pressed = [await press(world, message, "Delete", user=user) for user in ("ada", "admin")]
    for each in pressed:
        await each.wait(lambda i: i.followups)
    first, second = sorted((each.followups[0] for each in pressed), key=lambda m: len(m.buttons))
    assert (first.text, len(first.buttons)) == ("It was already deleted.", 0)
    assert ("You can undo this" in second.text, len(second.buttons)) == (True, 1)


async def test_deletion_is_final_after_the_undo_period(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    (job,) = await world.jobs()
    deleted = await press(world, message, "Delete")
    await deleted.wait(lambda i: i.followups)
    assert await world.queue.store.exists(job.result_key or "")
    async with world.queue.database.write() as transaction:
        await transaction.connection.execute(sa.update(schema.jobs).values(delete_after=1.0))
    assert await world.queue.retention.finish_deleting() == 1
    assert (await world.reload(job)).pictures_deleted_at is not None
    assert not await world.queue.retention.restore(job.id, job.user_id, job.reply)
    undone = await press(world, deleted.followups[0], "Undo")
    assert "deleted for good" in await world.answer_text(undone)


async def test_deleted_picture_leaves_history_until_undone(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    world.user("admin", locale="de")  # the picture stays in its owner's language
    deleted = await press(world, message, "Delete", user="admin")
    await deleted.wait(lambda i: i.followups)
    history = await world.slash(world.user(), "history")
    assert "You have no pictures here yet" in history.text
    await world.wait_finished(await press(world, deleted.followups[0], "Rückgängig", user="admin"))
    history = await world.slash(world.user(), "history")
    assert "You have no pictures here yet" not in history.text


async def test_message_is_deleted_after_a_lost_connection_too(world: World) -> None:
    """The member has read already that the picture was deleted, and presses no second time."""
    await world.start_engine()
    message = await world.paint_and_wait()
    lost = world.discord.faults.add("DELETE", "/webhooks/*", drop=True, times=3)
    deleted = await press(world, message, "Delete")
    await world.eventually(lambda: message.deleted)
    assert len(lost.hits) == 3
    assert ["can undo this" in each.text for each in deleted.followups] == [True]


async def delete_in_vain(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> tuple[Message, Interaction]:
    """A picture's message, and a press of *Delete* that offers *Undo* but does not get further."""
    monkeypatch.setattr(running_commands, "FINISH_SECONDS", 0.0)
    await world.start_engine()
    message = await world.paint_and_wait()
    world.discord.faults.add("DELETE", "*", delay=3600)
    pressed = await press(world, message, "Delete")
    await pressed.wait(lambda i: i.followups)
    return message, pressed


async def start_another_bot(world: World) -> None:
    await world.stop_bot()
    world.discord.faults.clear()
    await world.start_bot()


@pytest.mark.parametrize("minutes", [2, 20])
async def test_message_left_by_a_bot_that_died_is_deleted_by_the_next_one(
    world: World, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died between the answer to *Delete*, with its *Undo*, and the message's deletion."""
    message, _ = await delete_in_vain(world, monkeypatch)
    earlier = schema.jobs.c.delete_after - minutes * 60
    await world.queue.database.execute(sa.update(schema.jobs).values(delete_after=earlier))
    world.shift_clock(minutes * 60)
    assert not message.deleted
    await start_another_bot(world)
    await world.eventually(lambda: message.deleted)


async def test_message_of_a_deleted_picture_is_tried_again_where_discord_refuses(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may come to see the channel again."""
    monkeypatch.setattr(deleted_messages, "LOOK_SECONDS", 0.1)
    message, _ = await delete_in_vain(world, monkeypatch)
    world.shift_clock(20 * 60)  # the token, which needs no permission, has expired
    earlier = schema.jobs.c.delete_after - 2 * 60
    await world.queue.database.execute(sa.update(schema.jobs).values(delete_after=earlier))
    await world.stop_bot()
    world.discord.faults.clear()
    refused = world.discord.faults.add("DELETE", "*", status=403, code=50001, times=4)
    await world.start_bot()
    await world.eventually(lambda: message.deleted)
    assert len(refused.hits) == 4

    async def is_none_left() -> bool:
        return not await world.queue.retention.left_shown()

    await world.eventually(is_none_left)


async def test_undo_leaves_one_message_though_the_bot_died_before_it_deleted_the_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    message, deleted = await delete_in_vain(world, monkeypatch)
    await start_another_bot(world)
    assert not message.deleted
    await world.wait_finished(await press(world, deleted.followups[0], "Undo"))
    await world.eventually(lambda: message.deleted)


async def test_delete_button_stays_until_undo_has_arrived(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    lost = world.discord.faults.add("POST", "/webhooks/*", status=400, times=100)
    await press(world, message, "Delete")
    await world.eventually(lambda: len(lost.hits) > 1)  # the answer, and the error
    assert not message.deleted
    world.discord.faults.clear()
    again = await press(world, message, "Delete")
    await again.wait(lambda i: i.followups)
    assert "was already deleted" in again.followups[0].text
    await world.eventually(lambda: message.deleted)
    await world.wait_finished(await press(world, again.followups[0], "Undo"))


@pytest.mark.parametrize("show_cannot_be_removed", [False, True])
async def test_picture_delivered_by_dm_is_deleted_in_the_dm(
    world: World, show_cannot_be_removed: bool
) -> None:
    await world.wait_for_text(await world.paint(), "Place 1")
    # As in an archived thread, where Discord refuses edits.
    for path in ("/webhooks/*", "/channels/*"):
        world.discord.faults.add("PATCH", path, status=400, code=50083, times=1000)
    await world.start_engine()
    await world.eventually(lambda: world.discord.dms(world.user()))
    (dm,) = world.discord.dms(world.user())
    job = await world.wait_delivered()
    world.discord.faults.clear()
    copy = (await show_copy(world, dm)).message
    assert copy is not None
    if show_cannot_be_removed:
        path = f"/webhooks/*/{job.reply.interaction_token}/*"
        world.discord.faults.add("DELETE", path, status=400, code=50083)
    await press(world, copy, "Delete")
    await world.eventually(lambda: dm.deleted)


@pytest.mark.parametrize("how", ["erased", "job row gone"])
async def test_message_of_a_forgotten_picture_can_still_be_deleted(world: World, how: str) -> None:
    """By the member who asked for it, and by moderators of the channel."""
    await world.start_engine()
    first, second = await world.paint_and_wait(), await world.paint_and_wait()
    in_dm = await world.paint_and_wait(context="bot_dm")
    await world.queue.privacy.erase_user(world.user().id)
    if how == "job row gone":
        async with world.queue.database.write() as transaction:
            await transaction.connection.execute(sa.delete(schema.jobs))
    for label in ("Again", "Details", "Compare", "Delete"):
        text = await world.answer_text(await press(world, first, label, user="grace"))
        assert "I no longer have this picture" in text, label
    for message, user in ((first, "ada"), (second, "admin"), (in_dm, "ada")):
        deleted = await press(world, message, "Delete", user=user)
        await deleted.wait(lambda i: i.followups)
        assert "The message was deleted." in deleted.followups[0].text
        assert message.deleted
    log = await world.slash(world.user("admin"), "limits log")
    assert log.text.count("deleted a message with a picture") == 1


async def test_delete_on_an_outdated_copy_cancels_a_requeued_job(
    world: World,
) -> None:
    """Otherwise its message would be deleted and the picture still be sent by DM."""
    interaction = await world.paint()
    message = await world.wait_for_text(interaction, "Place 1")
    (job,) = await world.jobs()
    clearing = await world.queue.clearings.clear(world.guild_id, 9)
    copy = await world.slash(world.user(), "show", {"picture": job.id})
    await world.queue.clearings.undo(clearing.id, world.guild_id, 9)
    await world.wait_for_text(interaction, "Place 1")
    await press(world, copy, "Delete")
    await world.wait_for_text(interaction, "Cancelled")
    assert not message.deleted
    assert (await world.reload(job)).pictures_deleted_at is None
