"""Files to upload, which are gone from memory once they are sent."""

import io

import discord

from common.settings import MIB

DESCRIPTION_LIMIT = 1024
"""Characters of what is read to those who do not see a picture."""
REQUEST_LIMIT_BYTES = 25 * MIB
"""Of all files of a request together, whatever a place allows for each."""
ROOM_BYTES = 64 * 1024
"""For the rest of the request."""


class Upload(discord.File):
    """Bytes to attach to one message.

    `discord.File` leaves a reference cycle behind when it is closed, so that the bytes stay until
    the next full garbage collection: with pictures of some MB each, that doubles the bot's memory.
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
        said = None if description is None else description[:DESCRIPTION_LIMIT]
        super().__init__(file, filename, spoiler=spoiler, description=said)

    def close(self) -> None:
        """Let go of the bytes; discord.py calls this when the request has ended."""
        self._closer()
