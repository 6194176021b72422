"""The message command “Paint this”."""

from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord.components import _component_factory

from bot.commands.paint_this import pictures_of
from sandbox.model import Message, StickerFormat
from tests.kit.pictures import gradient_picture
from tests.kit.world import World, alt_texts, wait_for_answer


async def test_paint_this_paints_the_picture_of_a_message(world: World) -> None:
    await world.start_engine()
    post = world.discord.post(world.user("grace"), "look", [("cat.png", gradient_picture())])
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(
        opened, {"name": "the great wave", "strength": ["strong"]}
    )
    await world.wait_finished(submitted)
    (job,) = await world.jobs()
    assert job.inputs.styles[0].preset == "great-wave"
    assert job.options.strength == 0.7


async def test_paint_this_works_on_pictures_painted_by_the_bot(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    opened = await world.discord.message_command(world.user(), "Paint this", message)
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await world.wait_finished(submitted)


async def test_alt_text_of_a_photo_becomes_part_of_the_painting_s(world: World) -> None:
    await world.start_engine()
    post = world.discord.post(world.user("grace"), "look", [("cat.png", gradient_picture())])
    post.attachments[0].description = "A cat\non a sofa."
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(opened, {"preset": ["the-scream"]})
    message = await world.wait_finished(submitted)
    assert alt_texts(message) == ["A cat on a sofa, in the style of “The Scream”"]
    opened = await world.discord.press(world.user(), message, label="Other style")
    other = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    (said,) = alt_texts(await world.wait_finished(other))
    assert said == "A cat on a sofa, in the style of “The Great Wave off Kanagawa”"


async def test_alt_text_of_a_painting_becomes_part_of_the_next_one_s(world: World) -> None:
    await world.start_engine()
    post = world.discord.post(world.user("grace"), "look", [("cat.png", gradient_picture())])
    post.attachments[0].description = "A cat"
    for preset in ("the-scream", "great-wave"):
        opened = await world.discord.message_command(world.user(), "Paint this", post)
        submitted = await world.discord.submit_modal(opened, {"preset": [preset]})
        post = await world.wait_finished(submitted)
    (said,) = alt_texts(post)
    assert said == (
        "A cat, in the style of “The Scream”, in the style of “The Great Wave off Kanagawa”"
    )


async def test_number_of_a_version_is_no_part_of_its_alt_text(world: World) -> None:
    await world.start_engine()
    versions = await world.paint_and_wait({"variants": 2})
    each = "A painted photo"
    assert alt_texts(versions) == [f"1: {each}", f"2: {each}"]
    interaction = await wait_for_answer(
        await world.discord.message_command(world.user(), "Paint this", versions)
    )
    assert alt_texts(interaction) == [f"1: {each}", f"2: {each}"]


async def test_long_alt_text_of_a_photo_leaves_room_for_the_style(world: World) -> None:
    await world.start_engine()
    post = world.discord.post(world.user("grace"), "look", [("cat.png", gradient_picture())])
    post.attachments[0].description = "cat " * 256
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(opened, {"preset": ["the-scream"]})
    (said,) = alt_texts(await world.wait_finished(submitted))
    assert 900 < len(said) <= 1024
    assert said.endswith("…, in the style of “The Scream”")


@pytest.mark.parametrize("chosen", ["All 2 in one message", "2 · cat.png"])
async def test_each_of_several_photos_keeps_its_own_alt_text(world: World, chosen: str) -> None:
    await world.start_engine()
    files = [("dog.png", gradient_picture()), ("cat.png", gradient_picture((64, 48)))]
    post = world.discord.post(world.user("grace"), "look", files)
    post.attachments[1].description = "A cat"
    interaction = await wait_for_answer(
        await world.discord.message_command(world.user(), "Paint this", post)
    )
    assert alt_texts(interaction) == ["1 · dog.png", "2: A cat"]
    opened = await world.discord.press(world.user(), interaction, label=chosen)
    submitted = await world.discord.submit_modal(opened, {"preset": ["the-scream"]})
    message = await world.wait_finished(submitted)
    cat = "A cat, in the style of “The Scream”"
    if chosen == "2 · cat.png":
        assert alt_texts(message) == [cat]
        return
    assert alt_texts(message) == ["1: A photo in the style of “The Scream”", f"2: {cat}"]
    taken = await wait_for_answer(
        await world.discord.press(world.user(), message, label="Choose 2")
    )
    assert alt_texts(taken) == [cat]


async def test_paint_this_refuses_a_message_without_a_picture(world: World) -> None:
    post = world.discord.post(world.user(), "words", [("notes.txt", b"notes")])
    interaction = await world.discord.message_command(world.user(), "Paint this", post)
    assert "has no picture" in await world.answer_text(interaction)


def sticker_post(world: World, *kinds: StickerFormat) -> Message:
    """Post a message of stickers only."""
    stickers = [
        world.discord.add_sticker(kind.name, kind, gradient_picture((64 + number, 64)))
        for number, kind in enumerate(kinds)
    ]
    return world.discord.post(world.user("grace"), "", stickers=stickers)


async def test_a_sticker_is_painted(world: World) -> None:
    await world.start_engine()
    post = sticker_post(world, StickerFormat.PNG)
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await world.wait_finished(submitted)


async def test_one_of_several_stickers_is_painted(world: World) -> None:
    await world.start_engine()
    post = sticker_post(world, StickerFormat.PNG, StickerFormat.LOTTIE, StickerFormat.APNG)
    interaction = await wait_for_answer(
        await world.discord.message_command(world.user(), "Paint this", post)
    )
    assert [button["label"] for button in interaction.buttons] == ["1", "2", "All 2 in one message"]
    opened = await world.discord.press(world.user(), interaction, label="2")
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await world.wait_finished(submitted)


async def test_lottie_sticker_is_refused_with_advice(world: World) -> None:
    post = sticker_post(world, StickerFormat.LOTTIE)
    interaction = await world.discord.message_command(world.user(), "Paint this", post)
    assert "attach a screenshot" in await world.answer_text(interaction)


def test_external_pictures_are_fetched_only_through_the_discord_proxy() -> None:
    """Fetching a chosen URL would reveal the bot's IP address, and reach into its network."""
    internal_url = "http://169.254.169.254/latest.png"
    fetched, unfetched = (
        discord.Embed.from_dict({"image": {"url": internal_url, **proxied}})
        for proxied in ({"proxy_url": "https://images-ext-1.discordapp.net/x.png"}, {})
    )
    forwarded = SimpleNamespace(
        attachments=[], stickers=[], components=[], embeds=[unfetched, fetched]
    )
    message: Any = SimpleNamespace(
        attachments=[],
        message_snapshots=[forwarded],
        stickers=[],
        components=[],
        embeds=[unfetched],
    )
    found = [source.url for source in pictures_of(message)]
    assert found == ["https://images-ext-1.discordapp.net/x.png"]


def test_pictures_in_components_of_other_bots_are_found() -> None:
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
        stickers=[],
        components=[_component_factory(payload)],
        embeds=[],
    )
    found = [source.url for source in pictures_of(message)]
    assert found == [f"{proxy}/cat.png", f"{proxy}/dog.png"]
