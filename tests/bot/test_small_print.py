"""What stands below a finished picture."""

import io

from PIL import Image

from common.sentences import sentence
from tests.bot.studio import Studio, photo


def animated() -> bytes:
    """A GIF of two pictures."""
    file = io.BytesIO()
    first, second = (Image.new("RGB", (64, 48), colour) for colour in ("teal", "olive"))
    first.save(file, "GIF", save_all=True, append_images=[second])
    return file.getvalue()


async def test_notes_of_the_pictures_and_of_the_painting_are_shown(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.notes = (
        sentence("Memory ran out, so it was painted in tiles of {size} px.", size=128),
    )
    pictures = {"content": ("photo.gif", animated()), "style": ("style.png", photo((64, 64)))}
    message = await studio.painted(attachments=pictures)
    lines = message.text.splitlines()
    assert "-# The photograph: The file is animated; I used its first frame." in lines
    assert "-# Memory ran out, so it was painted in tiles of 128 px." in lines


async def test_notes_come_in_the_members_language(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.notes = (
        sentence("Memory ran out, so it was painted in tiles of {size} px.", size=128),
    )
    studio.user().locale = "de"
    pictures = {"content": ("photo.png", photo()), "style": ("style.gif", animated())}
    interaction = await studio.paint(attachments=pictures)
    message = await studio.says(interaction, "Kacheln")
    assert (
        "-# Das Stilbild: Die Datei ist bewegt; ich habe ihr erstes Bild genommen." in message.text
    )
    assert "-# Der Speicher reichte nicht, also wurde in Kacheln von 128 px gemalt." in message.text


async def test_notes_that_an_older_engine_wrote_are_shown_as_they_are(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.extra = {"notes": ["out of memory: went on in tiles of 64 px"]}
    message = await studio.painted()
    assert "-# out of memory: went on in tiles of 64 px" in message.text.splitlines()


async def test_the_picture_is_for_the_name_that_others_see(studio: Studio) -> None:
    await studio.start_painter()
    studio.user().display_name = "Ada Lovelace"
    message = await studio.painted()
    assert "Painted for Ada Lovelace" in message.text
