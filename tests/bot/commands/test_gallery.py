import asyncio
import io

from PIL import Image

from bot.commands.history import thumbnail_key
from bot.ui.components import CUSTOM_ID_LIMIT
from bot.ui.words import local_first
from common.catalogue import load_catalogue
from common.catalogue.catalogue import painted_swatch_path, scan_path
from jobs.model import Job, JobState
from sandbox.model import Message
from tests.kit.samples import delete_for_good
from tests.kit.world import World, has_content, has_result, wait_for_answer


def pictures_in(message: Message) -> list[str]:
    """The URLs of the files that the message's galleries show."""
    galleries = [each for each in message.walk() if each["type"] == 12]
    return [item["media"]["url"] for gallery in galleries for item in gallery["items"]]


async def test_history_shows_own_pictures_in_pages(world: World) -> None:
    ada = world.user("ada")
    await world.make_painted_job(world.user("grace"))
    jobs = [await world.make_painted_job(ada) for _ in range(6)]
    await world.queue.deliveries.set_alt_text_and_spoiler(
        jobs[-1].id, alt_text="A dog", spoiler=False
    )
    message = await world.slash(ada, "history")
    assert message.ephemeral
    (gallery,) = [each for each in message.walk() if each["type"] == 12]
    assert gallery["items"][0]["description"] == f"#{jobs[-1].id} · A dog"
    assert [f"#{job.id} ·" in message.text for job in jobs] == [False, False, *[True] * 4]
    assert len(message.attachments) == 4
    assert len(pictures_in(message)) == 4
    with Image.open(io.BytesIO(message.attachments[0].data)) as small:
        assert max(small.size) <= 480
    assert "Page 1" in message.text
    await world.press(ada, message, "Next")
    assert "Page 2" in message.text
    assert [f"#{job.id} ·" in message.text for job in jobs] == [True, True, *[False] * 4]
    assert len(message.attachments) == 2
    assert next(b for b in message.buttons if b["label"] == "Next")["disabled"]
    await world.press(ada, message, "Previous")
    assert f"#{jobs[-1].id} ·" in message.text


async def test_picture_selected_in_history_opens_with_its_buttons(world: World) -> None:
    ada = world.user("ada")
    job = await world.make_painted_job(ada)
    message = await world.slash(ada, "history")
    opened = await wait_for_answer(await world.discord.select(ada, message, [str(job.id)]))
    assert opened is not message
    assert opened.ephemeral
    assert f"#{job.id}" in opened.text
    assert "Again" in [button["label"] for button in opened.buttons]
    assert len(opened.attachments) == 1


async def test_forged_history_choice_reveals_no_picture_of_another_member(world: World) -> None:
    ada, grace = world.user("ada"), world.user("grace")
    secret = await world.make_painted_job(ada, in_guild=False)
    await world.make_painted_job(grace)
    message = await world.slash(grace, "history")
    opened = await wait_for_answer(await world.discord.select(grace, message, [str(secret.id)]))
    assert "There is no picture" in opened.text
    assert not opened.attachments


async def test_empty_history_explains_how_to_start(world: World) -> None:
    message = await world.slash(world.user(), "history", context="bot_dm")
    assert "Start one with /paint" in message.text


async def test_a_deleted_picture_is_no_longer_in_the_history(world: World) -> None:
    ada = world.user("ada")
    job = await world.make_painted_job(ada)
    await delete_for_good(world.queue, job.id, ada.id)
    assert "You have no pictures here yet" in (await world.slash(ada, "history")).text


async def test_show_permits_own_pictures_in_every_context(world: World) -> None:
    ada = world.user("ada")
    job = await world.make_painted_job(ada, ephemeral=True)
    for context in ("guild", "bot_dm", "private"):
        message = await world.slash(ada, "show", {"picture": job.id}, context=context)
        assert f"#{job.id}" in message.text
        assert len(message.attachments) == 1
        assert message.ephemeral


async def test_show_permits_public_pictures_of_the_server(world: World) -> None:
    ada, grace = world.user("ada"), world.user("grace")
    public = await world.make_painted_job(ada, channel="talk")
    message = await world.slash(grace, "show", {"picture": public.id})
    assert len(message.attachments) == 1


async def test_refusal_to_show_publicly_is_ephemeral(world: World) -> None:
    job = await world.make_painted_job(world.user("ada"), ephemeral=True)
    options = {"picture": job.id, "everybody": True}
    message = await wait_for_answer(await world.discord.slash(world.user("grace"), "show", options))
    assert "There is no picture" in message.text
    assert message.ephemeral


