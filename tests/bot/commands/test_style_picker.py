"""The style question for a photo without a style, with a swatch for each style."""

import asyncio
from typing import Any

import pytest

from bot.intake import service
from bot.ui.words import is_local
from common.catalogue import load_catalogue
from sandbox.model import Interaction, Message, walk_components
from tests.bot.commands.picture_buttons.pressing import press
from tests.bot.commands.test_titles import make_scans_unreachable
from tests.kit.pictures import gradient_picture
from tests.kit.world import PHOTO, World, has_result

FILE_UPLOAD = 19


async def ask_for_style(
    world: World, options: dict[str, Any] | None = None, **details: Any
) -> Message:
    """Send a photo without a style; return the style question."""
    interaction = await world.paint(options, attachments=PHOTO, **details)
    return await world.wait_for_text(interaction, "Which style")


@pytest.mark.parametrize("context", ["guild", "bot_dm", "private"])
async def test_one_click_paints_a_photo_sent_without_a_style(world: World, context: str) -> None:
    await world.start_engine()
    message = await ask_for_style(world, {"size": 96, "keep_colors": "match"}, context=context)
    assert message.ephemeral
    swatches = [item for item in message.attachments if item.data]
    assert len(swatches) == 5  # as many as are shipped
    done = await world.wait_finished(await press(world, message, "The Starry Night"))
    assert "The Starry Night" in done.text
    assert not done.ephemeral
    (job,) = await world.jobs()
    assert (job.options.size_px, job.options.keep_colors) == (96, "match")


async def test_six_styles_are_offered_and_those_to_download_are_marked(world: World) -> None:
    message = await ask_for_style(world)
    offered = [button for button in message.buttons if ":in:" in button["custom_id"]][:6]
    to_download = [each for each in offered if (each.get("emoji") or {}).get("name") == "⬇️"]
    local_paintings = [each for each in load_catalogue() if is_local(each, world.settings)]
    assert len(to_download) == 6 - len(local_paintings)
    assert "Styles marked ⬇ are downloaded first." in message.text
    (marked,) = to_download
    await world.wait_for_text(await press(world, message, marked["label"]), "Place 1")
    (job,) = await world.jobs()
    assert job.inputs.styles[0].preset == marked["custom_id"].rpartition(":")[2]


async def test_styles_that_cannot_be_downloaded_are_not_offered(world: World) -> None:
    await make_scans_unreachable(world)
    message = await ask_for_style(world)
    local_paintings = [each.name for each in load_catalogue() if is_local(each, world.settings)]
    labels = [button["label"] for button in message.buttons]
    assert sorted(labels[:-3]) == sorted(local_paintings)
    assert "downloaded first" not in message.text


async def test_style_question_works_after_minute_16(world: World) -> None:
    await world.start_engine()
    message = await ask_for_style(world)
    world.shift_clock(16 * 60)
    await world.stop_bot()
    await world.start_bot()
    await world.wait_finished(await press(world, message, "The Scream"))


async def test_style_question_works_after_a_restart(world: World) -> None:
    await world.start_engine()
    message = await ask_for_style(world, {"seed": 7, "ephemeral": True})
    await world.stop_bot()
    await world.start_bot()
    first = await world.wait_finished(await press(world, message, "The Scream"))
    second = await world.wait_finished(await press(world, message, "Surprise me"))
    assert first is not second
    assert first.ephemeral
    newer, older = await world.jobs()
    assert older.options.seed == newer.options.seed == 7
    assert older.inputs.content == newer.inputs.content


async def test_interrupted_style_question_is_asked_after_a_restart(world: World) -> None:
    world.discord.faults.add("PATCH", "/webhooks/*", status=503)
    interaction = await world.paint(attachments=PHOTO)
    await world.eventually(lambda: is_kept(world))
    await world.stop_bot()
    world.discord.faults.clear()
    await world.start_bot()
    await world.wait_for_text(interaction, "Which style")


async def test_style_question_that_comes_too_late_is_explained_by_dm(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "STOP_SECONDS", 0.1)
    pictures = world.bot.service(service.IntakeService).pictures
    pictures.store_pictures = never_return  # type: ignore[method-assign,assignment]
    interaction = await world.paint(attachments=PHOTO)
    await interaction.wait(lambda i: i.acknowledged)
    await world.stop_bot()
    world.shift_clock(16 * 60)
    await world.start_bot()
    await world.eventually(lambda: world.discord.dms(world.user()))
    assert "I can no longer ask you how" in world.discord.dms(world.user())[-1].text
    await world.wait_no_intakes()
    assert len(world.discord.dms(world.user())) == 1
    world.discord.violations.clear()  # the expired token was tried too


async def never_return(*_arguments: object) -> None:
    await asyncio.Event().wait()


async def is_kept(world: World) -> bool:
    """Whether the photo of the open intake is stored."""
    intakes = await world.queue.intakes.pending()
    return bool(intakes) and intakes[0].payload["content"]["key"] is not None


