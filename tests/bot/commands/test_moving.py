"""A photograph that moves: what is asked, what either answer paints, and what its buttons do."""

import asyncio
import zipfile
from typing import Any

import discord
import pytest

from bot.commands.paint_this import embedded
from bot.commands.privacy_export import export_parts
from common.clips.decode import decode
from common.pictures.kinds import ClipLimits, DecodeLimits
from sandbox.model import Interaction, Message
from tests.common.clips.files import (
    GifFrame,
    PngFrame,
    apng,
    film,
    gif,
    plain,
    saved,
    solid,
    turned,
)
from tests.kit.pictures import gradient_picture
from tests.kit.world import World

ANIMATION = gif([GifFrame(n % 3, 20, box=(0, 0, 96, 72)) for n in range(5)], canvas=(96, 72))
LOOKS = [solid((60 * number, 90, 90), (96, 72)) for number in range(4)]
STYLE = ("style.png", gradient_picture((64, 64)))
GIF = {"content": ("cat.gif", ANIMATION), "style": STYLE}
FILM = {"content": ("cat.mp4", film(LOOKS)), "style": STYLE}
QUESTION = "Shall I paint all of it, or its first picture?"


async def asked(world: World, options: dict[str, Any] | None = None, **details: Any) -> Message:
    interaction = await world.discord.slash(
        world.user(), "paint", options or {}, details.pop("attachments", GIF), **details
    )
    return await world.says(interaction, QUESTION)


def label(message: Message, start: str) -> str:
    return next(
        str(button["label"])
        for button in message.buttons
        if str(button.get("label")).startswith(start)
    )


async def decided(
    world: World, message: Message, start: str = "Moving", user: str = "ada"
) -> Interaction:
    return await world.discord.press(world.user(user), message, label=label(message, start))


async def moving(world: World, options: dict[str, Any] | None = None, **details: Any) -> Message:
    """A painting that moves, finished."""
    attachments = details.pop("attachments", GIF)
    interaction = await world.discord.slash(
        world.user(), "paint", {"moving": True, **(options or {})}, attachments, **details
    )
    return await world.finished(interaction)


@pytest.mark.parametrize("context", ["guild", "bot_dm", "private"])
async def test_what_moves_is_asked_about_and_painted_in_the_same_message(
    world: World, context: str
) -> None:
    await world.start_engine()
    message = await asked(world, context=context)
    assert "5 frames in 1.0 s" in message.text
    assert "about" in label(message, "Moving")
    assert "about" in label(message, "First picture")
    done = await world.finished(await decided(world, message))
    assert done is message
    (job,) = await world.jobs()
    assert job.inputs.clip is not None
    assert (job.inputs.clip.frames, job.options.moving, job.options.size_px) == (5, True, 96)
    assert [each.filename for each in done.attachments] == [f"atelier-{job.id}.gif"]
    assert "5 frames, 1.0 s" in done.text
    assert "Time-lapse" not in [button.get("label") for button in done.buttons]


async def test_its_first_picture_is_painted_as_ever(world: World) -> None:
    await world.start_engine()
    message = await asked(world, {"size": 80})
    done = await world.finished(await decided(world, message, "First picture"))
    (job,) = await world.jobs()
    assert (job.inputs.clip, job.options.moving, job.options.size_px) == (None, False, 80)
    assert [each.filename for each in done.attachments] == [f"atelier-{job.id}.png"]
    assert "The file is animated; I used its first frame." in done.text


@pytest.mark.parametrize(("moving", "suffix"), [(True, "gif"), (False, "png")])
async def test_the_option_decides_without_a_question(
    world: World, moving: bool, suffix: str
) -> None:
    await world.start_engine()
    done = await world.finished(await world.paint({"moving": moving}, attachments=GIF))
    assert done.attachments[0].filename.endswith(suffix)
    assert QUESTION not in done.text


async def test_a_film_is_shown_as_one_and_its_sound_is_left_out(world: World) -> None:
    await world.start_engine()
    heard = {**FILM, "content": ("cat.mp4", film(LOOKS, sound=True))}
    done = await moving(world, attachments=heard)
    assert done.attachments[0].filename.endswith(".mp4")
    assert "Its sound is left out." in done.text
    still = await world.finished(await world.paint({"moving": False}, attachments=FILM))
    assert "The file is a video; I used its first picture." in still.text


