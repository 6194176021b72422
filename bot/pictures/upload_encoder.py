"""Runs the encoding child process: one request at a time, with a timeout."""

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
"""How far a video may exceed the limit: the smallest possible one is returned even if too large."""


class UploadEncoder:
    """Encodes pictures outside the bot's process."""

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
        """Encode a picture (JPEG or WebP), a clip (MP4), or two side by side.

        Args:
            what: Which of these: the name of a function in `child` or `clips`.
            limit_bytes: The largest result.
            files: The pictures or clip files.
            is_result: Whether a user waits for a finished painting; goes before everything else.

        Raises:
            ChildError: It failed or took too long.
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
        """Wait for the encoder.

        One at a time, results first, otherwise first come, first served.
        """
        if self._busy:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heappush(self._waiting, (not is_result, next(self._numbers), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # handed over at the same moment
                    self._next()
                raise
        self._busy = True
        try:
            yield
        finally:
            self._next()

    def _next(self) -> None:
        """Hand the encoder to the next waiter. It stays busy meanwhile, so that nobody cuts in."""
        while self._waiting:
            turn = heappop(self._waiting)[-1]
            if not turn.done():
                turn.set_result(None)
                return
        self._busy = False
