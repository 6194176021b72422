"""Ask a child process for a picture that fits; one at a time, with a bound on time."""

import asyncio

from bot.pictures.child import Encoded
from common.child import ask_child

TIMEOUT_SECONDS = 120.0


class UploadEncoder:
    """Encodes pictures outside of the bot's process."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def fit(self, data: bytes, limit_bytes: int) -> Encoded:
        """The best JPEG or WebP of at most `limit_bytes`.

        Raises:
            ChildError: if that failed or took too long.
        """
        return await self._ask("fit", limit_bytes, data)

    async def compare(self, before: bytes, after: bytes, limit_bytes: int) -> Encoded:
        """Two pictures side by side, in at most `limit_bytes`.

        Raises:
            ChildError: if that failed or took too long.
        """
        return await self._ask("compare", limit_bytes, before, after)

    async def _ask(self, what: str, limit_bytes: int, *files: bytes) -> Encoded:
        header = {"what": what, "limit_bytes": limit_bytes}
        async with self._one_at_a_time:
            answer, made = await ask_child(
                "bot.pictures.child", header, files, timeout_seconds=TIMEOUT_SECONDS
            )
        return Encoded(**{**answer, "data": made[0]})
