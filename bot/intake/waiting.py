"""Waiting for what a command needs besides its member: store, database, decoder, Discord's files.

None of that is the member's doing. So the command waits as long as its answer can be reached, says
so, and goes on by itself.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import TypeVar

from bot.intake.download import UnreachableError
from bot.intake.request import PaintRequest
from bot.intake.shares import Turns
from bot.kit import Bot, cancel
from bot.texts import _, texts_for
from bot.wire.original_response import say_meanwhile
from common.backoff import Backoff
from common.pictures import DecoderUnavailableError
from common.store import StorageUnavailableError
from jobs.outcomes import QueueUnavailableError

log = logging.getLogger(__name__)
T = TypeVar("T")

AWAY = (
    QueueUnavailableError,
    StorageUnavailableError,
    DecoderUnavailableError,
    UnreachableError,
)
BACKOFF = Backoff(first_seconds=0.5, longest_seconds=20.0)
LEAST_TRIES = 5
"""Of a command whose answer can be reached no more, as after a restart."""
SLOW_SECONDS = 6.0
"""What takes longer is looked after; a large picture on a busy machine may, too."""
SAID_AFTER_SECONDS = 4.0
"""What passes sooner is not worth a word."""
RETURNING_AT_ONCE, RETURNING_EACH = 16, 4
"""Commands that are tried again after an outage: of all members, of one."""
MARGIN = timedelta(seconds=45)
"""Left of the 15 minutes, to say that it did not work."""

WAITS = _(
    "Something that I need is not available at the moment. Your picture is waiting for it, and "
    "I will go on by myself as soon as it is back."
)


class Dependencies:
    """Looks whether store and database are there, once for all commands that wait."""

    def __init__(self, client: Bot) -> None:
        self._client = client
        self._looking: asyncio.Task[None] | None = None
        self.returning = Turns(RETURNING_AT_ONCE, RETURNING_EACH, waiting_each=sys.maxsize)
        """Commands that are tried again: after an outage hundreds may have waited for its end."""

    async def stop(self) -> None:
        """Look no more."""
        await cancel(self._looking)

    async def patiently(
        self, request: PaintRequest, work: Callable[[], Awaitable[T]], *, again: bool = False
    ) -> T:
        """Do what needs them; wait while they are away, and say so in the command's answer.

        Nothing is held meanwhile: a picture that could not be stored is fetched anew.

        Args:
            request: What the command asks for.
            work: What to do.
            again: Whether the command waited before, so that it takes its turn among others.

        Raises:
            Exception: as the last try did, when the answer can soon be reached no more.
        """
        loop = asyncio.get_running_loop()
        began, has_said = loop.time(), False

        async def say() -> bool:
            words = texts_for(request.reply.locale)(WAITS)
            return await say_meanwhile(self._client, request.reply, words)

        for failures in count():
            in_turn = again or failures > 0
            trying = asyncio.ensure_future(self._in_turn(request, work) if in_turn else work())
            try:
                await asyncio.wait({trying}, timeout=SLOW_SECONDS)
                if not trying.done() and not has_said and not await self._are_well(SLOW_SECONDS):
                    # What does not answer may take half a minute to be given up. A card that
                    # comes before these words is not replaced by them: Discord refuses that.
                    has_said = trying.done() or await say()
                return await trying
            except asyncio.CancelledError:
                await cancel(trying)
                raise
            except AWAY as error:
                left = self._seconds_left(request)
                if left <= 0 and failures + 1 >= LEAST_TRIES:
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
                is_late = loop.time() - began > SAID_AFTER_SECONDS
                if is_late and not has_said and self._seconds_left(request) > 0:
                    has_said = await say()
                if self._seconds_left(request) <= 0 or await self._are_well(SAID_AFTER_SECONDS):
                    break
        raise AssertionError("unreachable")

    async def _in_turn(self, request: PaintRequest, work: Callable[[], Awaitable[T]]) -> T:
        async with self.returning.turn(request.asker.user_id):
            return await work()

    def _seconds_left(self, request: PaintRequest) -> float:
        ends_at = request.reply.token_expires_at - MARGIN
        return ends_at.timestamp() - self._client.clock()

    async def _are_well(self, seconds: float) -> bool:
        """Wait until both are there, but not longer than so; whether they are."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="dependencies")
        done, _pending = await asyncio.wait({self._looking}, timeout=seconds)
        return bool(done)

    async def _look(self) -> None:
        queue = self._client.queue
        for failures in count():
            try:
                # There is none of this number; but on a full disk and beside a program that
                # holds SQLite's lock only what writes finds out.
                await queue.intakes.close(0)
                await queue.store.check()
            except (QueueUnavailableError, StorageUnavailableError):
                await asyncio.sleep(BACKOFF.seconds(failures))
            else:
                return
