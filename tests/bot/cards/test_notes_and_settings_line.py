"""The lines below a picture: settings, notes, member."""

from pathlib import Path

import pytest

from bot.texts import texts_for
from common.catalogue import load_catalogue
from common.sentences import Sentence, sentence
from engine.styles.presets import preset_style
from engine.worker.job_handle import CHECKPOINT_GONE, OTHER_VERSION, OTHER_WEIGHTS
from jobs.model import Progress
from tests.kit.fake_engine import ENGINE_INFO
from tests.kit.pictures import animated_gif, gradient_picture
from tests.kit.world import PHOTO, World


@pytest.mark.parametrize(
    ("keep_colors", "suffix"), [("no", ""), ("match", " · colors kept (matched)")]
)
async def test_settings_line_omits_default_values(
    world: World, keep_colors: str, suffix: str
) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"keep_colors": keep_colors})
    (job,) = await world.jobs()
    settings = f"own picture · 64 × 43 px · standard · strength 50%{suffix} · #{job.id}"
    assert message.text.splitlines()[-1] == f"-# {settings}"


async def test_notes_of_the_pictures_and_of_the_painting_are_shown(world: World) -> None:
    painter = await world.start_engine()
    painter.notes = (
        sentence("Memory ran out, so it was painted in tiles of {size} px.", size=128),
    )
    pictures = {
        "content": ("photo.gif", animated_gif("teal", "olive")),
        "style": ("style.png", gradient_picture((64, 64))),
    }
    message = await world.paint_and_wait({"moving": False}, attachments=pictures)
    lines = message.text.splitlines()
    assert "-# The photo: The file is animated; I used its first frame." in lines
    assert "-# Memory ran out, so it was painted in tiles of 128 px." in lines


async def test_notes_come_in_the_members_language(world: World) -> None:
    painter = await world.start_engine()
    painter.notes = (
        sentence("Memory ran out, so it was painted in tiles of {size} px.", size=128),
    )
    world.user().locale = "de"
    pictures = {
        "content": ("photo.png", gradient_picture()),
        "style": ("style.gif", animated_gif("teal", "olive")),
    }
    interaction = await world.paint(attachments=pictures)
    message = await world.wait_for_text(interaction, "Kacheln")
    animation = "Die Datei ist eine Animation; ich habe ihr erstes Bild verwendet."
    assert f"-# Das Stilbild: {animation}" in message.text
    assert "-# Der Speicher reichte nicht, also wurde in Kacheln von 128 px gemalt." in message.text


@pytest.mark.parametrize("language", ["en", "es-ES"])
async def test_notes_name_a_painting_by_its_title_in_the_members_language(
    world: World, language: str, tmp_path: Path
) -> None:
    painting = next(each for each in load_catalogue() if each.fingerprint_of and each.fingerprints)
    painter = await world.start_engine()
    problem = sentence("The scan of {painting} is damaged.", painting=painting.titled)
    (measured,) = preset_style(painting.id, tmp_path, "vgg19").notes
    painter.notes = (problem, measured)
    world.user().locale = language
    interaction = await world.paint({"preset": painting.id}, PHOTO)
    t = texts_for(language)
    message = await world.wait_for_text(interaction, t.say(problem))
    named = [line for line in message.text.splitlines() if painting.title(language) in line]
    assert len(named) == 3  # the headline, the settings, and the note
    assert language == "en" or painting.name not in message.text
    # The origin of its statistics is shown only in the details.
    pressed = await world.discord.press(world.user(), message, label=t("Details"))
    assert t.say(measured) in await world.answer_text(pressed)


@pytest.mark.parametrize("why", [OTHER_VERSION, CHECKPOINT_GONE, OTHER_WEIGHTS])
@pytest.mark.parametrize("language", ["en", "es-ES"])
async def test_card_says_that_its_picture_was_restarted(
    world: World, language: str, why: Sentence
) -> None:
    world.user().locale = language
    interaction = await world.paint()
    await world.wait_for_text(interaction, "#1")
    claim = await world.queue.claims.claim(ENGINE_INFO.id)
    assert claim is not None
    await world.queue.claims.report_progress(claim, Progress(1, 4, 0.25, anew=why))
    text = texts_for(language).say(why)
    assert language == "en" or text != str(why)
    await world.wait_for_text(interaction, f"-# {text}")


async def test_card_names_the_member_by_display_name(world: World) -> None:
    await world.start_engine()
    world.user().display_name = "Ada Lovelace"
    message = await world.paint_and_wait()
    assert "Painted for Ada Lovelace" in message.text
