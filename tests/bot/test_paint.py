"""`/paint` from the command to the finished picture."""

import asyncio
import io
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from PIL import Image

from common.catalogue import load_catalogue
from common.options import PaintOptions
from tests.bot.studio import BOTH, PHOTO, Studio, has_result, photo


async def test_a_photo_and_a_style_become_a_picture(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted({"seed": 7})
    assert "seed 7" in message.text
    assert "lite on cpu" in message.text
    assert message.is_v2
    assert message.attachments[0].filename.startswith("atelier-")
    with Image.open(io.BytesIO(message.attachments[0].data)) as picture:
        assert max(picture.size) == 64
    assert len(studio.discord.messages()) == 1


async def test_a_preset_and_its_name_are_taken(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted({"preset": "starry-night"}, attachments=PHOTO)
    assert "The Starry Night" in message.text
    typed = await studio.painted({"preset": "stary nigt"}, attachments=PHOTO)
    assert "The Starry Night" in typed.text


async def test_what_suits_a_painting_is_taken_where_nothing_else_is_said(studio: Studio) -> None:
    suited = load_catalogue().get("great-wave")
    assert suited is not None
    await studio.start_painter()
    await studio.painted({"preset": "great-wave", "style_scale": 2.0}, attachments=PHOTO)
    (job,) = await studio.jobs()
    assert (job.options.strength, job.options.style_scale) == (suited.strength, 2.0)
    assert suited.strength != PaintOptions().strength


async def test_presets_are_offered_while_typing(studio: Studio) -> None:
    choices = await studio.discord.autocomplete(studio.user(), "paint", "preset", "star")
    assert choices[0]["value"] == "starry-night"
    assert len(await studio.discord.autocomplete(studio.user(), "paint", "preset", "")) <= 25


async def test_two_styles_are_blended(studio: Studio) -> None:
    await studio.start_painter()
    await studio.painted({"preset": "starry-night", "blend": 0.25})
    (job,) = await studio.jobs()
    assert [style.weight for style in job.inputs.styles] == [0.75, 0.25]
    assert job.inputs.styles[1].preset == "starry-night"


async def test_all_options_reach_the_job(studio: Studio) -> None:
    options = {
        "quality": "draft",
        "strength": 0.8,
        "style_scale": 0.5,
        "keep_colors": "luminance",
        "start": "noise",
        "seed": 3,
        "timelapse": True,
        "spoiler": True,
        "ephemeral": True,
    }
    files = {**BOTH, "mask": ("mask.png", photo())}
    interaction = await studio.paint(options, attachments=files)
    await studio.says(interaction, "Place 1")
    (job,) = await studio.jobs()
    assert job.options.quality == "draft"
    assert job.options.strength == 0.8
    assert job.options.style_scale == 0.5
    assert job.options.keep_colors == "luminance"
    assert job.options.start == "noise"
    assert job.options.seed == 3
    assert job.options.timelapse
    assert job.inputs.mask is not None
    assert job.reply.spoiler
    assert job.reply.ephemeral
    assert interaction.message is not None
    assert interaction.message.ephemeral


async def test_every_option_has_a_sentence_and_bounds(studio: Studio) -> None:
    (command,) = [c for c in studio.discord.commands if c["name"] == "paint"]
    assert len(command["options"]) <= 25
    for option in command["options"]:
        assert 5 < len(option["description"]) <= 100
        if option["type"] in {4, 10}:
            assert "min_value" in option
            assert "max_value" in option
    assert set(command["integration_types"]) == {0, 1}
    assert set(command["contexts"]) == {0, 1, 2}


async def test_waiting_is_told_while_no_engine_runs(studio: Studio) -> None:
    interaction = await studio.paint()
    message = await studio.says(interaction, "Place 1")
    assert "The painter is not running" in message.text
    await studio.start_painter()
    await studio.finished(interaction)


async def test_the_place_in_the_queue_is_kept_up_to_date(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    first = await studio.paint()
    await studio.says(first, "Painting")
    second = await studio.paint()
    await studio.says(second, "Place 1")
    third = await studio.paint()
    await studio.says(third, "Place 2")
    assert second.message is not None
    await studio.discord.press(studio.user(), second.message, label="Cancel")
    await studio.says(second, "Cancelled")
    await studio.says(third, "Place 1")


async def test_progress_shows_a_preview_and_a_bar(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    message = await studio.says(interaction, "▰")
    assert message.attachments[0].filename.startswith("preview-")
    assert [button["label"] for button in message.buttons] == ["Cancel"]
    painter.hold.set()
    await studio.finished(interaction)


async def test_fifty_at_once_are_all_acknowledged_and_painted(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.step_seconds = 0.0
    users = [studio.discord.add_user(f"member{number}") for number in range(50)]
    interactions = await asyncio.gather(
        *(studio.paint({"quality": "draft"}, user=user.name) for user in users)
    )
    assert all(interaction.acknowledged for interaction in interactions)
    for interaction in interactions:
        await interaction.wait(lambda i: i.message and has_result(i.message), 120)


async def test_a_command_that_is_delivered_twice_makes_one_job(studio: Studio) -> None:
    await studio.start_painter()
    studio.discord.duplicate_next_dispatch()
    await studio.painted()
    assert len(await studio.jobs()) == 1
    assert len(studio.discord.messages()) == 1


@pytest.mark.parametrize("context", ["bot_dm", "private", "guild_without_bot"])
async def test_works_wherever_the_bot_can_be_used(studio: Studio, context: str) -> None:
    await studio.start_painter()
    interaction = await studio.paint(context=context)
    await studio.finished(interaction)


async def test_a_limit_refuses_with_its_sentence(studio: Studio) -> None:
    interaction = await studio.paint({"size": 8192})
    words = await studio.answer(interaction)
    assert "8192" in words
    assert interaction.message is not None
    assert interaction.message.ephemeral
    assert not await studio.jobs()
    await studio.no_intakes()


async def test_everything_is_said_in_the_language_of_the_user(studio: Studio) -> None:
    studio.user().locale = "de"
    interaction = await studio.paint()
    await studio.says(interaction, "Platz 1")
    problem = await studio.paint(attachments=PHOTO)
    assert "fehlt" in await studio.answer(problem)
    await studio.start_painter()
    await studio.says(interaction, "Gemalt für Ada")


async def test_an_intake_that_was_never_acknowledged_is_dropped(studio: Studio) -> None:
    studio.discord.faults.add("POST", "/interactions/*", status=404, code=10062)
    await studio.paint()
    await studio.no_intakes()
    assert not await studio.jobs()


async def test_a_command_is_written_down_before_discord_is_told(studio: Studio) -> None:
    unwritten: list[int] = []
    path = studio.settings.atelier_data_dir / "atelier.sqlite3"
    answered: set[int] = set()

    def look(kind: str, payload: dict[str, Any]) -> None:
        """At the very moment of each acknowledgement, in another connection."""
        if kind != "interaction" or payload["interaction"].id in answered:
            return
        interaction = payload["interaction"]
        if interaction.response_type is None:
            return
        answered.add(interaction.id)
        with closing(sqlite3.connect(path)) as database:
            found = database.execute(
                "SELECT 1 FROM intakes WHERE interaction_id = ?", [interaction.id]
            ).fetchone()
        if not found:
            unwritten.append(interaction.id)

    studio.discord.world.listeners.append(look)
    users = [studio.discord.add_user(f"member{number}") for number in range(20)]
    interactions = await asyncio.gather(*(studio.paint(user=user.name) for user in users))
    assert {interaction.id for interaction in interactions} <= answered
    assert not unwritten