async def test_style_question_offers_saved_styles_and_all_styles(world: World) -> None:
    await world.start_engine()
    await world.slash(
        world.user(),
        "style save",
        {"name": "Grandma's quilt"},
        attachments={"picture": ("quilt.png", gradient_picture((40, 40)))},
    )
    message = await ask_for_style(world)
    menu = await world.discord.select(world.user(), message, ["Grandma's quilt"])
    await world.wait_finished(menu)
    opened = await press(world, message, "All styles")
    pages = await world.wait_for_text(opened, "Styles to paint in")
    await world.wait_finished(await press(world, pages, "Paint with this"))
    by_page, by_menu = await world.jobs()
    assert by_menu.inputs.styles[0].picture is not None
    assert by_page.inputs.content == by_menu.inputs.content


async def test_limits_apply_to_a_photo_without_a_style_and_to_each_click(world: World) -> None:
    await world.queue.limits.set(world.guild_id, {"max_size_px": 64}, 1)
    refused = await world.paint({"size": 128}, attachments=PHOTO)
    assert "64 px" in await world.answer_text(refused)
    message = await ask_for_style(world)
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 1}, 1)
    await world.wait_for_text(await world.paint(), "Place 1")
    refused = await press(world, message, "The Scream")
    assert "waiting or being painted" in await world.answer_text(refused)
    assert "Which style" in message.text


async def test_erased_photo_is_not_painted(world: World) -> None:
    message = await ask_for_style(world)
    await world.queue.privacy.erase_user(world.user().id)
    refused = await press(world, message, "The Scream")
    assert "no longer have what you attached" in await world.answer_text(refused)


async def test_broken_photo_is_refused_before_asking_for_a_style(world: World) -> None:
    interaction = await world.paint(attachments={"content": ("photo.png", b"no picture")})
    assert "The photo" in await world.answer_text(interaction)
    await world.wait_no_intakes()


async def test_forms_without_a_style_lead_to_the_style_question(world: World) -> None:
    await world.start_engine()
    post = world.discord.post(world.user("grace"), "look", [("cat.png", gradient_picture())])
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(opened, {"strength": ["strong"]})
    question = await world.wait_for_text(submitted, "Which style")
    done = await world.wait_finished(await press(world, question, "Water Lilies"))
    (job,) = await world.jobs()
    assert job.options.strength == 0.7
    opened = await press(world, done, "Other style")
    question = await world.wait_for_text(
        await world.discord.submit_modal(opened, {}), "Which style"
    )
    done = await world.wait_finished(await press(world, question, "The Scream"))
    assert has_result(done)
    newer, older = await world.jobs()
    assert newer.inputs.content == older.inputs.content
    assert newer.parent_job_id == older.id


async def test_trial_uses_the_first_of_several_photos_and_one_style_paints_all(
    world: World,
) -> None:
    await world.start_engine()
    files = [(f"{width}.png", gradient_picture((width, 64))) for width in (96, 104, 112)]
    post = world.discord.post(world.user("grace"), "look", files)
    which = await world.discord.message_command(world.user(), "Paint this", post)
    asks = await world.wait_for_text(which, "Which of these pictures")
    form = await press(world, asks, "All 3 in one message")
    submitted = await world.discord.submit_modal(form, {})
    question = await world.wait_for_text(
        submitted, "I have 3 pictures. Which style should I paint them in?"
    )
    tried = await world.wait_finished(await press(world, question, "Try 5 styles"))
    assert len(tried.attachments) == 5
    assert "Tried on the first of 3 pictures" in tried.text
    (trial,) = await world.jobs()
    assert trial.inputs.more_contents == ()
    painted = await world.wait_finished(await press(world, question, "The Scream"))
    assert len(painted.attachments) == 3
    assert "Tried on" not in painted.text


async def test_trial_form_accepts_one_photo(world: World) -> None:
    styles = await world.slash(world.user(), "styles")
    trial = await world.press(world.user(), styles, "Try these on my photo")
    one_style = await world.press(world.user(), styles, "Paint with this")
    assert [max_files(each) for each in (trial, one_style)] == [1, 10]
    titles = [each.modal["title"] for each in (trial, one_style) if each.modal]
    assert titles == ["Try these on my photo", "Paint with this"]


def max_files(opened: Interaction) -> int:
    """The number of photos that a form accepts."""
    assert opened.modal is not None
    fields = walk_components(opened.modal["components"])
    return int(next(each for each in fields if each["type"] == FILE_UPLOAD)["max_values"])


async def test_paint_with_this_asks_for_a_photo(world: World) -> None:
    await world.start_engine()
    styles = await world.slash(world.user(), "styles", {"search": "scream"})
    opened = await press(world, styles, "Paint with this")
    await world.wait_for_text(
        await world.discord.submit_modal(opened, {}), "I no longer have what you attached"
    )
    submitted = await world.discord.submit_modal(
        opened, {"strength": ["light"]}, {"content": [("me.png", gradient_picture())]}
    )
    await world.wait_finished(submitted)
    (job,) = await world.jobs()
    assert job.inputs.styles[0].preset == "the-scream"
    assert job.options.strength == 0.3
