"""Actions on a finished moving picture, and moving pictures as style."""

import zipfile
from typing import Any

import discord
import pytest

from bot.commands.paint_this import embedded
from bot.commands.privacy_export import export_parts
from common.clips.decode import decode
from common.pictures.kinds import ClipLimits, DecodeLimits
from sandbox.model import Message
from tests.kit.clips import FILM, GIF, QUESTION, STYLE, answer_question, paint_clip
from tests.kit.world import World


@pytest.mark.parametrize("button", ["Again", "Stronger", "Softer"])
async def test_remix_of_a_moving_picture_moves(world: World, button: str) -> None:
    await world.start_engine()
    done = await paint_clip(world)
    again = await world.discord.press(world.user(), done, label=button)
    another = await world.wait_finished(again)
    assert another.attachments[0].filename.endswith(".gif")
    newer, older = await world.jobs()
    assert newer.inputs.clip == older.inputs.clip
    assert newer.parent_job_id == older.id


async def test_larger_stops_at_the_size_limit_of_moving_pictures(world: World) -> None:
    await world.start_engine()
    done = await paint_clip(world)
    larger = await world.wait_finished(
        await world.discord.press(world.user(), done, label="Larger")
    )
    assert (await world.jobs())[0].options.size_px == 192
    await world.wait_finished(await world.discord.press(world.user(), larger, label="Larger"))
    assert (await world.jobs())[0].options.size_px == 384
    newest = (await world.jobs())[0].id
    shown = await world.slash(world.user(), "show", {"picture": newest})
    top = await world.wait_finished(await world.discord.press(world.user(), shown, label="Larger"))
    assert (await world.jobs())[0].options.size_px == 512
    refused = await world.press(world.user(), top, "Larger")
    assert "512 px" in await world.answer_text(refused)


async def test_moving_picture_can_be_shown_listed_saved_and_deleted(world: World) -> None:
    await world.start_engine()
    done = await paint_clip(world)
    (job,) = await world.jobs()
    shown = await world.slash(world.user(), "show", {"picture": job.id})
    assert shown.attachments[0].filename.endswith(".gif")
    history = await world.slash(world.user(), "history")
    assert history.attachments[0].filename.endswith(".png")
    saved = await world.press(world.user(), done, "Save to DMs")
    assert "It is in your DMs" in await world.answer_text(saved)
    await world.press(world.user(), done, "Delete")
    assert (await world.reload(job)).result_key is None


async def test_comparison_of_a_moving_picture_is_a_video(world: World) -> None:
    await world.start_engine()
    done = await paint_clip(world)
    compared = await world.press(world.user(), done, "Compare")
    message = await world.wait_for_text(compared, "Before and after")
    (video,) = message.attachments
    assert video.filename.endswith(".mp4")
    assert video.data is not None
    clip = decode(video.data, DecodeLimits(), ClipLimits(max_seconds=60)).clip
    assert clip is not None
    assert (clip.width_px, clip.height_px) == (96 + 8 + 96, 72)
    assert clip.seconds == 4.0  # one loop takes a second


async def test_gallery_shows_a_moving_picture_in_the_best_format_that_fits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await world.start_engine()
    engine.noise = True
    await world.open_gallery()
    done = await paint_clip(world)
    (job,) = await world.jobs()
    assert job.report is not None
    assert job.report.clip is not None
    gif = await world.queue.store.get(job.report.clip.files["gif"])

    async def publish() -> Message:
        opened = await world.discord.press(world.user(), done, label="Post to gallery")
        submitted = await world.discord.submit_modal(opened, {"title": "My cat"})
        there = await world.wait_for_text(submitted, "It is in the gallery")
        (posted,) = world.discord.messages("talk")
        await world.press(world.user(), there, "Remove it")
        return posted

    posted = await publish()
    assert [each.filename for each in posted.attachments] == [f"atelier-{job.id}.gif"]
    assert posted.attachments[0].data == gif
    assert "My cat" in posted.text
    assert "Shown as" not in posted.text
    guild = type(world.bot.get_guild(world.guild_id))
    monkeypatch.setattr(guild, "filesize_limit", len(gif) - 1)
    posted = await publish()
    assert not posted.attachments[0].filename.endswith(".gif")
    assert "the GIF is" in posted.text


@pytest.mark.parametrize(
    ("file", "note"),
    [
        (GIF["content"], "The style picture: The file is animated; I used its first frame."),
        (FILM["content"], "The style picture: The file is a video; I used its first frame."),
    ],
)
async def test_first_frame_of_a_moving_style_is_used(world: World, file: Any, note: str) -> None:
    await world.start_engine()
    post = world.discord.post(world.user("grace"), "look", [file])
    opened = await world.discord.message_command(world.user(), "Use as style", post)
    submitted = await world.discord.submit_modal(opened, {}, {"content": [STYLE]})
    done = await world.wait_finished(submitted)
    (job,) = await world.jobs()
    assert job.inputs.clip is None
    assert note in done.text


