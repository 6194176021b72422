"""The buttons under a picture."""

import asyncio
import io
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from PIL import Image

from jobs.db import schema
from jobs.model import JobState
from sandbox.model import Interaction, Message
from tests.kit.pictures import gradient_picture
from tests.kit.samples import delete_for_good
from tests.kit.world import PHOTO, World, has_result


async def press(world: World, message: Message, label: str, user: str = "ada") -> Interaction:
    return await world.discord.press(world.user(user), message, label=label)


CHANGES = {
    "Stronger": ("strength", 0.5, 0.65),
    "Softer": ("strength", 0.5, 0.35),
    "Larger": ("size_px", 64, 128),
}


async def test_a_button_paints_it_again_with_a_change(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    for label, (field, before, after) in CHANGES.items():
        await world.finished(await press(world, message, label))
        new, *_, old = await world.jobs()
        assert getattr(old.options, field) == before
        assert getattr(new.options, field) == after
        assert new.options.seed == old.options.seed
        assert new.parent_job_id == old.id
        assert new.inputs == old.inputs


async def test_again_takes_a_new_seed_after_a_restart(world: World) -> None:
    await world.start_engine()
    message = await world.painted({"seed": 5})
    await world.stop_bot()
    await world.start_bot()
    again = await world.finished(await press(world, message, "Again"))
    new, old = await world.jobs()
    assert new.options.seed != old.options.seed
    assert has_result(message)
    assert again is not message


@pytest.mark.parametrize("private", [False, True])
async def test_details_lead_to_the_picture_it_was_painted_on_from(
    world: World, private: bool
) -> None:
    await world.start_engine()
    message = await world.painted({"ephemeral": private})
    again = await world.finished(await press(world, message, "Again"))
    said = await world.said(await press(world, again, "Details"))
    assert "painted on from #1" in said
    assert (f"/{message.id}" in said) is not private


async def test_buttons_are_for_the_owner(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    labels = {str(button["label"]) for button in message.buttons}
    assert len(labels) == 11
    for label in labels - {"Details", "Again", "Other style", "Compare"}:
        interaction = await press(world, message, label, user="grace")
        assert "This picture is Ada's" in await world.said(interaction)
        assert interaction.message is not None
        assert interaction.message.ephemeral
    assert len(await world.jobs()) == 1
    assert not message.deleted


async def test_anybody_paints_on_from_a_public_picture_on_their_own_account(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    again = await world.finished(await press(world, message, "Again", user="grace"))
    assert "Grace" in again.text
    opened = await press(world, message, "Other style", user="grace")
    await world.finished(await world.discord.submit_modal(opened, {"preset": ["great-wave"]}))
    by_style, by_seed = await world.jobs("grace")
    (original,) = await world.jobs()
    assert by_style.inputs.content == by_seed.inputs.content == original.inputs.content
    assert by_style.parent_job_id == by_seed.parent_job_id == original.id
    compared = await press(world, message, "Compare", user="grace")
    await compared.wait(lambda i: i.message and i.message.attachments)
    assert compared.message is not None
    assert compared.message.ephemeral
    assert not compared.message.buttons


async def test_only_the_owner_or_an_admin_cancels(world: World) -> None:
    interaction = await world.paint()
    message = await world.says(interaction, "Place 1")
    refused = await press(world, message, "Cancel", user="grace")
    await refused.wait(lambda i: i.followups)
    (told,) = refused.followups
    assert "Ada's" in told.text
    assert told.ephemeral
    await press(world, message, "Cancel", user="admin")
    await world.says(interaction, "Cancelled")
    assert (await world.jobs())[0].state is JobState.CANCELLED


async def test_a_running_job_is_cancelled(world: World) -> None:
    painter = await world.start_engine()
    painter.hold.clear()
    interaction = await world.paint()
    message = await world.says(interaction, "Painting")
    await press(world, message, "Cancel")
    await world.says(interaction, "Cancelled")


async def test_compare_shows_both_side_by_side(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    interaction = await press(world, message, "Compare")
    await interaction.wait(lambda i: i.message and i.message.attachments)
    assert interaction.message is not None
    assert interaction.message.ephemeral
    with Image.open(io.BytesIO(interaction.message.attachments[0].data)) as sheet:
        assert sheet.width > 2 * sheet.height
    posted = await press(world, interaction.message, "Post here")
    await posted.wait(lambda i: i.message and i.message.attachments)
    assert posted.message is not None
    assert not posted.message.ephemeral


async def test_no_way_leads_back_to_a_message_that_only_its_reader_saw(world: World) -> None:
    await world.start_engine()
    message = await world.painted({"ephemeral": True})
    await world.said(await press(world, message, "Save to DMs"))
    (saved,) = world.discord.dms(world.user())
    assert "strength 50%" in saved.text
    assert "It was painted here" not in saved.text


async def test_save_sends_it_to_the_dms(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    interaction = await press(world, message, "Save to DMs")
    assert "It is in your DMs" in await world.said(interaction)
    (saved,) = world.discord.dms(world.user())
    assert saved.attachments[0].data == message.attachments[0].data
    assert f"/{message.channel_id}/{message.id}" in saved.text
    assert "strength 50%" in saved.text
    again = await world.finished(await press(world, saved, "Again"))
    assert again.channel_id == saved.channel_id


async def test_save_says_when_dms_are_closed(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    world.user().accepts_dms = False
    interaction = await press(world, message, "Save to DMs")
    assert "Your DMs are closed" in await world.said(interaction)


@pytest.mark.parametrize("user", ["ada", "admin"])
async def test_delete_removes_message_and_picture(world: World, user: str) -> None:
    await world.start_engine()
    message = await world.painted()
    await press(world, message, "Delete", user=user)
    await world.discord.until(lambda: message.deleted)
    assert message.deleted
    (job,) = await world.jobs()
    assert job.result_key is None


async def test_cancel_is_acknowledged_while_the_database_is_locked(world: World) -> None:
    interaction = await world.paint()
    message = await world.says(interaction, "Place 1")
    path = world.settings.atelier_data_dir / "atelier.sqlite3"
    lock = sqlite3.connect(path, isolation_level=None, timeout=20, check_same_thread=False)
    with closing(lock) as other:  # in a thread, as the bot may be writing and needs this one
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        pressed = await press(world, message, "Cancel")
        await pressed.wait(lambda i: i.acknowledged)
        (job,) = await world.jobs()
        assert job.state is JobState.QUEUED
        other.execute("ROLLBACK")
    await world.says(interaction, "Cancelled")


async def test_what_is_painted_on_from_a_public_picture_knows_its_address(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    question = await world.says(
        await world.discord.submit_modal(await opened(world, message, "Other style"), {}),
        "In which style",
    )
    await world.finished(await press(world, message, "Stronger"))
    await world.finished(await press(world, question, "The Scream"))
    place = f"https://discord.com/channels/{world.guild_id}/{message.channel_id}/{message.id}"
    other, stronger, first = await world.jobs()
    assert [each.reply.painted_from for each in (other, stronger, first)] == [place, place, ""]
    private = await world.painted({"ephemeral": True})
    await world.finished(await press(world, private, "Stronger"))
    in_dm = await world.painted(context="bot_dm")
    await world.finished(await press(world, in_dm, "Stronger"))
    assert [each.reply.painted_from for each in (await world.jobs())[:4]] == [""] * 4


async def opened(world: World, message: Message, label: str) -> Interaction:
    """The form that a button opens."""
    interaction = await press(world, message, label)
    await interaction.wait(lambda i: i.modal is not None)
    return interaction


async def test_cancel_on_a_copy_shows_there_too(world: World) -> None:
    interaction = await world.paint()
    await world.says(interaction, "Place 1")
    (job,) = await world.jobs()
    copy = await world.discord.slash(world.user(), "show", {"picture": job.id})
    message = await world.says(copy, "Place 1")
    await press(world, message, "Cancel")
    await world.says(copy, "Cancelled")
    await world.says(interaction, "Cancelled")


async def shown_copy(world: World, message: Message) -> Interaction:
    """A copy of a delivered picture, as /show makes it."""
    (job,) = await world.jobs()
    await world.eventually(lambda: delivered(world, job.id))
    copy = await world.discord.slash(world.user(), "show", {"picture": job.id})
    await copy.wait(lambda i: i.message and has_result(i.message))
    assert copy.message is not message
    return copy


async def delivered(world: World, job_id: int) -> bool:
    job = await world.bot.queue.jobs.get(job_id)
    return job is not None and job.delivered_at is not None


@pytest.mark.parametrize("minutes", [0, 20])
@pytest.mark.parametrize("context", ["guild", "bot_dm"])
async def test_delete_on_a_copy_removes_the_picture_everywhere(
    world: World, context: str, minutes: int
) -> None:
    await world.start_engine()
    message = await world.painted(context=context)
    (job,) = await world.jobs()
    await world.eventually(lambda: delivered(world, job.id))
    world.shift_clock(minutes * 60)
    copy = await shown_copy(world, message)
    assert copy.message is not None
    await press(world, copy.message, "Delete")
    await copy.wait(lambda i: i.message and i.message.deleted)
    assert message.deleted
    (job,) = await world.jobs()
    assert job.result_key is None


async def test_delete_says_which_message_it_may_not_remove(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    copy = await shown_copy(world, message)
    world.shift_clock(20 * 60)
    copy = await shown_copy(world, message)
    world.discord.faults.add("DELETE", "/channels/*", status=403, code=50001)
    assert copy.message is not None
    pressed = await press(world, copy.message, "Delete")
    await pressed.wait(lambda i: i.followups)
    (told,) = pressed.followups
    assert told.ephemeral
    assert f"/{message.channel_id}/{message.id}" in told.text


async def test_a_timelapse_is_shown_or_recorded(world: World) -> None:
    await world.start_engine()
    message = await world.painted({"seed": 9})
    recorded = await world.finished(await press(world, message, "Time-lapse"))
    new, old = await world.jobs()
    assert new.options.timelapse
    assert new.options.seed == old.options.seed
    interaction = await press(world, recorded, "Time-lapse")
    await interaction.wait(lambda i: i.message and i.message.attachments)
    assert interaction.message is not None
    (film,) = interaction.message.attachments
    assert film.filename == f"timelapse-{new.id}.gif"
    posted = await press(world, interaction.message, "Post here")
    await posted.wait(lambda i: i.message and i.message.attachments)
    assert posted.message is not None
    assert not posted.message.ephemeral
    assert posted.message.attachments[0].data == film.data
    details = await press(world, recorded, "Details", user="grace")
    await details.wait(lambda i: i.message and i.message.attachments)
    assert details.message is not None
    assert details.message.ephemeral
    assert "seed 9" in details.message.text
    assert "lite on cpu · 4 iterations" in details.message.text
    (plot,) = details.message.attachments
    assert plot.filename == f"{new.id}-losses.png"


async def test_another_style_by_upload_and_by_list(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    opened = await press(world, message, "Other style")
    submitted = await world.discord.submit_modal(
        opened, {}, {"style": [("new.png", gradient_picture((40, 40)))]}
    )
    await world.finished(submitted)
    opened = await press(world, message, "Other style")
    await world.finished(await world.discord.submit_modal(opened, {"preset": ["great-wave"]}))
    by_list, by_upload, first = await world.jobs()
    assert by_list.inputs.styles[0].preset == "great-wave"
    assert by_upload.inputs.styles[0].picture != first.inputs.styles[0].picture
    assert by_list.inputs.content == by_upload.inputs.content == first.inputs.content


async def test_a_form_from_before_a_restart_is_answered(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    opened = await press(world, message, "Other style")
    assert opened.modal is not None
    opened.modal["custom_id"] = "atelier:modal:another-process:1"
    submitted = await world.discord.submit_modal(opened, {})
    assert "restarted" in await world.said(submitted)


async def test_a_form_that_is_sent_again_is_answered(world: World) -> None:
    await world.start_engine()
    opened = await press(world, await world.painted(), "Other style")
    await world.finished(await world.discord.submit_modal(opened, {"preset": ["great-wave"]}))
    again = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    assert "start again" in await world.said(again)
    assert len(await world.jobs()) == 2


async def test_paint_this_on_a_message_with_a_picture(world: World) -> None:
    await world.start_engine()
    post = world.discord.post(world.user("grace"), "look", [("cat.png", gradient_picture())])
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(
        opened, {"name": "the great wave", "strength": ["strong"]}
    )
    await world.finished(submitted)
    (job,) = await world.jobs()
    assert job.inputs.styles[0].preset == "great-wave"
    assert job.options.strength == 0.7


async def test_paint_this_works_on_our_own_pictures(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    opened = await world.discord.message_command(world.user(), "Paint this", message)
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await world.finished(submitted)


async def test_paint_this_says_when_there_is_no_picture(world: World) -> None:
    post = world.discord.post(world.user(), "words", [("notes.txt", b"notes")])
    interaction = await world.discord.message_command(world.user(), "Paint this", post)
    assert "has no picture" in await world.said(interaction)


async def test_a_remix_of_what_is_no_longer_kept(world: World) -> None:
    await world.start_engine()
    message = await world.painted({"preset": "great-wave"}, attachments=PHOTO)
    (job,) = await world.jobs()
    await delete_for_good(world.bot.queue, job.id, job.user_id)
    interaction = await press(world, message, "Again")
    assert "no longer kept" in await world.said(interaction)


@pytest.mark.parametrize("context", ["guild", "bot_dm", "private"])
async def test_a_deletion_can_be_taken_back(world: World, context: str) -> None:
    await world.start_engine()
    message = await world.painted({"spoiler": True}, context=context)
    deleted = await press(world, message, "Delete")
    await world.discord.until(lambda: message.deleted)
    await deleted.wait(lambda i: i.followups)
    (offer,) = deleted.followups
    assert offer.ephemeral
    await world.stop_bot()
    await world.start_bot()
    back = await world.finished(await press(world, offer, "Undo"))
    assert [each.data for each in back.attachments] == [message.attachments[0].data]
    await world.finished(await press(world, back, "Again"))


async def test_after_ten_minutes_a_deletion_is_for_good(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    (job,) = await world.jobs()
    deleted = await press(world, message, "Delete")
    await deleted.wait(lambda i: i.followups)
    assert await world.queue.store.exists(job.result_key or "")
    async with world.queue.database.write() as transaction:
        await transaction.connection.execute(sa.update(schema.jobs).values(delete_after=1.0))
    assert await world.queue.retention.finish_deleting() == 1
    assert (await world.fresh(job)).pictures_deleted_at is not None
    assert not await world.queue.retention.restore(job.id, job.user_id, job.reply)
    undone = await press(world, deleted.followups[0], "Undo")
    assert "deleted for good" in await world.said(undone)


async def test_who_deleted_may_take_it_back_and_history_forgets_it_meanwhile(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    deleted = await press(world, message, "Delete", user="admin")
    await deleted.wait(lambda i: i.followups)
    history = await world.slash(world.user(), "history")
    assert "no picture of yours" in history.text
    await world.finished(await press(world, deleted.followups[0], "Undo", user="admin"))
    history = await world.slash(world.user(), "history")
    assert "no picture of yours" not in history.text
