"""Ask a child process for a picture that fits; one at a time, with a bound on time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.pictures.encoded import Encoded, checked
from common.child import ask_child

TIMEOUT_SECONDS = 120.0
_CLIP_BEYOND_BYTES = 64 * 1024**2
"""The smallest video that can be made of a clip is given back even where it is too large."""


class UploadEncoder:
    """Encodes pictures outside of the bot's process."""

    def __init__(self) -> None:
        self._busy = False
        self._results: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    async def fit(self, data: bytes, limit_bytes: int, *, is_result: bool = False) -> Encoded:
        """The best JPEG or WebP of at most `limit_bytes`.

        Args:
            data: the picture.
            limit_bytes: how large it may be.
            is_result: whether somebody waits for a finished painting; it goes before all that is
                only shown once more.

        Raises:
            ChildError: if that failed or took too long.
        """
        return await self._ask("fit", limit_bytes, data, is_result=is_result)

    async def compare(self, before: bytes, after: bytes, limit_bytes: int) -> Encoded:
        """Two pictures side by side, in at most `limit_bytes`.

        Raises:
            ChildError: if that failed or took too long.
        """
        return await self._ask("compare", limit_bytes, before, after)

    async def fit_clip(self, clip: bytes, limit_bytes: int, *, is_result: bool = False) -> Encoded:
        """The best video of a clip file in at most `limit_bytes`; see `fit`.

        Raises:
            ChildError: if that failed or took too long.
        """
        return await self._ask("fit_clip", limit_bytes, clip, is_result=is_result)

    async def compare_clips(self, before: bytes, after: bytes, limit_bytes: int) -> Encoded:
        """Two clip files side by side, moving, in at most `limit_bytes`.

        Raises:
            ChildError: if that failed or took too long.
        """
        return await self._ask("compare_clips", limit_bytes, before, after)

    async def _ask(
        self, what: str, limit_bytes: int, *files: bytes, is_result: bool = False
    ) -> Encoded:
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
            (self._results if is_result else self._others).append(turn)
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
        for waiting in (self._results, self._others):
            while waiting:
                turn = waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._busy = False
