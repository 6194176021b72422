"""*Paint this* on a message."""

from types import SimpleNamespace
from typing import Any

import discord
from discord.components import _component_factory

from bot.commands.paint_this import pictures_of
from tests.kit.pictures import gradient_picture
from tests.kit.world import World


async def test_paint_this_on_a_message_with_a_picture(world: World) -> None:
    await world.start_engine()
    post = world.discord.post(world.user("grace"), "look", [("cat.png", gradient_picture())])
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(
        opened, {"name": "the great wave", "strength": ["strong"]}
    )
    await world.finished(submitted)
    (job,) = await world.jobs()
    assert job.inputs.styles[0].preset == "great-wave"
    assert job.options.strength == 0.7


async def test_paint_this_works_on_our_own_pictures(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    opened = await world.discord.message_command(world.user(), "Paint this", message)
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await world.finished(submitted)


async def test_paint_this_says_when_there_is_no_picture(world: World) -> None:
    post = world.discord.post(world.user(), "words", [("notes.txt", b"notes")])
    interaction = await world.discord.message_command(world.user(), "Paint this", post)
    assert "has no picture" in await world.said(interaction)


def test_pictures_from_elsewhere_come_by_discords_proxy_alone_also_of_what_was_forwarded() -> None:
    """A stranger who chooses the address learns the bot's, and what lies in its network."""
    strange = "http://169.254.169.254/latest.png"
    fetched, unfetched = (
        discord.Embed.from_dict({"image": {"url": strange, **proxied}})
        for proxied in ({"proxy_url": "https://images-ext-1.discordapp.net/x.png"}, {})
    )
    forwarded = SimpleNamespace(attachments=[], embeds=[unfetched, fetched])
    message: Any = SimpleNamespace(
        attachments=[], message_snapshots=[forwarded], components=[], embeds=[unfetched]
    )
    found = [source.url for source in pictures_of(message)]
    assert found == ["https://images-ext-1.discordapp.net/x.png"]


def test_the_pictures_of_other_bots_cards_are_taken() -> None:
    proxy = "https://media.discordapp.net/attachments/1/2"

    def media(name: str) -> dict[str, str]:
        return {"url": f"https://cdn.discordapp.com/{name}", "proxy_url": f"{proxy}/{name}"}

    words = {"type": 10, "id": 3, "content": "A cat"}
    thumbnail = {"type": 11, "id": 4, "media": media("cat.png"), "spoiler": False}
    section = {"type": 9, "id": 2, "components": [words], "accessory": thumbnail}
    gallery = {"type": 12, "id": 5, "items": [{"media": media("dog.png"), "spoiler": False}]}
    payload: Any = {"type": 17, "id": 1, "components": [section, gallery], "spoiler": False}
    message: Any = SimpleNamespace(
        attachments=[],
        message_snapshots=[],
        components=[_component_factory(payload)],
        embeds=[],
    )
    found = [source.url for source in pictures_of(message)]
    assert found == [f"{proxy}/cat.png", f"{proxy}/dog.png"]