async def test_show_refuses_private_pictures_of_others(world: World) -> None:
    ada, grace = world.user("ada"), world.user("grace")
    hidden = await world.make_painted_job(ada, ephemeral=True)
    private = await world.make_painted_job(ada, in_guild=False)
    public = await world.make_painted_job(ada)
    for job, context in ((hidden, "guild"), (private, "guild"), (public, "bot_dm")):
        message = await world.slash(grace, "show", {"picture": job.id}, context=context)
        assert f"There is no picture #{job.id} that you can see here" in message.text
        assert not message.attachments


async def test_show_permits_admins_all_pictures_of_their_server_but_no_others(world: World) -> None:
    ada, admin = world.user("ada"), world.user("admin")
    hidden = await world.make_painted_job(ada, ephemeral=True)
    private = await world.make_painted_job(ada, in_guild=False)
    assert (await world.slash(admin, "show", {"picture": hidden.id})).attachments
    assert not (await world.slash(admin, "show", {"picture": private.id})).attachments


async def test_show_offers_own_pictures_and_can_show_publicly(world: World) -> None:
    ada = world.user("ada")
    job = await world.make_painted_job(ada)
    await world.make_painted_job(world.user("grace"))
    offered = await world.discord.autocomplete(ada, "show", "picture", "#")
    assert [choice["value"] for choice in offered] == [job.id]
    message = await world.slash(ada, "show", {"picture": job.id, "everybody": True})
    assert not message.ephemeral


