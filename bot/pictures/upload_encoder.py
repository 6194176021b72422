"""Ask a child process for a picture that fits; one at a time, with a bound on time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count
from typing import Literal

from bot.pictures.encoded import Encoded, checked
from common.child import ask_child

TIMEOUT_SECONDS = 120.0
_CLIP_BEYOND_BYTES = 64 * 1024**2
"""The smallest video that can be made of a clip is given back even where it is too large."""


class UploadEncoder:
    """Encodes pictures outside of the bot's process."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._numbers = count()

    async def make(
        self,
        what: Literal["fit", "compare", "fit_clip", "compare_clips"],
        limit_bytes: int,
        *files: bytes,
        is_result: bool = False,
    ) -> Encoded:
        """The best JPEG or WebP of a picture, or video of a clip file; or two side by side.

        Args:
            what: Which of them; see the functions of these names.
            limit_bytes: How large it may be.
            files: The pictures or clip files.
            is_result: Whether somebody waits for a finished painting; it goes before all that is
                only shown once more.

        Raises:
            ChildError: if that failed or took too long.
        """
        header = {"what": what, "limit_bytes": limit_bytes}
        async with self._turn(is_result):
            answer, made = await ask_child(
                "bot.pictures.child",
                header,
                files,
                timeout_seconds=TIMEOUT_SECONDS,
                most_bytes=limit_bytes + _CLIP_BEYOND_BYTES,
            )
        return checked(answer, made)

    @asynccontextmanager
    async def _turn(self, is_result: bool) -> AsyncIterator[None]:
        """One at a time, results first, each kind in the order in which it came."""
        if self._busy:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heappush(self._waiting, (not is_result, next(self._numbers), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # it was given at the same moment
                    self._next()
                raise
        self._busy = True
        try:
            yield
        finally:
            self._next()

    def _next(self) -> None:
        """Give the turn to who waits; it stays taken meanwhile, so that nobody slips in."""
        while self._waiting:
            turn = heappop(self._waiting)[-1]
            if not turn.done():
                turn.set_result(None)
                return
        self._busy = False
