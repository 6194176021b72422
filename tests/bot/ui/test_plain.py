"""Names from outside, in messages."""

import pytest

from bot.ui.words import plain
from tests.kit.world import World

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


async def test_a_name_on_a_card_is_no_link(world: World) -> None:
    world.user().display_name = "https://evil.example <t:0:R>"
    await world.start_engine()
    message = await world.painted()
    assert "evil.example" in message.text
    assert "://" not in message.text
    assert "<t" not in message.text
