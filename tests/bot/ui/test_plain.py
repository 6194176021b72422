"""Names from outside, in messages."""

import discord
import pytest

from bot.ui.words import plain, plain_line
from tests.kit.pictures import gradient_picture
from tests.kit.world import PHOTO, World, answer

MEDIA_GALLERY = 12
HEBREW = "ציור 7"

HARMFUL = (
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
SEEN = ("://", "<#", "<@", "<t", "</", "<:", "<h", "@everyone", "\n", "\r", "\u2028")


@pytest.mark.parametrize("name", HARMFUL)
def test_nothing_in_a_name_does_anything(name: str) -> None:
    said = plain(name)
    assert not [each for each in SEEN if each in said]
    assert "**" not in said.replace("\\*", "")


@pytest.mark.parametrize("name", ["Ada", "Ada Lovelace", "a < b", "ада 🎨", "a\u00a0b", "1:2"])
def test_a_harmless_name_looks_as_it_is(name: str) -> None:
    assert plain(name).replace("\u200b", "") == name


@pytest.mark.parametrize("name", ["דוד 7 (שמן)", "دافيد", "abc דוד", HEBREW])
def test_a_name_from_right_to_left_turns_nothing_beside_it_around(name: str) -> None:
    assert plain(name) == f"\u2068{discord.utils.escape_markdown(name)}\u2069"
    assert plain(f"\u202e{name}\u2067\u202d") == plain(name)


def test_what_overrides_the_direction_of_a_line_is_left_out() -> None:
    assert plain("\u202egnp.exe\u2066") == "gnp.exe"
    assert plain_line(f"\u2068{HEBREW}\u2069 · \u202e64 px") == f"\u2068{HEBREW}\u2069 · 64 px"


async def test_a_style_named_from_right_to_left_leaves_the_size_in_its_place(world: World) -> None:
    picture = {"picture": ("mine.png", gradient_picture((40, 40)))}
    await world.slash(world.user(), "style save", {"name": HEBREW}, attachments=picture)
    await world.start_engine()
    message = await world.painted({"preset": HEBREW}, attachments=PHOTO)
    assert f"\u2068{HEBREW}\u2069 · 64 ×" in message.text
    assert f"\u2068{HEBREW}\u2069 · 64 px" in (await world.slash(world.user(), "history")).text


async def test_what_is_read_of_a_picture_and_stands_in_a_form_has_no_backslashes(
    world: World,
) -> None:
    ada, name = world.user(), "dark_knight *7*"
    picture = {"picture": ("mine.png", gradient_picture((40, 40)))}
    await world.slash(ada, "style save", {"name": name}, attachments=picture)
    await world.start_engine()
    message = await world.painted({"preset": name}, attachments=PHOTO)
    (gallery,) = [each for each in message.walk() if each["type"] == MEDIA_GALLERY]
    words = f"A photo in the style of “{name}”"
    assert gallery["items"][0]["description"] == words
    assert "dark\\_knight \\*7\\*, for Ada" in message.text
    details = await world.discord.press(ada, message, label="Details")
    page = await answer(details)
    form = await world.discord.press(ada, page, label="Describe…")
    assert form.modal is not None
    assert form.modal["components"][0]["component"]["value"] == words


async def test_a_name_on_a_card_is_no_link(world: World) -> None:
    world.user().display_name = "https://evil.example <t:0:R>"
    await world.start_engine()
    message = await world.painted()
    assert "evil.example" in message.text
    assert "://" not in message.text
    assert "<t" not in message.text
