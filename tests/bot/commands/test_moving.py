"""Moving photos: the question, what either answer paints, and the buttons."""

import asyncio

import pytest

from tests.common.clips.files import (
    GifFrame,
    PngFrame,
    apng,
    encode_frames,
    gif,
    make_video,
    plain_image,
    with_display_matrix,
)
from tests.kit.clips import (
    ANIMATION,
    FILM,
    FILM_FRAMES,
    GIF,
    QUESTION,
    STYLE,
    answer_question,
    button_label,
    paint_clip,
    request_clip,
)
from tests.kit.world import World


@pytest.mark.parametrize("context", ["guild", "bot_dm", "private"])
async def test_moving_photo_is_asked_about_and_painted_in_one_message(
    world: World, context: str
) -> None:
    await world.start_engine()
    message = await request_clip(world, context=context)
    assert "5 frames in 1.0 s" in message.text
    assert "about" in button_label(message, "All of it")
    assert "about" in button_label(message, "First frame")
    done = await world.wait_finished(await answer_question(world, message))
    assert done is message
    (job,) = await world.jobs()
    assert job.inputs.clip is not None
    assert (job.inputs.clip.frames, job.options.moving, job.options.size_px) == (5, True, 96)
    assert [each.filename for each in done.attachments] == [f"atelier-{job.id}.gif"]
    assert "5 frames, 1.0 s" in done.text
    assert "Time-lapse" not in [button.get("label") for button in done.buttons]


async def test_first_frame_is_painted_as_a_still_picture(world: World) -> None:
    await world.start_engine()
    message = await request_clip(world, {"size": 80})
    done = await world.wait_finished(await answer_question(world, message, "First frame"))
    (job,) = await world.jobs()
    assert (job.inputs.clip, job.options.moving, job.options.size_px) == (None, False, 80)
    assert [each.filename for each in done.attachments] == [f"atelier-{job.id}.png"]
    assert "The file is animated; I used its first frame." in done.text


@pytest.mark.parametrize(("moving", "suffix"), [(True, "gif"), (False, "png")])
async def test_moving_option_skips_the_question(world: World, moving: bool, suffix: str) -> None:
    await world.start_engine()
    done = await world.wait_finished(await world.paint({"moving": moving}, attachments=GIF))
    assert done.attachments[0].filename.endswith(suffix)
    assert QUESTION not in done.text


async def test_video_is_painted_as_a_video_without_sound(world: World) -> None:
    await world.start_engine()
    with_sound = {**FILM, "content": ("cat.mp4", make_video(FILM_FRAMES, sound=True))}
    done = await paint_clip(world, attachments=with_sound)
    assert done.attachments[0].filename.endswith(".mp4")
    assert "The video: Its sound is left out." in done.text
    still = await world.wait_finished(await world.paint({"moving": False}, attachments=FILM))
    assert "The video: The file is a video; I used its first frame." in still.text


FRAMES = [plain_image((60 * number, 90, 90), (96, 72)) for number in range(4)]
FILES = {
    "cat.webp": encode_frames(FRAMES, "WEBP", duration=100),
    "cat.png": apng([PngFrame((60 * n, 90, 90, 255)) for n in range(4)]),
    "cat.avif": encode_frames(FRAMES, "AVIF", duration=100),
    "cat.webm": make_video(FILM_FRAMES, kind="webm", codec="libvpx"),
    "cat.mov": with_display_matrix(make_video(FILM_FRAMES, kind="mov"), (0, 1, -1, 0)),
}


async def test_every_moving_file_type_is_painted_moving(world: World) -> None:
    await world.start_engine()
    for name, data in FILES.items():
        done = await paint_clip(world, attachments={"content": (name, data), "style": STYLE})
        job = (await world.jobs())[0]
        assert job.inputs.clip is not None
        assert job.inputs.clip.frames == 4
        assert job.report is not None
        assert job.report.clip is not None
        is_film = name.endswith((".webm", ".mov"))
        assert job.report.clip.plays == (1 if is_film else 0)
        assert done.attachments[0].filename.endswith(".mp4" if is_film else ".gif")
        if name == "cat.mov":  # its metadata turns it by 90°
            assert job.report.width_px < job.report.height_px


async def test_transparent_clip_that_plays_once_is_shown_as_a_gif(world: World) -> None:
    await world.start_engine()
    frames = [PngFrame((60 * n, 90, 90, 120)) for n in range(3)]
    opaque = gif([GifFrame(0), GifFrame(1)], repeats=None)
    for data, suffix in ((apng(frames, plays=1), ".gif"), (opaque, ".mp4")):
        done = await paint_clip(world, attachments={"content": ("it", data), "style": STYLE})
        newest = (await world.jobs())[0]
        assert newest.report is not None
        assert newest.report.clip is not None
        assert newest.report.clip.plays == 1
        assert done.attachments[0].filename.endswith(suffix)


