"""How much of strangers' files is in memory at one time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ByteBudget:
    """Lets a number of bytes and of pieces be held at once; the others wait their turn."""

    def __init__(self, total_bytes: int, pieces: int) -> None:
        self._total_bytes = total_bytes
        self._left_bytes = total_bytes
        self._pieces = asyncio.Semaphore(pieces)
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def hold(self, size_bytes: int) -> AsyncIterator[None]:
        """Wait until there is room, and hold it."""
        size_bytes = min(size_bytes, self._total_bytes)
        async with self._pieces:
            async with self._changed:
                await self._changed.wait_for(lambda: self._left_bytes >= size_bytes)
                self._left_bytes -= size_bytes
            try:
                yield
            finally:
                self._left_bytes += size_bytes
                async with self._changed:
                    self._changed.notify_all()
