"""“Describe…”: changing the alt text and the spoiler of a finished picture."""

from typing import Any

import pytest

from common.defaults import Defaults
from sandbox.model import Interaction, Message
from tests.kit.pictures import gradient_picture
from tests.kit.world import PHOTO_AND_STYLE, World, alt_texts, wait_for_answer

PUBLIC_THREAD = 11


async def describe(world: World, message: Message, values: dict[str, Any]) -> Interaction:
    details = await world.discord.press(world.user(), message, label="Details")
    shown = await world.wait_for_text(details, "seed")
    opened = await world.discord.press(world.user(), shown, label="Describe…")
    assert opened.modal is not None
    return await world.discord.submit_modal(opened, values)


def alt_text_and_spoiler(message: Message) -> tuple[str, bool]:
    (gallery,) = [each for each in message.walk() if each["type"] == 12]
    (item,) = gallery["items"]
    return item["description"], bool(item.get("spoiler"))


async def test_describe_changes_alt_text_and_spoiler_of_a_finished_picture(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    before = message.attachments[0].data
    assert alt_text_and_spoiler(message) == ("A painted photo", False)
    words = {"alt": "Ein Hund\nim Schnee", "switches": ["hidden"]}
    link = f"https://discord.com/channels/{world.guild_id}/{message.channel_id}/{message.id}"
    await world.wait_for_text(await describe(world, message, words), f"Saved: {link}")
    assert alt_text_and_spoiler(message) == ("Ein Hund im Schnee", True)
    assert [each.data for each in message.attachments] == [before]
    assert next(button["label"] for button in message.buttons) == "Again"
    (job,) = await world.jobs()
    shown = await world.slash(world.user(), "show", {"picture": job.id})
    assert alt_text_and_spoiler(shown) == ("Ein Hund im Schnee", True)
    softer = await world.discord.press(world.user(), message, label="Softer")
    assert alt_text_and_spoiler(await world.wait_finished(softer)) == (
        "Ein Hund im Schnee",
        True,
    ), "same photo and style, so the same description"
    form = await world.discord.press(world.user(), message, label="Other style")
    other = await world.discord.submit_modal(form, {"preset": ["the-scream"]})
    in_style = ("A photo in the style of “The Scream”", True)
    assert alt_text_and_spoiler(await world.wait_finished(other)) == in_style
    await world.wait_for_text(
        await describe(world, message, {"alt": "", "switches": []}), "Saved: http"
    )
    assert alt_text_and_spoiler(message) == ("A painted photo", False)


async def test_members_own_words_replace_those_of_the_photo_for_good(world: World) -> None:
    """In paintings of the same photo, too, in which they would be said again."""
    await world.start_engine()
    post = world.discord.post(world.user(), "look", [("cat.png", gradient_picture())])
    post.attachments[0].description = "My cat at 5 Elm Street"
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    message = await world.wait_finished(submitted)
    assert "Elm Street" in alt_text_and_spoiler(message)[0]
    saved = await describe(world, message, {"alt": "A cat", "switches": []})
    await world.wait_for_text(saved, "Saved: ")
    form = await world.discord.press(world.user(), message, label="Other style")
    other = await world.discord.submit_modal(form, {"preset": ["the-scream"]})
    in_style = ("A photo in the style of “The Scream”", False)
    assert alt_text_and_spoiler(await world.wait_finished(other)) == in_style


async def test_versions_share_a_given_alt_text_or_get_one_per_style(
    world: World,
) -> None:
    await world.start_engine()
    vary = {"vary": "style", "variants": 2, "preset": "the-scream"}
    message = await world.paint_and_wait(vary, attachments=PHOTO_AND_STYLE)
    by_style = ["1: A painted photo", "2: A photo in the style of “The Scream”"]
    assert alt_texts(message) == by_style
    await world.wait_for_text(await describe(world, message, {"alt": "A dog"}), "Saved: http")
    assert alt_texts(message) == ["1: A dog", "2: A dog"]
    await world.wait_for_text(await describe(world, message, {"alt": ""}), "Saved: http")
    assert alt_texts(message) == by_style


async def test_describe_works_after_the_token_has_ended(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    world.shift_clock(16 * 60)
    await world.wait_for_text(await describe(world, message, {"alt": "A dog"}), "Saved: http")
    assert alt_text_and_spoiler(message) == ("A dog", False)


async def test_describe_works_if_discord_ends_the_token_early(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    details = await world.discord.press(world.user(), message, label="Details")
    shown = await world.wait_for_text(details, "seed")
    opened = await world.discord.press(world.user(), shown, label="Describe…")
    (job,) = await world.jobs()
    path = f"/webhooks/*/{job.reply.interaction_token}/*"
    world.discord.faults.add("GET", path, status=401, code=50027)
    await world.wait_for_text(
        await world.discord.submit_modal(opened, {"alt": "A dog"}), "Saved: http"
    )
    assert alt_text_and_spoiler(message) == ("A dog", False)


@pytest.mark.parametrize("ephemeral", [False, True])
async def test_picture_delivered_by_dm_is_described_in_the_dm(
    world: World, ephemeral: bool
) -> None:
    interaction = await world.paint({"ephemeral": ephemeral})
    message = await world.wait_for_text(interaction, "Place 1")
    if ephemeral:
        world.shift_clock(16 * 60)
    else:
        world.discord.delete(message)
    await world.start_engine()
    await world.eventually(lambda: world.discord.dms(world.user()))
    (dm,) = world.discord.dms(world.user())
    (job,) = await world.jobs()

    async def is_delivered() -> bool:
        return (await world.reload(job)).came_by_dm

    await world.eventually(is_delivered)
    link = f"https://discord.com/channels/@me/{dm.channel_id}/{dm.id}"
    await world.wait_for_text(await describe(world, dm, {"alt": "A dog"}), f"Saved: {link}")
    assert alt_text_and_spoiler(dm) == ("A dog", False)


async def test_ephemeral_picture_keeps_its_description_for_the_next_showing(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"ephemeral": True})
    world.shift_clock(16 * 60)
    submitted = await describe(world, message, {"alt": "A dog"})
    await world.wait_for_text(submitted, "Saved for the next time it is shown")
    (job,) = await world.jobs()
    assert job.reply.alt_text == "A dog"


async def test_only_the_owner_is_offered_to_describe(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    details = await world.discord.press(world.user("grace"), message, label="Details")
    assert not (await world.wait_for_text(details, "seed")).buttons


async def test_describe_cannot_reveal_a_spoiler_required_by_the_channel(world: World) -> None:
    await world.start_engine()
    opened = await world.discord.slash(world.user("admin"), "settings", {"whose": "channel"})
    form = await world.discord.submit_modal(opened, {"switches": ["spoiler"]})
    await world.wait_for_text(form, "Saved")
    message = await world.paint_and_wait()
    await world.wait_for_text(await describe(world, message, {"switches": []}), "Saved: http")
    assert alt_text_and_spoiler(message)[1]


async def test_describe_in_a_dm_cannot_reveal_a_spoiler_required_by_a_role(world: World) -> None:
    """In a DM the interaction has no roles, so the spoiler must be kept from the job."""
    hidden = Defaults(spoiler_role_ids=(7,))
    guild_id = world.guild_id
    await world.queue.defaults.set("guild", guild_id, hidden, guild_id=guild_id, by_user=1)
    job = await world.make_painted_job(world.user())
    await world.queue.deliveries.set_alt_text_and_spoiler(job.id, alt_text="", spoiler=True)
    page = await world.slash(world.user(), "show", {"picture": job.id}, context="bot_dm")
    await wait_for_answer(await describe(world, page, {"alt": "A dog", "switches": []}))
    reply = (await world.reload(job)).reply
    assert (reply.alt_text, reply.spoiler) == ("A dog", True)


@pytest.mark.parametrize("whose", ["thread", "its channel", "another channel"])
async def test_thread_inherits_the_required_spoiler_of_its_channel(
    world: World, whose: str
) -> None:
    ada, guild_id = world.user(), world.guild_id
    thread_id = await world.create_thread("paintings", PUBLIC_THREAD)
    job = await world.make_painted_job(ada, channel_id=thread_id)
    ids = {"thread": thread_id, "its channel": world.discord.channel("paintings").id}
    owner_id = ids.get(whose, world.discord.channel("talk").id)
    hidden = Defaults(always_spoiler=True)
    await world.queue.defaults.set("channel", owner_id, hidden, guild_id=guild_id, by_user=1)
    page = await world.discord.slash(ada, "show", {"picture": job.id})
    await page.wait(lambda i: i.message and i.message.attachments)
    assert page.message is not None
    details = await wait_for_answer(await world.discord.press(ada, page.message, label="Details"))
    form = await world.discord.press(ada, details, label="Describe…")
    await world.wait_for_text(await world.discord.submit_modal(form, {"switches": []}), "Saved")
    assert (await world.reload(job)).reply.spoiler is (whose in ids)


async def test_describe_in_an_archived_thread_explains_how_to_reopen_the_thread(
    world: World,
) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    world.shift_clock(16 * 60)
    world.discord.faults.add("PATCH", "/channels/*", status=400, code=50083)
    submitted = await world.answer_text(await describe(world, message, {"switches": ["hidden"]}))
    assert submitted.startswith("That thread is archived; write something in it to open it again")
    assert "error" not in submitted
