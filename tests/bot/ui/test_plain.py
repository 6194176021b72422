"""Escaping names from users in messages."""

import discord
import pytest

from bot.ui.words import plain, plain_line
from tests.kit.pictures import gradient_picture
from tests.kit.world import PHOTO, World, wait_for_answer

MEDIA_GALLERY = 12
HEBREW = "ציור 7"

HARMFUL_NAMES = (
    "https://evil.example/x",
    "https://evil.example/a_b_c",
    "[free nitro](https://evil.example)",
    "<https://evil.example>",
    "<#1234567890>",
    "<@1234567890>",
    "<@&1234567890>",
    "<t:0:R>",
    "</paint:1234567890>",
    "<:smile:1234567890>",
    "@everyone",
    "**bold**",
    "a\n# heading",
    "a\r-# small\u2028> quote",
)
ACTIVE_MARKUP = ("://", "<#", "<@", "<t", "</", "<:", "<h", "@everyone", "\n", "\r", "\u2028")


@pytest.mark.parametrize("name", HARMFUL_NAMES)
def test_links_mentions_and_markdown_in_a_name_are_defused(name: str) -> None:
    text = plain(name)
    assert not [each for each in ACTIVE_MARKUP if each in text]
    assert "**" not in text.replace("\\*", "")


@pytest.mark.parametrize("name", ["Ada", "Ada Lovelace", "a < b", "ада 🎨", "a\u00a0b", "1:2"])
def test_harmless_name_stays_visibly_unchanged(name: str) -> None:
    assert plain(name).replace("\u200b", "") == name


@pytest.mark.parametrize("name", ["דוד 7 (שמן)", "دافيد", "abc דוד", HEBREW])
def test_right_to_left_name_is_isolated_from_surrounding_text(name: str) -> None:
    assert plain(name) == f"\u2068{discord.utils.escape_markdown(name)}\u2069"
    assert plain(f"\u202e{name}\u2067\u202d") == plain(name)


def test_direction_override_characters_are_removed() -> None:
    assert plain("\u202egnp.exe\u2066") == "gnp.exe"
    assert plain_line(f"\u2068{HEBREW}\u2069 · \u202e64 px") == f"\u2068{HEBREW}\u2069 · 64 px"


async def test_right_to_left_style_name_does_not_displace_the_size(world: World) -> None:
    picture = {"picture": ("mine.png", gradient_picture((40, 40)))}
    await world.slash(world.user(), "style save", {"name": HEBREW}, attachments=picture)
    await world.start_engine()
    message = await world.paint_and_wait({"preset": HEBREW}, attachments=PHOTO)
    assert f"\u2068{HEBREW}\u2069 · 64 ×" in message.text
    assert f"\u2068{HEBREW}\u2069 · 64 px" in (await world.slash(world.user(), "history")).text


async def test_alt_text_and_describe_form_contain_no_markdown_escapes(
    world: World,
) -> None:
    ada, name = world.user(), "dark_knight *7*"
    picture = {"picture": ("mine.png", gradient_picture((40, 40)))}
    await world.slash(ada, "style save", {"name": name}, attachments=picture)
    await world.start_engine()
    message = await world.paint_and_wait({"preset": name}, attachments=PHOTO)
    (gallery,) = [each for each in message.walk() if each["type"] == MEDIA_GALLERY]
    words = f"A photo in the style of “{name}”"
    assert gallery["items"][0]["description"] == words
    assert "dark\\_knight \\*7\\*, for Ada" in message.text
    details = await world.discord.press(ada, message, label="Details")
    page = await wait_for_answer(details)
    form = await world.discord.press(ada, page, label="Describe…")
    assert form.modal is not None
    assert form.modal["components"][0]["component"]["value"] == words


async def test_url_in_a_display_name_is_not_a_link_on_the_card(world: World) -> None:
    world.user().display_name = "https://evil.example <t:0:R>"
    await world.start_engine()
    message = await world.paint_and_wait()
    assert "evil.example" in message.text
    assert "://" not in message.text
    assert "<t" not in message.text
