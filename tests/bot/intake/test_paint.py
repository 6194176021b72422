"""`/paint` from the command to the finished picture."""

import asyncio
import io
import re
import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

import pytest
from PIL import Image

from common.catalogue import load_catalogue
from common.options import PaintOptions
from tests.kit.pictures import gradient_picture
from tests.kit.statements import statements
from tests.kit.world import PHOTO, PHOTO_AND_STYLE, World, has_result


async def test_a_photo_and_a_style_become_a_picture(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"seed": 7})
    assert "strength 50%" in message.text
    assert "seed" not in message.text
    assert message.is_v2
    assert message.attachments[0].filename.startswith("atelier-")
    with Image.open(io.BytesIO(message.attachments[0].data)) as picture:
        assert max(picture.size) == 64
    assert len(world.discord.messages()) == 1


async def test_paint_reads_defaults_once_and_limits_only_to_check_them(world: World) -> None:
    with statements(world.queue) as executed:
        interaction = await world.paint()
        await world.wait_for_text(interaction, "Place 1")
    read = Counter(table for each in executed for table in re.findall(r"(?:FROM|JOIN) (\w+)", each))
    assert read["defaults"] == 1
    assert read["guild_limits"] == read["blocked_users"] == 2  # before and in the transaction


async def test_preset_is_accepted_by_id_and_by_misspelled_name(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"preset": "starry-night"}, attachments=PHOTO)
    assert "The Starry Night" in message.text
    typed = await world.paint_and_wait({"preset": "stary nigt"}, attachments=PHOTO)
    assert "The Starry Night" in typed.text


async def test_preset_settings_apply_unless_overridden(world: World) -> None:
    painting = load_catalogue().get("great-wave")
    assert painting is not None
    await world.start_engine()
    await world.paint_and_wait({"preset": "great-wave", "style_scale": 2.0}, attachments=PHOTO)
    (job,) = await world.jobs()
    assert (job.options.strength, job.options.style_scale) == (painting.settings.strength, 2.0)
    assert painting.settings.strength != PaintOptions().strength


async def test_presets_are_offered_while_typing(world: World) -> None:
    choices = await world.discord.autocomplete(world.user(), "paint", "preset", "star")
    assert choices[0]["value"] == "starry-night"
    assert len(await world.discord.autocomplete(world.user(), "paint", "preset", "")) <= 25


async def test_two_styles_are_blended(world: World) -> None:
    await world.start_engine()
    await world.paint_and_wait({"preset": "starry-night", "blend": 0.25})
    (job,) = await world.jobs()
    assert [style.weight for style in job.inputs.styles] == [0.75, 0.25]
    assert job.inputs.styles[1].preset == "starry-night"


async def test_all_options_reach_the_job(world: World) -> None:
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
    files = {**PHOTO_AND_STYLE, "mask": ("mask.png", gradient_picture())}
    interaction = await world.paint(options, attachments=files)
    await world.wait_for_text(interaction, "Place 1")
    (job,) = await world.jobs()
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


async def test_every_option_has_a_description_and_bounds(world: World) -> None:
    (command,) = [c for c in world.discord.commands if c["name"] == "paint"]
    assert len(command["options"]) <= 25
    for option in command["options"]:
        assert 5 < len(option["description"]) <= 100
        if option["type"] in {4, 10}:
            assert "min_value" in option
            assert "max_value" in option
    assert set(command["integration_types"]) == {0, 1}
    assert set(command["contexts"]) == {0, 1, 2}


async def test_waiting_card_says_that_no_engine_is_running(world: World) -> None:
    interaction = await world.paint()
    message = await world.wait_for_text(interaction, "Place 1")
    assert "The painter is not running" in message.text
    await world.start_engine()
    await world.wait_finished(interaction)


async def test_the_place_in_the_queue_is_kept_up_to_date(world: World) -> None:
    await world.paint_halfway()
    second = await world.paint()
    await world.wait_for_text(second, "Place 1")
    third = await world.paint()
    await world.wait_for_text(third, "Place 2")
    assert second.message is not None
    await world.discord.press(world.user(), second.message, label="Cancel")
    await world.wait_for_text(second, "Cancelled")
    await world.wait_for_text(third, "Place 1")


async def test_progress_shows_a_preview_and_a_bar(world: World) -> None:
    painter, interaction = await world.paint_halfway()
    message = await world.wait_for_text(interaction, "▰")
    assert message.attachments[0].filename.startswith("preview-")
    assert [button["label"] for button in message.buttons] == ["Cancel"]
    painter.may_finish.set()
    await world.wait_finished(interaction)


async def test_more_commands_than_slots_are_all_acknowledged_and_painted(
    world: World,
) -> None:
    painter = await world.start_engine()
    painter.step_seconds = 0.0
    users = [world.discord.add_user(f"member{number}") for number in range(20)]
    interactions = await asyncio.gather(
        *(world.paint({"quality": "draft"}, user=user.name) for user in users)
    )
    assert all(interaction.acknowledged for interaction in interactions)
    for interaction in interactions:
        await interaction.wait(lambda i: i.message and has_result(i.message), 120)


async def test_a_command_that_is_delivered_twice_makes_one_job(world: World) -> None:
    await world.start_engine()
    world.discord.duplicate_next_dispatch()
    await world.paint_and_wait()
    assert len(await world.jobs()) == 1
    assert len(world.discord.messages()) == 1


@pytest.mark.parametrize("context", ["bot_dm", "private", "guild_without_bot"])
async def test_paint_works_in_every_installation_context(world: World, context: str) -> None:
    await world.start_engine()
    interaction = await world.paint(context=context)
    await world.wait_finished(interaction)


async def test_exceeded_limit_is_refused_ephemerally(world: World) -> None:
    interaction = await world.paint({"size": 8192})
    words = await world.answer_text(interaction)
    assert "8192" in words
    assert interaction.message is not None
    assert interaction.message.ephemeral
    assert not await world.jobs()
    await world.wait_no_intakes()


async def test_card_and_refusal_use_the_language_of_the_user(world: World) -> None:
    world.user().locale = "de"
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Platz 1")
    problem = await world.paint({"blend": 0.3})
    assert "braucht zwei Stile" in await world.answer_text(problem)
    await world.start_engine()
    await world.wait_for_text(interaction, "Gemalt für Ada")


async def test_an_intake_that_was_never_acknowledged_is_dropped(world: World) -> None:
    world.discord.faults.add("POST", "/interactions/*", status=404, code=10062)
    await world.paint()
    await world.wait_no_intakes()
    assert not await world.jobs()


async def test_command_is_stored_before_acknowledgement(world: World) -> None:
    not_stored: list[int] = []
    path = world.settings.atelier_data_dir / "atelier.sqlite3"
    acknowledged: set[int] = set()

    def check_database(kind: str, payload: dict[str, Any]) -> None:
        """Look for the intake at the moment of each acknowledgement, in another connection."""
        if kind != "interaction" or payload["interaction"].id in acknowledged:
            return
        interaction = payload["interaction"]
        if interaction.response_type is None:
            return
        acknowledged.add(interaction.id)
        with closing(sqlite3.connect(path)) as database:
            found = database.execute(
                "SELECT 1 FROM intakes WHERE interaction_id = ?", [interaction.id]
            ).fetchone()
        if not found:
            not_stored.append(interaction.id)

    world.discord.world.listeners.append(check_database)
    users = [world.discord.add_user(f"member{number}") for number in range(6)]
    interactions = await asyncio.gather(*(world.paint(user=user.name) for user in users))
    assert {interaction.id for interaction in interactions} <= acknowledged
    assert not not_stored
