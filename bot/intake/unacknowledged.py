"""Lets commands that wait for their acknowledgement go before work that can wait."""

import asyncio
import contextlib
from collections.abc import Iterator

OTHERS_FIRST_SECONDS = 1.5


class Unacknowledged:
    """Counts commands that are not acknowledged yet."""

    def __init__(self) -> None:
        self._number = 0
        self._none = asyncio.Event()

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count a command for the block, until it is acknowledged."""
        self._number += 1
        self._none.clear()
        try:
            yield
        finally:
            self._number -= 1
            if not self._number:
                self._none.set()

    async def wait_for_others(self) -> None:
        """Wait until there is none, for at most `OTHERS_FIRST_SECONDS`."""
        if self._number:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(OTHERS_FIRST_SECONDS):
                    await self._none.wait()
