"""Buttons that show a picture: Details, Compare, Time-lapse, Save to DMs."""

import io

import pytest
from PIL import Image

from tests.bot.commands.picture_buttons.pressing import press
from tests.kit.world import World


@pytest.mark.parametrize("private", [False, True])
async def test_details_link_the_parent_picture_unless_private(world: World, private: bool) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"ephemeral": private})
    again = await world.wait_finished(await press(world, message, "Again"))
    text = await world.answer_text(await press(world, again, "Details"))
    assert "based on #1" in text
    assert (f"/{message.id}" in text) is not private


async def test_compare_shows_before_and_after_side_by_side(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    interaction = await press(world, message, "Compare")
    await interaction.wait(lambda i: i.message and i.message.attachments)
    assert interaction.message is not None
    assert interaction.message.ephemeral
    (compared,) = interaction.message.attachments
    assert compared.description == "Before and after: A painted photo"
    with Image.open(io.BytesIO(compared.data)) as sheet:
        assert sheet.width > 2 * sheet.height
    posted = await press(world, interaction.message, "Post here")
    await posted.wait(lambda i: i.message and i.message.attachments)
    assert posted.message is not None
    assert not posted.message.ephemeral


async def test_a_timelapse_is_shown_or_recorded(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"seed": 9})
    recorded = await world.wait_finished(await press(world, message, "Time-lapse"))
    new, old = await world.jobs()
    assert new.options.timelapse
    assert new.options.seed == old.options.seed
    interaction = await press(world, recorded, "Time-lapse")
    await interaction.wait(lambda i: i.message and i.message.attachments)
    assert interaction.message is not None
    (film,) = interaction.message.attachments
    assert film.filename == f"timelapse-{new.id}.gif"
    assert film.description == f"How #{new.id} was painted: A painted photo"
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
    assert plot.description == "The loss by iteration, as a curve"


@pytest.mark.usefixtures("immediate_retries")
@pytest.mark.parametrize("is_lost", [False, True])
async def test_save_sends_the_picture_by_dm(world: World, *, is_lost: bool) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    if is_lost:  # the response to the message
        world.discord.faults.add("POST", "/channels/*/messages", carried_out=True, drop=True)
    interaction = await press(world, message, "Save to DMs")
    assert "It is in your DMs" in await world.answer_text(interaction)
    (saved,) = world.discord.dms(world.user())
    assert saved.attachments[0].data == message.attachments[0].data
    assert f"/{message.channel_id}/{message.id}" in saved.text
    assert "strength 50%" in saved.text
    again = await world.wait_finished(await press(world, saved, "Again"))
    assert again.channel_id == saved.channel_id


async def test_saved_dm_does_not_link_an_ephemeral_message(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"ephemeral": True})
    await world.answer_text(await press(world, message, "Save to DMs"))
    (saved,) = world.discord.dms(world.user())
    assert "strength 50%" in saved.text
    assert "It was painted here" not in saved.text


async def test_save_reports_a_missing_shared_server(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait(context="private")
    world.discord.faults.add("POST", "/channels/*", status=403, code=50278)
    interaction = await press(world, message, "Save to DMs")
    assert "I cannot send you DMs" in await world.answer_text(interaction)


async def test_save_reports_closed_dms(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    world.user().accepts_dms = False
    interaction = await press(world, message, "Save to DMs")
    assert "I cannot send you DMs" in await world.answer_text(interaction)
