"""Fields for pictures: which files Discord lets a user choose there."""

from typing import Any

from discord import ui

PICTURE_FILES = ("image", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp", ".jfif")
"""What Discord counts as pictures, and what else can be read; it looks at the ends of names only.

Discord knows the field since August 2026, and discord.py 2.7.1 does not: it is sent by us, and
ignored where Discord does not know it. What else comes all the same is refused with a sentence.
"""
FILE_TYPES = "file_types"


class PictureUpload(ui.FileUpload[Any]):
    """A field of a form for pictures."""

    def to_component_dict(self) -> Any:  # discord.py's type lacks the new field
        """As discord.py makes it, with the kinds of files."""
        return {**super().to_component_dict(), FILE_TYPES: list(PICTURE_FILES)}