PLAIN = [plain((60 * number, 90, 90), (96, 72)) for number in range(4)]
KINDS = {
    "cat.webp": saved(PLAIN, "WEBP", duration=100),
    "cat.png": apng([PngFrame((60 * n, 90, 90, 255)) for n in range(4)]),
    "cat.avif": saved(PLAIN, "AVIF", duration=100),
    "cat.webm": film(LOOKS, kind="webm", codec="libvpx"),
    "cat.mov": turned(film(LOOKS, kind="mov"), (0, 1, -1, 0)),
}


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_of_file_that_moves_is_painted_moving(world: World, name: str) -> None:
    await world.start_engine()
    done = await moving(world, attachments={"content": (name, KINDS[name]), "style": STYLE})
    (job,) = await world.jobs()
    assert job.inputs.clip is not None
    assert job.inputs.clip.frames == 4
    assert job.report is not None
    assert job.report.clip is not None
    is_film = name.endswith((".webm", ".mov"))
    assert job.report.clip.plays == (1 if is_film else 0)
    assert done.attachments[0].filename.endswith(".mp4" if is_film else ".gif")
    if name == "cat.mov":  # which says that it lies on its side
        assert job.report.width_px < job.report.height_px


async def test_a_broken_tail_and_too_small_a_picture_are_told(world: World) -> None:
    await world.start_engine()
    broken = {"content": ("cat.gif", ANIMATION[: len(ANIMATION) * 3 // 4]), "style": STYLE}
    done = await moving(world, attachments=broken)
    (job,) = await world.jobs()
    assert job.inputs.clip is not None
    assert 1 < job.inputs.clip.frames < 5
    assert "The file breaks off; I used the 0.6 s before that." in done.text
    dot = gif([GifFrame(0, box=(0, 0, 1, 1)), GifFrame(1, box=(0, 0, 1, 1))], canvas=(1, 1))
    refused = await world.paint({"moving": True}, attachments={"content": ("dot.gif", dot)})
    assert "has only 1 × 1 pixels; each side needs at least 16" in await world.said(refused)
    assert len(await world.jobs()) == 1


async def test_what_does_not_move_is_painted_as_it_is(world: World) -> None:
    await world.start_engine()
    done = await world.finished(await world.paint({"moving": True}))
    assert "It does not move, so I painted it as a still picture." in done.text
    one = {"content": ("one.gif", gif([GifFrame(0), GifFrame(0)])), "style": STYLE}
    done = await world.finished(await world.paint(attachments=one))
    assert done.attachments[0].filename.endswith(".png")


async def test_nobody_else_decides_and_to_press_twice_paints_once(world: World) -> None:
    message = await asked(world)
    refused = await decided(world, message, user="grace")
    assert "somebody else" in await world.said(refused)
    moving, still = message.buttons
    first, second = await asyncio.gather(
        world.discord.use_component(world.user(), message, moving),
        world.discord.use_component(world.user(), message, still),
    )
    await world.says(first, "Place 1")
    await second.wait(lambda i: i.acknowledged)
    await world.no_intakes()
    assert len(await world.jobs()) == 1


async def test_a_style_is_asked_for_first(world: World) -> None:
    await world.start_engine()
    interaction = await world.paint(attachments={"content": GIF["content"]})
    styles = await world.says(interaction, "In which style")
    picked = await world.discord.press(world.user(), styles, label="The Scream")
    question = await world.says(picked, QUESTION)
    await world.finished(await decided(world, question))
    (job,) = await world.jobs()
    assert job.inputs.clip is not None


async def test_several_versions_are_stills(world: World) -> None:
    await world.start_engine()
    refused = await world.paint({"moving": True, "variants": 2}, attachments=GIF)
    assert "Several versions do not move" in await world.said(refused)
    done = await world.says(await world.paint({"variants": 2}, attachments=GIF), "versions")
    await world.eventually(lambda: len(done.attachments) == 2)


# Minute 16, restarts


async def test_the_question_still_works_after_minute_16_and_a_restart(world: World) -> None:
    await world.start_engine()
    message = await asked(world, {"seed": 7})
    world.shift_clock(16 * 60)
    await world.stop_bot()
    await world.start_bot()
    done = await world.finished(await decided(world, message))
    assert done is message
    (job,) = await world.jobs()
    assert job.options.seed == 7


async def test_a_restart_behind_the_answer_goes_on_with_it(world: World) -> None:
    message = await asked(world)
    world.bot.queue.submissions.submit = _never  # type: ignore[method-assign,assignment]
    pressed = await decided(world, message)
    await pressed.wait(lambda i: i.acknowledged)
    await world.stop_bot()
    await world.start_bot()
    await world.start_engine()
    done = await world.finished(pressed)
    assert done is message
    (job,) = await world.jobs()
    assert job.options.moving


async def _never(*_arguments: object) -> None:
    await asyncio.Event().wait()


# Limits


async def test_limits_of_the_server_hold_for_what_moves(world: World) -> None:
    await world.start_engine()
    await world.queue.limits.set(world.guild_id, {"max_clip_size_px": 64, "max_clip_seconds": 1}, 1)
    long = gif([GifFrame(n % 3, 50, box=(0, 0, 96, 72)) for n in range(4)], canvas=(96, 72))
    done = await moving(world, attachments={"content": ("cat.gif", long), "style": STYLE})
    assert "It lasts 2.0 s; I used the first 1 s." in done.text
    (job,) = await world.jobs()
    assert job.inputs.clip is not None
    assert (job.inputs.clip.seconds, job.options.size_px) == (1.0, 64)
    refused = await world.paint({"moving": True, "size": 96}, attachments=GIF)
    assert "largest size of a painting that moves is 64 px" in await world.said(refused)
    larger = await world.press(world.user(), done, "Larger")
    assert "largest size of a painting that moves is 64 px" in await world.said(larger)


async def test_a_refusal_leaves_the_question_to_be_answered_again(world: World) -> None:
    message = await asked(world)
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 1}, 1)
    await world.says(await world.paint(), "Place 1")
    await world.says(await decided(world, message), "waiting or being painted")
    assert QUESTION in message.text
    await world.start_engine()
    await world.eventually(lambda: _all_done(world))
    await world.finished(await decided(world, message))


async def _all_done(world: World) -> bool:
    return all(job.state.ended for job in await world.jobs())


# Buttons


async def test_progress_is_told_in_frames_and_the_preview_moves(world: World) -> None:
    engine = await world.start_engine()
    engine.hold.clear()
    interaction = await world.paint({"moving": True}, attachments=GIF)
    message = await world.says(interaction, "frame 2 of 5")
    assert message.attachments[0].filename.endswith(".gif")
    engine.hold.set()
    await world.finished(interaction)


@pytest.mark.parametrize("button", ["Again", "Stronger", "Softer"])
async def test_a_remix_moves_too(world: World, button: str) -> None:
    await world.start_engine()
    done = await moving(world)
    again = await world.discord.press(world.user(), done, label=button)
    another = await world.finished(again)
    assert another.attachments[0].filename.endswith(".gif")
    newer, older = await world.jobs()
    assert newer.inputs.clip == older.inputs.clip
    assert newer.parent_job_id == older.id


async def test_larger_is_as_large_as_what_moves_may_be(world: World) -> None:
    await world.start_engine()
    done = await moving(world)
    larger = await world.finished(await world.discord.press(world.user(), done, label="Larger"))
    assert (await world.jobs())[0].options.size_px == 192
    await world.finished(await world.discord.press(world.user(), larger, label="Larger"))
    assert (await world.jobs())[0].options.size_px == 384
    newest = (await world.jobs())[0].id
    shown = await world.slash(world.user(), "show", {"picture": newest})
    top = await world.finished(await world.discord.press(world.user(), shown, label="Larger"))
    assert (await world.jobs())[0].options.size_px == 512
    refused = await world.press(world.user(), top, "Larger")
    assert "512 px" in await world.said(refused)


async def test_it_is_deleted_shown_and_in_the_history_like_any_other(world: World) -> None:
    await world.start_engine()
    done = await moving(world)
    (job,) = await world.jobs()
    shown = await world.slash(world.user(), "show", {"picture": job.id})
    assert shown.attachments[0].filename.endswith(".gif")
    history = await world.slash(world.user(), "history")
    assert history.attachments[0].filename.endswith(".png")
    saved = await world.press(world.user(), done, "Save to DMs")
    assert "It is in your DMs" in await world.said(saved)
    await world.press(world.user(), done, "Delete")
    assert (await world.fresh(job)).result_key is None


async def test_before_and_after_are_compared_moving(world: World) -> None:
    await world.start_engine()
    done = await moving(world)
    compared = await world.press(world.user(), done, "Compare")
    message = await world.says(compared, "Before and after")
    (video,) = message.attachments
    assert video.filename.endswith(".mp4")
    assert video.data is not None
    clip = decode(video.data, DecodeLimits(), ClipLimits(max_seconds=60)).clip
    assert clip is not None
    assert (clip.width_px, clip.height_px) == (96 + 8 + 96, 72)
    assert clip.seconds == 4.0  # once around takes a second


async def test_it_is_published_in_the_gallery_moving_as_well_as_it_fits_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await world.start_engine()
    engine.noise = True
    talk = world.discord.channel("talk")
    await world.slash(world.user("admin"), "limits set", {"gallery": str(talk.id)})
    done = await moving(world)
    (job,) = await world.jobs()
    assert job.report is not None
    assert job.report.clip is not None
    gif = await world.queue.store.get(job.report.clip.files["gif"])

    async def published() -> Message:
        opened = await world.discord.press(world.user(), done, label="Post to gallery")
        said = await world.discord.submit_modal(opened, {"title": "My cat"})
        there = await world.says(said, "It is in the gallery")
        (posted,) = world.discord.messages("talk")
        await world.press(world.user(), there, "Take it out")
        return posted

    posted = await published()
    assert [each.filename for each in posted.attachments] == [f"atelier-{job.id}.gif"]
    assert posted.attachments[0].data == gif
    assert "My cat" in posted.text
    assert "Shown as" not in posted.text
    guild = type(world.bot.get_guild(world.guild_id))
    monkeypatch.setattr(guild, "filesize_limit", len(gif) - 1)
    posted = await published()
    assert not posted.attachments[0].filename.endswith(".gif")
    assert "the GIF of" in posted.text


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (GIF["content"], "The style picture: The file is animated; I used its first frame."),
        (FILM["content"], "The style picture: The file is a video; I used its first picture."),
    ],
)
async def test_of_a_style_that_moves_the_first_picture_is_used(
    world: World, file: Any, said: str
) -> None:
    await world.start_engine()
    post = world.discord.post(world.user("grace"), "look", [file])
    opened = await world.discord.message_command(world.user(), "Use as style", post)
    submitted = await world.discord.submit_modal(opened, {}, {"content": [STYLE]})
    done = await world.finished(submitted)
    (job,) = await world.jobs()
    assert job.inputs.clip is None
    assert said in done.text