async def test_the_catalogue_can_be_browsed_and_searched(world: World) -> None:
    ada = world.user("ada")
    paintings = list(load_catalogue())
    message = await world.slash(ada, "styles")
    assert local_first(world.bot)[0].name in message.text.replace("\\", "")
    assert f"{len(paintings)} in all." in message.text
    pages = -(-len(paintings) // 6)
    assert f"Page 1 of {pages}" in message.text
    await world.press(ada, message, "Next")
    assert f"Page 2 of {pages}" in message.text
    message = await world.slash(ada, "styles", {"search": "zzzzzz"})
    assert "No painting matches" in message.text
    message = await world.slash(ada, "styles", {"search": "none"})  # a fuzzy match of Monet
    assert "No painting matches “none”; /styles without `search`" in message.text
    message = await world.slash(ada, "styles", {"search": paintings[3].artist[:40]})
    assert paintings[3].name in message.text.replace("\\", "")
    assert "Page" not in message.text, "there is only one"
    for button in message.buttons:
        assert len(button["custom_id"]) <= CUSTOM_ID_LIMIT


def sections_with_image(message: Message) -> list[tuple[str, str]]:
    """The texts of sections with an image beside them, and the image's URL."""
    return [
        (each["components"][0]["content"], each["accessory"]["media"]["url"])
        for each in message.walk()
        if each["type"] == 9
    ]


async def test_styles_lists_local_paintings_first_with_their_swatches(world: World) -> None:
    message = await world.slash(world.user(), "styles")
    with_swatch = [each for each in load_catalogue() if each.swatch_path]
    names = [words.splitlines()[0].strip("*") for words, _ in sections_with_image(message)]
    assert names == [each.name for each in with_swatch[:6]]
    others = [
        each for each in message.text.splitlines() if "downloaded when it is first used" in each
    ]
    assert len(others) == max(0, 6 - len(with_swatch))


async def test_downloaded_scan_is_shown_and_counts_as_local(world: World) -> None:
    painting = next(each for each in load_catalogue() if each.swatch_path is None)
    scan = scan_path(painting, world.settings.styles_dir)
    scan.parent.mkdir(parents=True)
    buffer = io.BytesIO()
    Image.new("RGB", (1280, 900), "teal").save(buffer, "JPEG")
    scan.write_bytes(buffer.getvalue())
    message = await world.slash(world.user(), "styles", {"search": painting.name})
    assert "downloaded when it is first used" not in message.text.split(painting.id)[1][:60]
    with Image.open(io.BytesIO(message.attachments[0].data)) as shown:
        assert max(shown.size) <= 480
    offered = await world.discord.autocomplete(world.user(), "paint", "preset", "")
    first = [each["value"] for each in offered[: len(local_first(world.bot))]]
    assert painting.id in first[: sum(bool(each.swatch_path) for each in load_catalogue()) + 1]


async def test_swatch_painted_by_the_engine_is_shown(world: World) -> None:
    painting = next(each for each in load_catalogue() if each.swatch_path is None)
    swatch = painted_swatch_path(painting, world.settings.styles_dir)
    swatch.parent.mkdir(parents=True)
    Image.new("RGB", (160, 120), "teal").save(swatch)
    message = await world.slash(world.user(), "styles", {"search": painting.name})
    shown = [each.data for each in message.attachments]
    assert swatch.read_bytes() in shown


async def test_pages_are_turned_by_their_owner_only(world: World) -> None:
    """Only its owner sees an ephemeral message, but a `custom_id` can be forged."""
    ada, grace = world.user("ada"), world.user("grace")
    message = await world.slash(grace, "styles")
    button = next(b for b in message.buttons if b["label"] == "Next")
    button["custom_id"] = button["custom_id"].replace(str(grace.id), str(ada.id))
    before = message.text
    interaction = await world.discord.press(grace, message, label="Next")
    refused = await interaction.wait(lambda i: i.message is not message and has_content(i.message))
    assert refused.message is not None
    assert "belong to somebody else" in refused.message.text
    assert message.text == before


async def test_vanished_history_page_is_shown_as_empty(world: World) -> None:
    ada = world.user("ada")
    last = [await world.make_painted_job(ada) for _ in range(5)][-1]
    message = await world.slash(ada, "history")
    for job in await world.queue.jobs.of_user(ada.id):
        if job.id != last.id:
            await delete_for_good(world.queue, job.id, ada.id)
    await world.press(ada, message, "Next")
    assert "You have no pictures here yet" in message.text
    await world.press(ada, message, "Previous")
    assert f"#{last.id} ·" in message.text


async def test_picture_selected_in_history_can_be_painted_again(world: World) -> None:
    ada = world.user("ada")
    job = await world.make_painted_job(ada, in_guild=False)
    message = await world.slash(ada, "history", context="bot_dm")
    opened = await wait_for_answer(await world.discord.select(ada, message, [str(job.id)]))
    await world.discord.press(ada, opened, label="Again")
    remixes: list[Job] = []
    for _ in range(200):
        remixes = await world.queue.jobs.of_user(ada.id, states=(JobState.QUEUED,))
        if remixes:
            break
        await asyncio.sleep(0.05)
    assert [remix.parent_job_id for remix in remixes] == [job.id]


async def test_show_refuses_a_channel_that_the_member_cannot_see(world: World) -> None:
    """The bot cannot know who sees a channel that it does not see itself."""
    ada, grace = world.user("ada"), world.user("grace")
    world.discord.world.add_channel("elsewhere", has_bot=False)
    job = await world.make_painted_job(ada, channel="elsewhere")
    assert not (await world.slash(grace, "show", {"picture": job.id})).attachments
    there = await world.slash(grace, "show", {"picture": job.id}, channel="elsewhere")
    assert len(there.attachments) == 1


async def test_history_thumbnail_of_a_very_large_picture_is_its_preview(world: World) -> None:
    ada = world.user("ada")
    normal = await world.make_painted_job(ada)
    large = await world.manual_engine.paint(await world.make_job(ada), size=(8192, 4096))
    assert large.preview_key is not None
    assert thumbnail_key(large) == large.preview_key
    assert thumbnail_key(normal) == normal.result_key
    message = await world.slash(ada, "history")
    sizes = []
    for attachment in message.attachments:
        with Image.open(io.BytesIO(attachment.data)) as small:
            sizes.append(small.size)
    assert sizes == [(40, 30), (128, 96)]


async def test_copy_of_an_unfinished_picture_links_its_message(world: World) -> None:
    painter, interaction = await world.paint_halfway()
    message = await world.wait_for_text(interaction, "50%")
    (job,) = await world.jobs()
    ada = world.user("ada")
    copy = await world.slash(ada, "show", {"picture": job.id, "everybody": True})
    assert f"it goes on here: https://discord.com/channels/{world.guild_id}/" in copy.text
    assert copy.text.endswith(f"/{message.id}")
    painter.may_finish.set()
    await world.wait_finished(interaction)
    assert "50%" in copy.text
    pressed = await world.discord.press(ada, copy, label="Cancel")
    await pressed.wait(lambda i: i.followups)
    assert "has already ended" in pressed.followups[0].text
    assert has_result(copy)
    assert "it goes on" not in copy.text


async def test_copy_of_an_unfinished_ephemeral_picture_names_the_show_command(
    world: World,
) -> None:
    await world.wait_for_text(await world.paint({"ephemeral": True}), "Place 1")
    (job,) = await world.jobs()
    copy = await world.slash(world.user(), "show", {"picture": job.id})
    assert f"/show {job.id} to look again" in copy.text
