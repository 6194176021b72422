"""What stands below a finished picture."""

import io

from PIL import Image

from common.sentences import sentence
from tests.kit.pictures import gradient_picture
from tests.kit.world import World


def animated() -> bytes:
    """A GIF of two pictures."""
    file = io.BytesIO()
    first, second = (Image.new("RGB", (64, 48), color) for color in ("teal", "olive"))
    first.save(file, "GIF", save_all=True, append_images=[second])
    return file.getvalue()


async def test_notes_of_the_pictures_and_of_the_painting_are_shown(world: World) -> None:
    painter = await world.start_engine()
    painter.notes = (
        sentence("Memory ran out, so it was painted in tiles of {size} px.", size=128),
    )
    pictures = {
        "content": ("photo.gif", animated()),
        "style": ("style.png", gradient_picture((64, 64))),
    }
    message = await world.painted({"moving": False}, attachments=pictures)
    lines = message.text.splitlines()
    assert "-# The photograph: The file is animated; I used its first frame." in lines
    assert "-# Memory ran out, so it was painted in tiles of 128 px." in lines


async def test_notes_come_in_the_members_language(world: World) -> None:
    painter = await world.start_engine()
    painter.notes = (
        sentence("Memory ran out, so it was painted in tiles of {size} px.", size=128),
    )
    world.user().locale = "de"
    pictures = {"content": ("photo.png", gradient_picture()), "style": ("style.gif", animated())}
    interaction = await world.paint(attachments=pictures)
    message = await world.says(interaction, "Kacheln")
    assert (
        "-# Das Stilbild: Die Datei ist bewegt; ich habe ihr erstes Bild genommen." in message.text
    )
    assert "-# Der Speicher reichte nicht, also wurde in Kacheln von 128 px gemalt." in message.text


async def test_notes_that_an_older_engine_wrote_are_shown_as_they_are(world: World) -> None:
    painter = await world.start_engine()
    painter.extra = {"notes": ["out of memory: went on in tiles of 64 px"]}
    message = await world.painted()
    assert "-# out of memory: went on in tiles of 64 px" in message.text.splitlines()


async def test_the_picture_is_for_the_name_that_others_see(world: World) -> None:
    await world.start_engine()
    world.user().display_name = "Ada Lovelace"
    message = await world.painted()
    assert "Painted for Ada Lovelace" in message.text
