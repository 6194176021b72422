"""Fields of modals: picture uploads, switches, sizes with qualities."""

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

import discord
from discord import ui

from bot.texts import Texts
from bot.ui.words import QUALITIES
from common.options import Quality

PICTURE_FILES = ("image", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp", ".jfif")
"""What Discord counts as pictures, and other formats that we read; only the file name's end counts.

Discord has had this field since August 2026, and discord.py 2.7.1 does not know it: we add it to
the payload, and a Discord without it ignores it. Other files are refused with a sentence.
"""
FILE_TYPES = "file_types"
SIZES_PX = (256, 384, 512, 768, 1024, 1536, 2048)
SEPARATOR = "/"


class PictureUpload(ui.FileUpload[Any]):
    """An upload field for pictures."""

    def to_component_dict(self) -> Any:  # discord.py's type lacks the new field
        """discord.py's payload, with the file types."""
        return {**super().to_component_dict(), FILE_TYPES: list(PICTURE_FILES)}


class Switches(ui.CheckboxGroup[Any]):
    """A group of checkboxes, by the values that the modal sends."""

    def __init__(self, labels: Mapping[str, str], on: Collection[str]) -> None:
        options = [
            discord.CheckboxGroupOption(label=label, value=value, default=value in on)
            for value, label in labels.items()
        ]
        super().__init__(custom_id="switches", required=False, min_values=0, options=options)


def sizes_and_qualities(t: Texts, largest_px: int, best: Quality, *also_px: int) -> dict[str, str]:
    """The allowed pairs of a menu, with their labels: `512/fine`."""
    sizes = sorted({size for size in (*SIZES_PX, *also_px) if size <= largest_px})
    return {
        f"{size}{SEPARATOR}{quality}": f"{size} px · {t(label)}"
        for size in sizes
        for quality, label in islice(QUALITIES.items(), 1 + [*QUALITIES].index(best))
    }


def ids_of(chosen: Collection[Any]) -> tuple[int, ...]:
    """The IDs of chosen roles or channels; discord.py gives a bare string for a deleted one."""
    return tuple(int(getattr(each, "id", each)) for each in chosen)
