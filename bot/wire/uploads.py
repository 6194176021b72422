"""Uploads whose bytes are freed as soon as they are sent."""

import io
from collections.abc import Callable, Sequence

import discord
from discord.utils import DEFAULT_FILE_SIZE_LIMIT_BYTES

from common.graphemes import cut
from common.settings import MIB

ALT_TEXT_LIMIT = 1024
"""Characters, of a gallery item and of an attachment."""
MOST_BYTES = 25 * MIB - 64 * 1024
"""Of all files of one request together, whatever the upload limit of the place: what Discord takes,
less headroom for the rest of the request body."""


def upload_limit_bytes(guild: discord.Guild | None) -> int:
    """The upload limit of a server, or that of all other places."""
    return DEFAULT_FILE_SIZE_LIMIT_BYTES if guild is None else guild.filesize_limit


class Upload(discord.File):
    """Bytes to attach to one message.

    `discord.File` leaves a reference cycle behind when it is closed, so the bytes stay in memory
    until the next full garbage collection, which for large pictures is too late.
    """

    def __init__(
        self,
        data: "bytes | io.BytesIO",
        filename: str,
        *,
        spoiler: bool = False,
        description: str | None = None,
    ) -> None:
        file = io.BytesIO(data) if isinstance(data, bytes) else data
        said = None if description is None else cut(description, ALT_TEXT_LIMIT)
        super().__init__(file, filename, spoiler=spoiler, description=said)

    def close(self) -> None:
        """Free the bytes; discord.py calls this when the request has ended."""
        self._closer()


def repeatable(files: Sequence[discord.File]) -> Callable[[], list[discord.File]]:
    """A function that makes these unsent files anew for each request, as each can be sent once."""
    kept = [(file.fp.read(), file.filename, file.spoiler, file.description) for file in files]
    return lambda: [
        Upload(data, name, spoiler=spoiler, description=description)
        for data, name, spoiler, description in kept
    ]
