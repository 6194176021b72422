"""Limits what members may have in progress before there is a job, so that none starves others.

The queue limits jobs; these limits are for downloads, decoding, and conveniences: comparing,
saving, exporting, showing again. Results of paintings never wait here.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from bot.kit import Bot, Feature, Interaction, Service, UserError
from bot.texts import _

REQUESTS_EACH = 12
"""Commands of one member that are being handled."""
PICTURES_AT_ONCE, PICTURES_EACH = 8, 2
"""Pictures being downloaded and decoded: of all members, of one."""
CONVENIENCES_AT_ONCE, CONVENIENCES_WAITING_EACH = 3, 3
"""Conveniences run one at a time for each member: how many run at once, and how many more of one
member may wait."""
REFUSALS_EACH = 8
REFUSALS_SECONDS = 60.0
"""A member with `REFUSALS_EACH` unusable files within this time waits until it is over."""

TOO_MANY = _(
    "You already have as much in progress as one member may have at a time; please wait a "
    "moment and try again."
)
TOO_MANY_REFUSED = _(
    "Many of your files in a row could not be used; please wait {seconds} s before the next one."
)


class FairSemaphore:
    """A fair semaphore: a limit for all, a lower one for each member, and members take turns."""

    def __init__(self, at_once: int, each: int, waiting_each: int) -> None:
        """Create it with nobody inside.

        Args:
            at_once: How many may be inside at a time.
            each: How many of these may be one member's.
            waiting_each: How many of one member may wait; more are refused.
        """
        self._free = at_once
        self._each = each
        self._waiting_each = waiting_each
        self._inside: Counter[int] = Counter()
        self._waiting: OrderedDict[int, deque[asyncio.Future[None]]] = OrderedDict()
        self._had: Counter[int] = Counter()
        """How many were let in during the member's current turn."""

    @asynccontextmanager
    async def turn(self, member: int) -> AsyncIterator[None]:
        """Wait until the member may enter, and be inside for the block.

        Raises:
            UserError: Too many of the member's are waiting already.
        """
        if self._free and self._inside[member] < self._each:
            self._enter(member)
        else:
            await self._wait(member)
        try:
            yield
        finally:
            self._leave(member)

    async def _wait(self, member: int) -> None:
        mine = self._waiting.setdefault(member, deque())
        if len(mine) >= self._waiting_each:
            raise UserError(TOO_MANY)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        mine.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # handed over at the same moment
                self._leave(member)
            raise

    def _enter(self, member: int) -> None:
        self._free -= 1
        self._inside[member] += 1

    def _leave(self, member: int) -> None:
        self._free += 1
        self._inside[member] -= 1
        if not self._inside[member]:
            del self._inside[member]
        self._let_in()

    def _let_in(self) -> None:
        """Let waiters in, one member after the other.

        A member's turn lasts until as many were let in as one member may have. So the pictures of
        one command follow each other, and it is complete before the commands queued behind it
        begin.
        """
        for member in list(self._waiting):
            turns = self._waiting[member]
            while turns and self._free and self._inside[member] < self._each:
                turn = turns.popleft()
                if turn.done():  # cancelled
                    continue
                self._enter(member)
                turn.set_result(None)
                self._had[member] += 1
                if self._had[member] >= self._each:
                    del self._had[member]
                    self._waiting.move_to_end(member)
                    break
            if not turns:
                del self._waiting[member]
                del self._had[member]


class ByteBudget:
    """A semaphore for bytes and for a number of pieces held in memory at once."""

    def __init__(self, total_bytes: int, pieces: int) -> None:
        self._total_bytes = total_bytes
        self._left_bytes = total_bytes
        self._pieces = asyncio.Semaphore(pieces)
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def hold(self, size_bytes: int) -> AsyncIterator[None]:
        """Wait until there is room for these bytes, and hold it for the block."""
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


class FairUse(Service):
    """The semaphores and counters, shared by all parts of the bot."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self.pictures = FairSemaphore(
            PICTURES_AT_ONCE, PICTURES_EACH, waiting_each=4 * REQUESTS_EACH
        )
        """For pictures being downloaded and decoded."""
        self.conveniences = FairSemaphore(CONVENIENCES_AT_ONCE, 1, CONVENIENCES_WAITING_EACH)
        """For pictures that are only encoded again."""
        self._requests: Counter[int] = Counter()
        self._refusals: dict[int, deque[float]] = {}

    @contextmanager
    def request(self, member: int) -> Iterator[None]:
        """Count a member's command for as long as it is being handled."""
        self._requests[member] += 1
        try:
            yield
        finally:
            self._requests[member] -= 1
            if not self._requests[member]:
                del self._requests[member]

    def check(self, member: int) -> None:
        """Check that a member may send more pictures now.

        Raises:
            UserError: Too many commands in progress, or too many unusable files; says for how long.
        """
        if self._requests[member] >= REQUESTS_EACH:
            raise UserError(TOO_MANY)
        recent = self._recent(member)
        if len(recent) >= REFUSALS_EACH:
            seconds = recent[0] + REFUSALS_SECONDS - self._client.clock()
            raise UserError(TOO_MANY_REFUSED, seconds=max(1, round(seconds)))

    def refused(self, member: int) -> None:
        """Note that a member's file was unusable, after it was downloaded or decoded."""
        self._recent(member).append(self._client.clock())

    def _recent(self, member: int) -> deque[float]:
        """When the member's recent files were refused."""
        now = self._client.clock()
        for known, times in list(self._refusals.items()):
            while times and times[0] <= now - REFUSALS_SECONDS:
                times.popleft()
            if not times and known != member:
                del self._refusals[known]
        return self._refusals.setdefault(member, deque())


def convenience(interaction: Interaction) -> AbstractAsyncContextManager[None]:
    """Wait for the member's turn to hold pictures in memory for a convenience."""
    return interaction.client.service(FairUse).conveniences.turn(interaction.user.id)


FEATURE = Feature(services=(FairUse,))
