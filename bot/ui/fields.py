"""Fields of forms: pictures, switches, sizes with qualities."""

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

import discord
from discord import ui

from bot.texts import Texts
from bot.ui.words import QUALITIES
from common.options import Quality

PICTURE_FILES = ("image", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp", ".jfif")
"""What Discord counts as pictures, and what else can be read; it looks at the ends of names only.

Discord knows the field since August 2026, and discord.py 2.7.1 does not: it is sent by us, and
ignored where Discord does not know it. What else comes all the same is refused with a sentence.
"""
FILE_TYPES = "file_types"
SIZES_PX = (256, 384, 512, 768, 1024, 1536, 2048)
SEPARATOR = "/"


class PictureUpload(ui.FileUpload[Any]):
    """A field of a form for pictures."""

    def to_component_dict(self) -> Any:  # discord.py's type lacks the new field
        """As discord.py makes it, with the kinds of files."""
        return {**super().to_component_dict(), FILE_TYPES: list(PICTURE_FILES)}


class Switches(ui.CheckboxGroup[Any]):
    """A field of things to switch on or off, by what the form sends of them."""

    def __init__(self, labels: Mapping[str, str], on: Collection[str]) -> None:
        options = [
            discord.CheckboxGroupOption(label=label, value=value, default=value in on)
            for value, label in labels.items()
        ]
        super().__init__(custom_id="switches", required=False, min_values=0, options=options)


def sizes_and_qualities(t: Texts, largest_px: int, best: Quality, *also_px: int) -> dict[str, str]:
    """The pairs of a menu that are allowed: `512/fine`, and what is said of it."""
    sizes = sorted({size for size in (*SIZES_PX, *also_px) if size <= largest_px})
    return {
        f"{size}{SEPARATOR}{quality}": f"{size} px · {t(label)}"
        for size in sizes
        for quality, label in islice(QUALITIES.items(), 1 + [*QUALITIES].index(best))
    }


def ids_of(chosen: Collection[Any]) -> tuple[int, ...]:
    """The ids of roles or channels; discord.py gives the bare text for one that is gone."""
    return tuple(int(getattr(each, "id", each)) for each in chosen)
