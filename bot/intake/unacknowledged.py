"""Commands that Discord waits for, three seconds each: to queue the jobs of others can wait."""

import asyncio
import contextlib
from collections.abc import Iterator

OTHERS_FIRST_SECONDS = 1.5


class Unacknowledged:
    """Those that are to be acknowledged."""

    def __init__(self) -> None:
        self._number = 0
        self._none = asyncio.Event()

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count a command, for as long as it is none of ours yet."""
        self._number += 1
        self._none.clear()
        try:
            yield
        finally:
            self._number -= 1
            if not self._number:
                self._none.set()

    async def first(self) -> None:
        """Let them go first, though not for ever."""
        if self._number:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(OTHERS_FIRST_SECONDS):
                    await self._none.wait()
