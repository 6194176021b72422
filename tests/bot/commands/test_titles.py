"""Titles of paintings in each language, and paintings that must be downloaded first."""

import sqlalchemy as sa

from bot.texts import SOURCE_LANGUAGE, languages
from bot.ui.words import is_local
from common.catalogue import load_catalogue
from jobs.db import schema
from jobs.model import Failure, FailureKind
from tests.kit.world import PHOTO, World, form_field


async def make_scans_unreachable(world: World) -> None:
    """Let an engine report that a scan cannot be downloaded."""
    job = await world.make_job(world.user("grace"))
    claim = await world.manual_engine._claim(job)
    failure = Failure(FailureKind.STYLE_MISSING, "It could not be fetched.", "abcd")
    await world.queue.claims.fail(claim, failure)
    await world.eventually(lambda: world.bot.scans_unreachable)


def test_every_painting_has_a_title_in_every_language() -> None:
    codes = set(languages()) - {SOURCE_LANGUAGE}
    for painting in load_catalogue():
        assert set(painting.titles) == codes, painting.id


def test_the_search_finds_the_titles_of_all_languages() -> None:
    for painting in load_catalogue():
        for title in painting.titles.values():
            assert painting in load_catalogue().search(title, limit=3), title


async def test_lists_and_cards_show_the_title_in_the_language_of_the_reader(world: World) -> None:
    for locale, title in (("de", "Sternennacht"), ("fr", "La Nuit étoilée"), ("es-ES", "La noche")):
        ada = world.user("ada", locale=locale)
        offered = await world.discord.autocomplete(ada, "paint", "preset", title)
        assert offered[0]["value"] == "starry-night"
        assert offered[0]["name"].startswith(title)
        interaction = await world.paint({"preset": "starry-night"}, PHOTO)
        await world.wait_for_text(interaction, title)
        shown = await world.slash(ada, "styles", {"search": title})
        assert title in shown.text
        queue_page = await world.slash(ada, "queue")
        assert title in queue_page.text


async def test_paintings_to_download_are_marked_in_every_list(world: World) -> None:
    to_download = {each.id for each in load_catalogue() if not is_local(each, world.settings)}
    assert to_download
    offered = await world.discord.autocomplete(world.user(), "paint", "preset", "")
    marked = {each["value"] for each in offered if "⬇" in each["name"]}
    assert marked == to_download & {each["value"] for each in offered}
    opened = await world.discord.user_command(world.user(), "Paint the avatar", world.user("grace"))
    menu = form_field(opened, "preset")
    marked = {each["value"] for each in menu["options"] if "⬇" in (each["description"] or "")}
    assert marked == to_download & {each["value"] for each in menu["options"]}
    shown = await world.slash(world.user(), "styles", {"search": "irises"})
    assert "⬇" in shown.text


async def test_painting_is_not_offered_while_downloads_fail(world: World) -> None:
    await make_scans_unreachable(world)
    local_paintings = {each.id for each in load_catalogue() if is_local(each, world.settings)}
    offered = await world.discord.autocomplete(world.user(), "paint", "preset", "")
    assert {each["value"] for each in offered} == local_paintings
    assert not await world.discord.autocomplete(world.user(), "paint", "preset", "irises")
    shown = await world.slash(world.user(), "styles")
    assert f"{len(local_paintings)} in all." in shown.text
    assert "more cannot be downloaded at the moment" in shown.text
    searched = await world.slash(world.user(), "styles", {"search": "irises"})
    assert "“Irises” cannot be downloaded at the moment" in searched.text
    typed = await world.paint({"preset": "irises"}, PHOTO)
    assert "“Irises” cannot be downloaded" in await world.answer_text(typed)
    async with world.queue.database.write() as transaction:
        facts = schema.installation
        an_hour_ago = f"{transaction.now - 3600} 600.0"
        await transaction.connection.execute(
            sa.update(facts).where(facts.c.name == "scans_unreachable").values(value=an_hour_ago)
        )
    await world.eventually(lambda: not world.bot.scans_unreachable)
    await world.wait_for_text(await world.paint({"preset": "irises"}, PHOTO), "Place")


async def test_picture_whose_painting_cannot_be_downloaded_is_painted_in_another(
    world: World,
) -> None:
    interaction = await world.paint({"preset": "irises"}, PHOTO)
    await world.wait_for_text(interaction, "Place 1")
    (job,) = await world.jobs()
    claim = await world.manual_engine._claim(job)
    failure = Failure(FailureKind.STYLE_MISSING, "It could not be fetched.", "abcd")
    await world.queue.claims.fail(claim, failure)
    message = await world.wait_for_text(interaction, "It could not be fetched.")
    opened = await world.discord.press(world.user(), message, label="Other style")
    other = await world.discord.submit_modal(opened, {"preset": ["starry-night"]})
    await world.wait_for_text(other, "Starry Night")
    assert (await world.jobs())[0].inputs.content == job.inputs.content
