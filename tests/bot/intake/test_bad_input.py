"""Bad input is refused with a reason, and unusual picture formats are painted."""

import io

from PIL import Image

from tests.common.clips.files import make_video
from tests.kit.clips import FILM_FRAMES
from tests.kit.pictures import animated_gif, decompression_bomb, encoded, gradient_picture
from tests.kit.world import PHOTO, PHOTO_AND_STYLE, World

GOOD = gradient_picture()


def rotated_jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.new("RGB", (96, 48), "red"), "JPEG", exif=exif)


BAD_PICTURES = {
    "text": (b"this is a text" * 20, "not a picture"),
    "empty": (b"", "empty"),
    "truncated": (GOOD[: len(GOOD) // 2], "damaged"),
    "decompression bomb": (decompression_bomb(), " MP are accepted"),
    "one pixel": (gradient_picture((1, 1)), "1 × 1"),
    "extreme aspect ratio": (gradient_picture((10_000, 10)), "10000 × 10"),
}
UNUSUAL_PICTURES = {
    "cmyk": encoded(Image.new("CMYK", (64, 48), (10, 200, 30, 0)), "JPEG"),
    "16 bit": encoded(Image.new("I;16", (64, 48), 30_000), "PNG"),
    "palette": encoded(Image.new("P", (64, 48), 3), "PNG"),
    "alpha": encoded(Image.new("RGBA", (64, 48), (10, 20, 30, 40)), "PNG"),
    "grey": encoded(Image.new("L", (64, 48), 128), "PNG"),
    "webp": encoded(Image.new("RGB", (64, 48), "blue"), "WEBP"),
    "animated": animated_gif("red", "green"),
}


async def test_bad_picture_is_refused_with_a_reason(world: World) -> None:
    for data, words in BAD_PICTURES.values():
        interaction = await world.paint(
            attachments={**PHOTO_AND_STYLE, "content": ("photo.png", data)}
        )
        answer = await world.answer_text(interaction)
        assert words in answer
        assert answer.startswith("The photo:")
        assert "Traceback" not in answer
    assert not await world.jobs()
    await world.wait_no_intakes()
    await world.start_engine()
    await world.paint_and_wait()  # the bot still serves


async def test_damaged_video_is_reported_as_a_video(world: World) -> None:
    broken = make_video(FILM_FRAMES)[:400]
    interaction = await world.paint(attachments={**PHOTO_AND_STYLE, "content": ("cat.mp4", broken)})
    assert (await world.answer_text(interaction)).startswith("The video: That video is damaged")
    interaction = await world.paint(attachments={**PHOTO_AND_STYLE, "style": ("cat.mp4", broken)})
    assert (await world.answer_text(interaction)).startswith(
        "The style picture: That video is damaged"
    )


async def test_refusal_names_the_bad_picture(world: World) -> None:
    interaction = await world.paint(
        attachments={**PHOTO_AND_STYLE, "style": ("style.png", b"no picture")}
    )
    assert (await world.answer_text(interaction)).startswith("The style picture:")


async def test_unusual_picture_formats_are_painted(world: World) -> None:
    await world.start_engine()
    for data in UNUSUAL_PICTURES.values():
        await world.paint_and_wait(
            {"moving": False}, attachments={**PHOTO_AND_STYLE, "content": ("photo.bin", data)}
        )


async def test_a_rotated_photo_is_painted_upright(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait(
        attachments={**PHOTO_AND_STYLE, "content": ("photo.jpg", rotated_jpeg())}
    )
    with Image.open(io.BytesIO(message.attachments[0].data)) as picture:
        assert picture.height > picture.width


async def test_a_blend_needs_two_styles(world: World) -> None:
    interaction = await world.paint({"blend": 0.3})
    assert "needs two styles" in await world.answer_text(interaction)


async def test_oversized_file_is_not_downloaded(closed_world: World) -> None:
    closed_world.settings = closed_world.settings.model_copy(update={"atelier_max_upload_mib": 1})
    world = closed_world
    await world.start_bot()
    data = GOOD + bytes(2 * 1024 * 1024)
    interaction = await world.paint(attachments={**PHOTO_AND_STYLE, "content": ("photo.png", data)})
    assert "at most 1 MiB" in await world.answer_text(interaction)
    downloads = [line.title for line in world.discord.traffic if line.kind == "cdn"]
    assert not [title for title in downloads if "photo.png" in title]


async def test_missing_attachment_asks_the_user_to_attach_again(world: World) -> None:
    world.discord.faults.add("GET", "*attachments/*", status=404, times=10)
    interaction = await world.paint()
    assert "attach it again" in await world.answer_text(interaction)


async def test_failed_download_is_retried(world: World) -> None:
    fault = world.discord.faults.add("GET", "*attachments/*", status=503)
    await world.start_engine()
    await world.paint_and_wait()
    assert fault.hits


async def test_unknown_presets_are_refused_without_pinging_everyone(world: World) -> None:
    for typed in ("🎨", "???", "none", "qqqqqqq@everyone"):
        interaction = await world.paint({"preset": typed}, attachments=PHOTO)
        text = await world.answer_text(interaction)
        assert "There is no painting or saved style" in text, typed
        assert "@everyone" not in text
    assert not await world.jobs()


async def test_broken_file_is_refused_ephemerally(world: World) -> None:
    interaction = await world.paint(
        attachments={**PHOTO_AND_STYLE, "content": ("photo.png", b"broken")}
    )
    assert "The photo" in await world.answer_text(interaction)
    (refusal,) = interaction.followups
    assert refusal.ephemeral
    await world.eventually(lambda: world.discord.messages() == [refusal])
