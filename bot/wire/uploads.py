"""Uploads whose bytes are freed as soon as they are sent."""

import io

import discord

from common.graphemes import cut
from common.settings import MIB

DESCRIPTION_LIMIT = 1024
"""Characters of an alt text."""
REQUEST_LIMIT_BYTES = 25 * MIB
"""Of all files of one request together, whatever the upload limit of the place."""
OVERHEAD_BYTES = 64 * 1024
"""Headroom for the rest of the request body."""


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
        said = None if description is None else cut(description, DESCRIPTION_LIMIT)
        super().__init__(file, filename, spoiler=spoiler, description=said)

    def close(self) -> None:
        """Free the bytes; discord.py calls this when the request has ended."""
        self._closer()