async def test_truncated_clip_gets_a_note_and_a_tiny_clip_is_refused(world: World) -> None:
    await world.start_engine()
    broken = {"content": ("cat.gif", ANIMATION[: len(ANIMATION) * 3 // 4]), "style": STYLE}
    done = await paint_clip(world, attachments=broken)
    (job,) = await world.jobs()
    assert job.inputs.clip is not None
    assert 1 < job.inputs.clip.frames < 5
    assert "The file breaks off; I used the 0.6 s before that." in done.text
    dot = gif([GifFrame(0, box=(0, 0, 1, 1)), GifFrame(1, box=(0, 0, 1, 1))], canvas=(1, 1))
    refused = await world.paint({"moving": True}, attachments={"content": ("dot.gif", dot)})
    assert "has only 1 × 1 pixels; each side needs at least 16" in await world.answer_text(refused)
    assert len(await world.jobs()) == 1


async def test_photo_without_motion_is_painted_as_a_still_picture(world: World) -> None:
    await world.start_engine()
    done = await world.wait_finished(await world.paint({"moving": True}))
    assert "It does not move, so I painted it as a still picture." in done.text
    one = {"content": ("one.gif", gif([GifFrame(0), GifFrame(0)])), "style": STYLE}
    done = await world.wait_finished(await world.paint(attachments=one))
    assert done.attachments[0].filename.endswith(".png")


async def test_only_the_asker_decides_and_two_presses_make_one_job(world: World) -> None:
    message = await request_clip(world)
    refused = await answer_question(world, message, user="grace")
    assert "somebody else" in await world.answer_text(refused)
    moving, still = message.buttons
    first, second = await asyncio.gather(
        world.discord.use_component(world.user(), message, moving),
        world.discord.use_component(world.user(), message, still),
    )
    await world.wait_for_text(first, "Place 1")
    await second.wait(lambda i: i.acknowledged)
    await world.wait_no_intakes()
    assert len(await world.jobs()) == 1


async def test_style_is_asked_for_before_the_moving_question(world: World) -> None:
    await world.start_engine()
    interaction = await world.paint(attachments={"content": GIF["content"]})
    styles = await world.wait_for_text(interaction, "Which style")
    picked = await world.discord.press(world.user(), styles, label="The Scream")
    question = await world.wait_for_text(picked, QUESTION)
    await world.wait_finished(await answer_question(world, question))
    (job,) = await world.jobs()
    assert job.inputs.clip is not None


async def test_versions_of_a_moving_photo_are_still_pictures(world: World) -> None:
    await world.start_engine()
    refused = await world.paint({"moving": True, "variants": 2}, attachments=GIF)
    assert "A moving picture is painted in one version only" in await world.answer_text(refused)
    done = await world.wait_for_text(
        await world.paint({"variants": 2}, attachments=GIF), "versions"
    )
    await world.eventually(lambda: len(done.attachments) == 2)


# Minute 16, restarts


async def test_moving_question_works_after_minute_16_and_a_restart(world: World) -> None:
    await world.start_engine()
    message = await request_clip(world, {"seed": 7})
    world.shift_clock(16 * 60)
    await world.stop_bot()
    await world.start_bot()
    done = await world.wait_finished(await answer_question(world, message))
    assert done is message
    (job,) = await world.jobs()
    assert job.options.seed == 7


async def test_answered_moving_question_is_resumed_after_a_restart(world: World) -> None:
    message = await request_clip(world)
    world.bot.queue.submissions.submit = never_return  # type: ignore[method-assign,assignment]
    pressed = await answer_question(world, message)
    await pressed.wait(lambda i: i.acknowledged)
    await world.stop_bot()
    await world.start_bot()
    await world.start_engine()
    done = await world.wait_finished(pressed)
    assert done is message
    (job,) = await world.jobs()
    assert job.options.moving


async def never_return(*_arguments: object) -> None:
    await asyncio.Event().wait()


# Limits


async def test_server_limits_apply_to_moving_pictures(world: World) -> None:
    await world.start_engine()
    await world.queue.limits.set(world.guild_id, {"max_clip_size_px": 64, "max_clip_seconds": 1}, 1)
    long = gif([GifFrame(n % 3, 50, box=(0, 0, 96, 72)) for n in range(4)], canvas=(96, 72))
    done = await paint_clip(world, attachments={"content": ("cat.gif", long), "style": STYLE})
    assert "It lasts 2.0 s; I used the first 1 s." in done.text
    (job,) = await world.jobs()
    assert job.inputs.clip is not None
    assert (job.inputs.clip.seconds, job.options.size_px) == (1.0, 64)
    refused = await world.paint({"moving": True, "size": 96}, attachments=GIF)
    assert "largest size for moving pictures here is 64 px" in await world.answer_text(refused)
    larger = await world.press(world.user(), done, "Larger")
    assert "largest size for moving pictures here is 64 px" in await world.answer_text(larger)


async def test_refused_answer_leaves_the_moving_question_open(world: World) -> None:
    message = await request_clip(world)
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 1}, 1)
    await world.wait_for_text(await world.paint(), "Place 1")
    await world.wait_for_text(await answer_question(world, message), "waiting or being painted")
    assert QUESTION in message.text
    await world.start_engine()
    await world.eventually(lambda: all_ended(world))
    await world.wait_finished(await answer_question(world, message))


async def all_ended(world: World) -> bool:
    return all(job.state.ended for job in await world.jobs())


# Buttons


async def test_progress_counts_frames_and_the_preview_moves(world: World) -> None:
    engine, interaction = await world.paint_halfway({"moving": True}, attachments=GIF)
    message = await world.wait_for_text(interaction, "frame 2 of 5")
    assert message.attachments[0].filename.endswith(".gif")
    engine.may_finish.set()
    await world.wait_finished(interaction)
