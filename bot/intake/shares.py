"""What each member may have under way before there is a job, so that nobody takes it all.

What the queue shares out is counted there; this is for downloads, decoding, and the conveniences:
comparing, saving, exporting, showing again. Results of paintings never wait here.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from bot.kit import Bot, Feature, Interaction, Service, UserError
from bot.texts import _

WISHES_EACH = 12
"""Commands of a member that are being taken in."""
PICTURES_AT_ONCE, PICTURES_EACH = 8, 2
"""Being downloaded and decoded: of all members, of one."""
CONVENIENCES_AT_ONCE, CONVENIENCES_WAITING_EACH = 3, 3
"""Pictures that are made to be looked at again, one of a member at a time: of all members, and how
many more of one may wait."""
REFUSALS_EACH = 8
REFUSALS_SECONDS = 60.0
"""Who has sent `REFUSALS_EACH` unusable files within this time waits for the rest of it."""

TOO_MANY = _(
    "You already have as much in progress as one member may have at a time; please wait a "
    "moment and try again."
)
TOO_MANY_REFUSED = _(
    "Many of your files in a row could not be used; please wait {seconds} s before the next one."
)


class Turns:
    """Lets some through at once, fewer of each member, and the others in turns of members."""

    def __init__(self, at_once: int, each: int, waiting_each: int) -> None:
        """Nobody is there yet.

        Args:
            at_once: How many are let through at a time.
            each: How many of these may be one member's.
            waiting_each: How many of one member may wait; more are refused.
        """
        self._free = at_once
        self._each = each
        self._waiting_each = waiting_each
        self._inside: Counter[int] = Counter()
        self._waiting: OrderedDict[int, deque[asyncio.Future[None]]] = OrderedDict()
        self._had: Counter[int] = Counter()
        """How many were let in since the member's turn came."""

    @asynccontextmanager
    async def turn(self, member: int) -> AsyncIterator[None]:
        """Wait for a turn, and have it.

        Raises:
            UserError: as many of the member wait already as may.
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
            if turn.done() and not turn.cancelled():  # it was given at the same moment
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
        """Give what is free to those who wait, one member after the other.

        A member's turn lasts until as many are let in as one may have: so the pictures of a command
        come one after the other, and it is done before those who wait behind it begin.
        """
        for member in list(self._waiting):
            turns = self._waiting[member]
            while turns and self._free and self._inside[member] < self._each:
                turn = turns.popleft()
                if turn.done():  # who gave up
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


class Shares(Service):
    """The bot's own, for as long as it runs."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self.pictures = Turns(PICTURES_AT_ONCE, PICTURES_EACH, waiting_each=4 * WISHES_EACH)
        """Pictures that are downloaded and decoded."""
        self.conveniences = Turns(CONVENIENCES_AT_ONCE, 1, CONVENIENCES_WAITING_EACH)
        """Pictures that are made to be looked at once more."""
        self._wishes: Counter[int] = Counter()
        self._refusals: dict[int, deque[float]] = {}

    @contextmanager
    def wish(self, member: int) -> Iterator[None]:
        """Count a command of a member while it is taken in."""
        self._wishes[member] += 1
        try:
            yield
        finally:
            self._wishes[member] -= 1
            if not self._wishes[member]:
                del self._wishes[member]

    def check(self, member: int) -> None:
        """Whether a member may send more pictures now.

        Raises:
            UserError: if not, with when they may.
        """
        if self._wishes[member] >= WISHES_EACH:
            raise UserError(TOO_MANY)
        recent = self._recent(member)
        if len(recent) >= REFUSALS_EACH:
            seconds = recent[0] + REFUSALS_SECONDS - self._client.clock()
            raise UserError(TOO_MANY_REFUSED, seconds=max(1, round(seconds)))

    def refused(self, member: int) -> None:
        """Note that a file of a member could not be used, after work was put into it."""
        self._recent(member).append(self._client.clock())

    def _recent(self, member: int) -> deque[float]:
        """When files of a member were refused lately."""
        now = self._client.clock()
        for known, times in list(self._refusals.items()):
            while times and times[0] <= now - REFUSALS_SECONDS:
                times.popleft()
            if not times and known != member:
                del self._refusals[known]
        return self._refusals.setdefault(member, deque())


def convenience(interaction: Interaction) -> AbstractAsyncContextManager[None]:
    """Wait until a member may have pictures in memory that nobody waits for but they."""
    return interaction.client.service(Shares).conveniences.turn(interaction.user.id)


FEATURE = Feature(services=(Shares,))