async def test_other_style_and_change_keep_the_clip(world: World) -> None:
    await world.start_engine()
    done = await paint_clip(world)
    form = await world.discord.press(world.user(), done, label="Other style")
    done = await world.wait_finished(
        await world.discord.submit_modal(form, {"preset": ["the-scream"]})
    )
    newest = (await world.jobs())[0]
    assert newest.inputs.styles[0].preset == "the-scream"
    assert newest.inputs.clip is not None
    assert newest.options.size_px == 96
    form = await world.discord.press(world.user(), done, label="Change…")
    changed = await world.discord.submit_modal(form, {"size": ["64/draft"], "switches": ["film"]})
    done = await world.wait_finished(changed)
    newest = (await world.jobs())[0]
    assert (newest.options.size_px, newest.options.timelapse) == (64, False)
    assert "There is no time-lapse of a moving picture" in done.text
    assert done.attachments[0].filename.endswith(".gif")


async def test_moving_photo_in_the_change_form_uses_the_chosen_size(
    world: World,
) -> None:
    await world.start_engine()
    done = await world.wait_finished(await world.paint({"size": 128}))
    for size, painted_px in (("64/draft", 64), ("128/draft", 96)):
        form = await world.discord.press(world.user(), done, label="Change…")
        changed = await world.discord.submit_modal(
            form, {"size": [size]}, {"content": [GIF["content"]]}
        )
        await world.wait_finished(
            await answer_question(world, await world.wait_for_text(changed, QUESTION))
        )
        newest = (await world.jobs())[0]
        assert newest.inputs.clip is not None
        assert newest.options.size_px == painted_px


async def test_show_picks_the_best_moving_format_that_fits_and_notes_the_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await world.start_engine()
    engine.noise = True
    done = await paint_clip(world)
    assert "Shown as" not in done.text
    (job,) = await world.jobs()
    assert job.report is not None
    assert job.report.clip is not None
    sizes = {
        kind: len(await world.queue.store.get(key)) for kind, key in job.report.clip.files.items()
    }
    assert sizes["gif"] > sizes["mp4"]

    async def shown(limit_bytes: int) -> Message:
        monkeypatch.setattr(type(world.discord.world), "upload_limit_bytes", limit_bytes)
        message = await world.slash(world.user(), "show", {"picture": job.id})
        assert message.attachments[0].data is not None
        assert len(message.attachments[0].data) <= limit_bytes
        return message

    second = await shown(sizes["gif"] - 1)
    suffix = "webp" if sizes["webp"] < sizes["gif"] else "mp4"
    assert second.attachments[0].filename.endswith(suffix)
    assert "the GIF is" in second.text
    smaller = await shown(min(sizes.values()) - 1)
    assert smaller.attachments[0].filename.endswith("mp4")
    assert "Shown as a smaller video of" in smaller.text


def test_embedded_animation_yields_its_video_and_not_its_thumbnail() -> None:
    proxy = "https://images-ext-1.discordapp.net/external/x/https/media.tenor.com"
    tenor = discord.Embed.from_dict(
        {
            "type": "gifv",
            "video": {"url": "https://media.tenor.com/cat.mp4", "proxy_url": f"{proxy}/cat.mp4"},
            "thumbnail": {"url": "https://media.tenor.com/c.png", "proxy_url": f"{proxy}/c.png"},
        }
    )
    assert [source.url for source in embedded([tenor])] == [f"{proxy}/cat.mp4"]
    page = discord.Embed.from_dict(
        {
            "type": "video",
            "video": {"url": "https://video.example/embed/1"},
            "thumbnail": {"url": "https://video.example/1.jpg", "proxy_url": f"{proxy}/1.jpg"},
        }
    )
    assert [source.url for source in embedded([page])] == [f"{proxy}/1.jpg"]


async def test_data_export_includes_clips(world: World) -> None:
    await world.start_engine()
    await paint_clip(world)
    (job,) = await world.jobs()
    assert job.report is not None
    assert job.report.clip is not None
    assert job.inputs.clip is not None
    parts = [part async for part in export_parts(world.bot, job.user_id, 10_000_000)]
    names = {
        name.removeprefix("pictures/")
        for part in parts
        for name in zipfile.ZipFile(part.archive).namelist()
    }
    clip = job.report.clip
    assert {job.inputs.clip.picture, clip.key, *clip.files.values()} <= names
    small = [part async for part in export_parts(world.bot, job.user_id, 60_000)]
    assert sum(part.left_out for part in small[-1:]) == 0


async def test_paint_this_takes_a_video(world: World) -> None:
    await world.start_engine()
    post = world.discord.post(world.user("grace"), "look", [FILM["content"]])
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    question = await world.wait_for_text(submitted, QUESTION)
    done = await world.wait_finished(await answer_question(world, question))
    assert done.attachments[0].filename.endswith(".mp4")