async def test_another_style_and_the_form_keep_what_moves(world: World) -> None:
    await world.start_engine()
    done = await moving(world)
    form = await world.discord.press(world.user(), done, label="Other style")
    done = await world.finished(await world.discord.submit_modal(form, {"preset": ["the-scream"]}))
    newest = (await world.jobs())[0]
    assert newest.inputs.styles[0].preset == "the-scream"
    assert newest.inputs.clip is not None
    assert newest.options.size_px == 96
    form = await world.discord.press(world.user(), done, label="Change…")
    changed = await world.discord.submit_modal(form, {"size": ["64/draft"], "switches": ["film"]})
    done = await world.finished(changed)
    newest = (await world.jobs())[0]
    assert (newest.options.size_px, newest.options.timelapse) == (64, False)
    assert "What moves is not filmed" in done.text
    assert done.attachments[0].filename.endswith(".gif")


async def test_the_best_file_that_fits_the_place_is_shown_and_the_card_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await world.start_engine()
    engine.noise = True
    done = await moving(world)
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
    assert "the GIF of" in second.text
    smaller = await shown(min(sizes.values()) - 1)
    assert smaller.attachments[0].filename.endswith("mp4")
    assert "Shown as a smaller video of" in smaller.text


def test_of_a_link_to_an_animation_the_film_is_taken_and_not_its_still() -> None:
    proxy = "https://images-ext-1.discordapp.net/external/x/https/media.tenor.com"
    tenor = discord.Embed.from_dict(
        {
            "type": "gifv",
            "video": {"url": "https://media.tenor.com/cat.mp4", "proxy_url": f"{proxy}/cat.mp4"},
            "thumbnail": {"url": "https://media.tenor.com/c.png", "proxy_url": f"{proxy}/c.png"},
        }
    )
    assert [source.url for source in embedded([tenor])] == [f"{proxy}/cat.mp4", f"{proxy}/c.png"]
    page = discord.Embed.from_dict(
        {
            "type": "video",
            "video": {"url": "https://video.example/embed/1"},
            "thumbnail": {"url": "https://video.example/1.jpg", "proxy_url": f"{proxy}/1.jpg"},
        }
    )
    assert [source.url for source in embedded([page])] == [f"{proxy}/1.jpg"]


async def test_a_clip_is_part_of_what_its_member_gets_of_themselves(world: World) -> None:
    await world.start_engine()
    await moving(world)
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
    question = await world.says(submitted, QUESTION)
    done = await world.finished(await decided(world, question))
    assert done.attachments[0].filename.endswith(".mp4")
