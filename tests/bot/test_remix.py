"""The buttons under a picture."""

import io
import sqlite3
from contextlib import closing

import pytest
from PIL import Image

from jobs.model import JobState
from sandbox.model import Interaction, Message
from tests.bot.studio import PHOTO, Studio, has_result, photo


async def press(studio: Studio, message: Message, label: str, user: str = "ada") -> Interaction:
    return await studio.discord.press(studio.user(user), message, label=label)


CHANGES = {
    "Stronger": ("strength", 0.5, 0.65),
    "Softer": ("strength", 0.5, 0.35),
    "Larger": ("size_px", 64, 128),
}


async def test_a_button_paints_it_again_with_a_change(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted()
    for label, (field, before, after) in CHANGES.items():
        await studio.finished(await press(studio, message, label))
        new, *_, old = await studio.jobs()
        assert getattr(old.options, field) == before
        assert getattr(new.options, field) == after
        assert new.options.seed == old.options.seed
        assert new.parent_job_id == old.id
        assert new.inputs == old.inputs


async def test_again_takes_a_new_seed_after_a_restart(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted({"seed": 5})
    await studio.stop_bot()
    await studio.start_bot()
    again = await studio.finished(await press(studio, message, "Again"))
    new, old = await studio.jobs()
    assert new.options.seed != old.options.seed
    assert has_result(message)
    assert again is not message


async def test_buttons_are_for_the_owner(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted()
    labels = {str(button["label"]) for button in message.buttons}
    assert len(labels) == 9
    for label in labels:
        interaction = await press(studio, message, label, user="grace")
        assert "This picture is Ada's" in await studio.answer(interaction)
        assert interaction.message is not None
        assert interaction.message.ephemeral
    assert len(await studio.jobs()) == 1
    assert not message.deleted


async def test_only_the_owner_or_an_admin_cancels(studio: Studio) -> None:
    interaction = await studio.paint()
    message = await studio.says(interaction, "Place 1")
    refused = await press(studio, message, "Cancel", user="grace")
    await refused.wait(lambda i: i.followups)
    (told,) = refused.followups
    assert "Ada's" in told.text
    assert told.ephemeral
    await press(studio, message, "Cancel", user="admin")
    await studio.says(interaction, "Cancelled")
    assert (await studio.jobs())[0].state is JobState.CANCELLED


async def test_a_running_job_is_cancelled(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    message = await studio.says(interaction, "Painting")
    await press(studio, message, "Cancel")
    await studio.says(interaction, "Cancelled")


async def test_compare_shows_both_side_by_side(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted()
    interaction = await press(studio, message, "Compare")
    await interaction.wait(lambda i: i.message and i.message.attachments)
    assert interaction.message is not None
    assert interaction.message.ephemeral
    with Image.open(io.BytesIO(interaction.message.attachments[0].data)) as sheet:
        assert sheet.width > 2 * sheet.height


async def test_save_sends_it_to_the_dms(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted()
    interaction = await press(studio, message, "Save to DMs")
    assert "It is in your DMs" in await studio.answer(interaction)
    (saved,) = studio.discord.dms(studio.user())
    assert saved.attachments[0].data == message.attachments[0].data


async def test_save_says_when_dms_are_closed(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted()
    studio.user().accepts_dms = False
    interaction = await press(studio, message, "Save to DMs")
    assert "Your DMs are closed" in await studio.answer(interaction)


@pytest.mark.parametrize("user", ["ada", "admin"])
async def test_delete_removes_message_and_picture(studio: Studio, user: str) -> None:
    await studio.start_painter()
    message = await studio.painted()
    await press(studio, message, "Delete", user=user)
    await studio.discord.until(lambda: message.deleted)
    assert message.deleted
    (job,) = await studio.jobs()
    assert job.result_key is None


async def test_cancel_is_acknowledged_while_the_database_is_locked(studio: Studio) -> None:
    interaction = await studio.paint()
    message = await studio.says(interaction, "Place 1")
    path = studio.settings.atelier_data_dir / "atelier.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as other:
        other.execute("BEGIN IMMEDIATE")
        pressed = await press(studio, message, "Cancel")
        await pressed.wait(lambda i: i.acknowledged)
        (job,) = await studio.jobs()
        assert job.state is JobState.QUEUED
        other.execute("ROLLBACK")
    await studio.says(interaction, "Cancelled")


async def test_cancel_on_a_copy_shows_there_too(studio: Studio) -> None:
    interaction = await studio.paint()
    await studio.says(interaction, "Place 1")
    (job,) = await studio.jobs()
    copy = await studio.discord.slash(studio.user(), "show", {"picture": job.id})
    message = await studio.says(copy, "Place 1")
    await press(studio, message, "Cancel")
    await studio.says(copy, "Cancelled")
    await studio.says(interaction, "Cancelled")


async def shown_copy(studio: Studio, message: Message) -> Interaction:
    """A copy of a delivered picture, as /show makes it."""
    (job,) = await studio.jobs()
    await studio.eventually(lambda: delivered(studio, job.id))
    copy = await studio.discord.slash(studio.user(), "show", {"picture": job.id})
    await copy.wait(lambda i: i.message and has_result(i.message))
    assert copy.message is not message
    return copy


async def delivered(studio: Studio, job_id: int) -> bool:
    job = await studio.bot.queue.jobs.get(job_id)
    return job is not None and job.delivered_at is not None


@pytest.mark.parametrize("minutes", [0, 20])
@pytest.mark.parametrize("context", ["guild", "bot_dm"])
async def test_delete_on_a_copy_removes_the_picture_everywhere(
    studio: Studio, context: str, minutes: int
) -> None:
    await studio.start_painter()
    message = await studio.painted(context=context)
    (job,) = await studio.jobs()
    await studio.eventually(lambda: delivered(studio, job.id))
    studio.shift_clock(minutes * 60)
    copy = await shown_copy(studio, message)
    assert copy.message is not None
    await press(studio, copy.message, "Delete")
    await copy.wait(lambda i: i.message and i.message.deleted)
    assert message.deleted
    (job,) = await studio.jobs()
    assert job.result_key is None


async def test_delete_says_which_message_it_may_not_remove(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted()
    copy = await shown_copy(studio, message)
    studio.shift_clock(20 * 60)
    copy = await shown_copy(studio, message)
    studio.discord.faults.add("DELETE", "/channels/*", status=403, code=50001)
    assert copy.message is not None
    pressed = await press(studio, copy.message, "Delete")
    await pressed.wait(lambda i: i.followups)
    (told,) = pressed.followups
    assert told.ephemeral
    assert f"/{message.channel_id}/{message.id}" in told.text


async def test_a_timelapse_is_shown_or_recorded(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted({"seed": 9})
    recorded = await studio.finished(await press(studio, message, "Time-lapse"))
    new, old = await studio.jobs()
    assert new.options.timelapse
    assert new.options.seed == old.options.seed
    interaction = await press(studio, recorded, "Time-lapse")
    await interaction.wait(lambda i: i.message and i.message.attachments)
    assert interaction.message is not None
    film, plot = interaction.message.attachments
    assert film.filename == f"timelapse-{new.id}.gif"
    assert plot.filename == f"{new.id}-losses.png"


async def test_another_style_by_upload_and_by_list(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted()
    opened = await press(studio, message, "Other style")
    submitted = await studio.discord.submit_modal(
        opened, {}, {"style": [("new.png", photo((40, 40)))]}
    )
    await studio.finished(submitted)
    opened = await press(studio, message, "Other style")
    await studio.finished(await studio.discord.submit_modal(opened, {"preset": ["great-wave"]}))
    by_list, by_upload, first = await studio.jobs()
    assert by_list.inputs.styles[0].preset == "great-wave"
    assert by_upload.inputs.styles[0].picture != first.inputs.styles[0].picture
    assert by_list.inputs.content == by_upload.inputs.content == first.inputs.content


async def test_another_style_needs_one(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted()
    opened = await press(studio, message, "Other style")
    submitted = await studio.discord.submit_modal(opened, {})
    assert "No style was chosen" in await studio.answer(submitted)


async def test_a_form_from_before_a_restart_is_answered(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted()
    opened = await press(studio, message, "Other style")
    assert opened.modal is not None
    opened.modal["custom_id"] = "atelier:modal:another-process:1"
    submitted = await studio.discord.submit_modal(opened, {})
    assert "restarted" in await studio.answer(submitted)


async def test_a_form_that_is_sent_again_is_answered(studio: Studio) -> None:
    await studio.start_painter()
    opened = await press(studio, await studio.painted(), "Other style")
    await studio.finished(await studio.discord.submit_modal(opened, {"preset": ["great-wave"]}))
    again = await studio.discord.submit_modal(opened, {"preset": ["great-wave"]})
    assert "start again" in await studio.answer(again)
    assert len(await studio.jobs()) == 2


async def test_paint_this_on_a_message_with_a_picture(studio: Studio) -> None:
    await studio.start_painter()
    post = studio.discord.post(studio.user("grace"), "look", [("cat.png", photo())])
    opened = await studio.discord.message_command(studio.user(), "Paint this", post)
    submitted = await studio.discord.submit_modal(
        opened, {"name": "the great wave", "strength": ["strong"]}
    )
    await studio.finished(submitted)
    (job,) = await studio.jobs()
    assert job.inputs.styles[0].preset == "great-wave"
    assert job.options.strength == 0.7


async def test_paint_this_works_on_our_own_pictures(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted()
    opened = await studio.discord.message_command(studio.user(), "Paint this", message)
    submitted = await studio.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await studio.finished(submitted)


async def test_paint_this_says_when_there_is_no_picture(studio: Studio) -> None:
    post = studio.discord.post(studio.user(), "words", [("notes.txt", b"notes")])
    interaction = await studio.discord.message_command(studio.user(), "Paint this", post)
    assert "has no picture" in await studio.answer(interaction)


async def test_a_remix_of_what_is_no_longer_kept(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted({"preset": "great-wave"}, attachments=PHOTO)
    (job,) = await studio.jobs()
    await studio.bot.queue.retention.delete_result(job.id, job.user_id)
    interaction = await press(studio, message, "Again")
    assert "no longer kept" in await studio.answer(interaction)
