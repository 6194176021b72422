"""Waits out failures of what a command depends on: store, database, decoder, Discord's CDN.

None of these is the member's mistake. So the command waits for as long as its interaction token
lasts, says so, and resumes by itself.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import TypeVar

from bot.intake.download import UnreachableError
from bot.intake.fair_use import FairSemaphore
from bot.intake.request import PaintRequest
from bot.kit import Bot, cancel
from bot.texts import _, texts_for
from bot.wire.original_response import show_waiting_notice
from common.backoff import Backoff
from common.pictures import DecoderUnavailableError
from common.store import StorageUnavailableError
from jobs.outcomes import QueueUnavailableError

log = logging.getLogger(__name__)
T = TypeVar("T")

WAITED_OUT = (
    QueueUnavailableError,
    StorageUnavailableError,
    DecoderUnavailableError,
    UnreachableError,
)
BACKOFF = Backoff(first_seconds=0.5, longest_seconds=20.0)
MIN_TRIES = 5
"""Tries at least, also if the interaction token has expired, as after a restart."""
SLOW_SECONDS = 6.0
"""A try that takes longer makes us check the dependencies; it may also be a large picture."""
NOTICE_AFTER_SECONDS = 4.0
"""A shorter outage is not mentioned to the member."""
RETRYING_AT_ONCE, RETRYING_EACH = 16, 4
"""Commands that are retried at once after an outage: of all members, of one."""
MARGIN = timedelta(seconds=45)
"""Kept back of the token's 15 minutes, to say that it did not work."""

WAITS = _(
    "Something that I need is not available at the moment. Your picture is waiting for it, and "
    "I will go on by myself as soon as it is back."
)


class Dependencies:
    """Watches store and database, with one check for all commands that wait."""

    def __init__(self, client: Bot) -> None:
        self._client = client
        self._checking: asyncio.Task[None] | None = None
        self.retrying = FairSemaphore(RETRYING_AT_ONCE, RETRYING_EACH, waiting_each=sys.maxsize)
        """Commands being retried: hundreds may have waited for the end of an outage."""

    async def stop(self) -> None:
        """Stop checking."""
        await cancel(self._checking)

    async def when_available(
        self, request: PaintRequest, work: Callable[[], Awaitable[T]], *, again: bool = False
    ) -> T:
        """Do work that needs the dependencies, with retries; if it has to wait, say so meanwhile.

        Nothing is held in memory meanwhile: a picture that could not be stored is downloaded again.

        Args:
            request: The command's request.
            work: What to do.
            again: Whether the command waited before, so that it takes its turn among the others.

        Raises:
            Exception: of the last try, when the interaction token is about to expire.
        """
        loop = asyncio.get_running_loop()
        began, has_said = loop.time(), False

        async def say() -> bool:
            words = texts_for(request.reply.locale)(WAITS)
            return await show_waiting_notice(self._client, request.reply, words)

        for failures in count():
            in_turn = again or failures > 0
            trying = asyncio.ensure_future(self._in_turn(request, work) if in_turn else work())
            try:
                await asyncio.wait({trying}, timeout=SLOW_SECONDS)
                if (
                    not trying.done()
                    and not has_said
                    and not await self._are_available(SLOW_SECONDS)
                ):
                    # A dead dependency may take half a minute to time out. A card that is sent
                    # before these words is not replaced by them: Discord refuses that.
                    has_said = trying.done() or await say()
                return await trying
            except asyncio.CancelledError:
                await cancel(trying)
                raise
            except WAITED_OUT as error:
                left = self._seconds_left(request)
                if left <= 0 and failures + 1 >= MIN_TRIES:
                    raise
                pause = BACKOFF.seconds(failures)
                log.warning(
                    "Intake %s waits, and is tried again in %.0f s: %s",
                    request.reply.interaction_id,
                    pause,
                    error,
                )
            await asyncio.sleep(pause)
            while True:
                is_late = loop.time() - began > NOTICE_AFTER_SECONDS
                if is_late and not has_said and self._seconds_left(request) > 0:
                    has_said = await say()
                if self._seconds_left(request) <= 0 or await self._are_available(
                    NOTICE_AFTER_SECONDS
                ):
                    break
        raise AssertionError("unreachable")

    async def _in_turn(self, request: PaintRequest, work: Callable[[], Awaitable[T]]) -> T:
        async with self.retrying.turn(request.asker.user_id):
            return await work()

    def _seconds_left(self, request: PaintRequest) -> float:
        ends_at = request.reply.token_expires_at - MARGIN
        return ends_at.timestamp() - self._client.clock()

    async def _are_available(self, seconds: float) -> bool:
        """Wait until both are available, for at most `seconds`; whether they are."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check_until_available(), name="dependencies")
        done, _pending = await asyncio.wait({self._checking}, timeout=seconds)
        return bool(done)

    async def _check_until_available(self) -> None:
        queue = self._client.queue
        for failures in count():
            try:
                # No intake has this ID; but only a write notices a full disk, or that another
                # program holds SQLite's lock.
                await queue.intakes.close(0)
                await queue.store.check()
            except (QueueUnavailableError, StorageUnavailableError):
                await asyncio.sleep(BACKOFF.seconds(failures))
            else:
                return
