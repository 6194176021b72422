"""Keeping a job while something is done for it: renewing, telling, hearing of cancellations."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from common.backoff import Backoff
from common.store import StorageUnavailableError
from engine.worker.handle import Checkpoint, JobHandle, StopReason
from engine.worker.hanging import HangWatch
from jobs.model import Claim
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome, QueueUnavailableError
from jobs.queue import JobQueue
from jobs.working.leases import LEASE_SECONDS

log = logging.getLogger(__name__)
T = TypeVar("T")

TICK_SECONDS = 0.1
"""A look at what is new costs nothing where nothing is."""
_STORING_SECONDS = 0.5
RENEWALS_A_LEASE = 4
HEARD_SECONDS = 0.4
"""What the queue said so recently need not be asked again."""
DATABASE_BACKOFF = Backoff(first_seconds=1.0, longest_seconds=5.0)


class NotStoppedError(Exception):
    """What was to stop did not, for longer than there is at a shutdown."""


@dataclass
class LeaseKeeper:
    """Holds one claim; whatever is awaited under it, the lease is renewed meanwhile.

    A database that is away costs nothing: the work goes on, and what the queue says when it is
    back decides. No other write can come between, thanks to the fence.
    """

    queue: JobQueue
    claim: Claim
    handle: JobHandle
    stop: asyncio.Event
    """Set at a shutdown."""
    lease_seconds: float = LEASE_SECONDS
    storing: "asyncio.Task[_Stored] | None" = None
    """The checkpoint that is on its way into the store."""
    _frames: int = 0
    """So many of its frames are stored and named."""
    _left_out: tuple[str, ...] = ()
    """What the queue knows to be left out of the job."""
    _renewed_at: "_Clocks" = field(init=False)
    _heard_at: float = float("-inf")
    _may_be_cancelled: bool = False
    _failures: int = 0
    _not_before: float = float("-inf")

    def __post_init__(self) -> None:
        self._renewed_at = _Clocks.now()

    async def during(
        self,
        work: "asyncio.Future[T]",
        *,
        patience_seconds: float,
        watch: HangWatch | None = None,
    ) -> T:
        """Wait for work, which is to look at the handle now and then.

        Args:
            work: what is awaited.
            patience_seconds: how long it may go on after a shutdown was asked for.
            watch: looks at the signs of life that the handle counts.

        Raises:
            HangingError: there were none for too long.
            NotStoppedError: it went on.
        """
        stopping = asyncio.create_task(self.stop.wait())
        asked_at: float | None = None
        try:
            while not work.done():
                waiting: set[asyncio.Future[Any]] = {work}
                if asked_at is None:
                    waiting.add(stopping)
                await asyncio.wait(
                    waiting, timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if self.stop.is_set():
                    self.handle.stop(StopReason.SHUTDOWN)
                    asked_at = time.monotonic() if asked_at is None else asked_at
                    if not work.done() and time.monotonic() - asked_at > patience_seconds:
                        raise NotStoppedError
                if not work.done():
                    if watch is not None:
                        watch.look(self.handle.signs)
                    await self._tick()
            return work.result()
        finally:
            stopping.cancel()

    async def _tick(self) -> None:
        """Tell the queue what is new, renew the lease, and hear whether to go on."""
        if self.handle.stop_reason is StopReason.LEASE_LOST or time.monotonic() < self._not_before:
            return
        try:
            outcomes = await self._tell()
        except QueueUnavailableError as error:
            if self._failures == 0:
                log.warning("%s The work on the job goes on.", error)
            self._not_before = time.monotonic() + DATABASE_BACKOFF.seconds(self._failures)
            self._failures += 1
            return
        if self._failures:
            log.info("the database is there again")
            self._failures = 0
        self._hear(outcomes)

    def _hear(self, outcomes: list[LeaseOutcome]) -> None:
        for outcome in outcomes:
            match outcome:
                case LeaseLost():
                    self.handle.stop(StopReason.LEASE_LOST)
                case LeaseHeld(cancel_requested=True):
                    self.handle.stop(StopReason.CANCELLED)
                case LeaseHeld():
                    pass

    async def _tell(self) -> list[LeaseOutcome]:
        claims = self.queue.claims
        # A look at what is known already, before what is said next may say it, too.
        if await self.queue.wait_for_cancellation(self.claim.job.id, 0.0):
            self._may_be_cancelled = True
        outcomes = [*await self._keep_checkpoint(), *await self._tell_progress()]
        if self._failures or self._renewed_at.seconds_ago() > self.lease_seconds / RENEWALS_A_LEASE:
            outcomes.append(await claims.renew(self.claim, lease_seconds=self.lease_seconds))
            self._renewed_at = _Clocks.now()
        now = time.monotonic()
        if outcomes:
            self._heard_at, self._may_be_cancelled = now, False
        elif self._may_be_cancelled and now - self._heard_at > HEARD_SECONDS:
            job = await self.queue.jobs.get(self.claim.job.id)
            self._heard_at, self._may_be_cancelled = now, False
            if job is None or job.cancel_requested:
                self.handle.stop(StopReason.CANCELLED)
        return outcomes

    async def _tell_progress(self) -> list[LeaseOutcome]:
        claims, outcomes = self.queue.claims, list[LeaseOutcome]()
        progress = self.handle.take_progress()
        if (left_out := self.handle.left_out) != self._left_out:  # as the progress is without them
            outcomes.append(await claims.leave_out(self.claim, left_out))
            self._left_out = left_out
        if progress is not None:
            outcomes.append(await claims.report_progress(self.claim, progress))
        return outcomes

    async def tell_last_progress(self, seconds: float) -> None:
        """Tell what is new of work that has just ended: which of several pictures are finished."""
        if self.handle.stop_reason is not StopReason.LEASE_LOST:
            with contextlib.suppress(QueueUnavailableError, TimeoutError):
                async with asyncio.timeout(seconds):
                    self._hear(await self._tell_progress())

    async def keep_last_checkpoint(self, seconds: float) -> None:
        """Name the checkpoint that is just being stored, and the one that waits behind it.

        Args:
            seconds: how long that may take; what is not stored then is given up.
        """
        until = time.monotonic() + seconds
        with contextlib.suppress(QueueUnavailableError):
            while True:
                await self._keep_checkpoint()
                left = until - time.monotonic()
                if left <= 0 or (self.storing is None and not self.handle.has_checkpoint):
                    return
                if self.storing is not None:
                    await asyncio.wait({self.storing}, timeout=left)

    async def _keep_checkpoint(self) -> list[LeaseOutcome]:
        """Store the newest checkpoint, beside all else, and name it once it is stored.

        That of a large picture takes long on its way to another machine; the lease must not
        wait for it. Frames are stored once, when they are new.
        """
        if self.storing is None:
            if (checkpoint := self.handle.take_checkpoint()) is None:
                return []
            self.storing = asyncio.create_task(self._store(checkpoint))
            await asyncio.wait({self.storing}, timeout=_STORING_SECONDS)
        if not self.storing.done():
            return []
        try:
            stored = self.storing.result()
        except (StorageUnavailableError, OSError) as error:  # a full disk must not end a painting
            log.warning("no checkpoint: %s", error)
            self.storing = None
            return []
        outcome = await self.queue.claims.save_checkpoint(self.claim, stored.key, stored.frames)
        self._frames += len(stored.frames)
        self.storing = None
        return [outcome]

    async def _store(self, checkpoint: Checkpoint) -> "_Stored":
        store, frames = self.queue.store, {}
        self._frames = max(self._frames, checkpoint.stored)
        for number in range(self._frames, checkpoint.frames):
            file = await asyncio.to_thread(checkpoint.file, number)
            frames[number] = await store.put(file, ".png")
        return _Stored(await store.put(checkpoint.data, ".ckpt"), frames)

    async def write(
        self, ending: Callable[[], Awaitable[LeaseOutcome]], *, give_up_seconds: float
    ) -> LeaseOutcome | None:
        """Write how the job ended, however long the database is away.

        Args:
            ending: makes the write; called again after a trouble.
            give_up_seconds: after a shutdown was asked for. The lease then ends by itself.

        Returns:
            What came of it; None where it was given up.
        """
        failures, gives_up_at = 0, float("inf")
        while time.monotonic() < gives_up_at:
            if self.stop.is_set():
                gives_up_at = min(gives_up_at, time.monotonic() + give_up_seconds)
            try:
                async with asyncio.timeout(give_up_seconds if self.stop.is_set() else None):
                    outcome = await ending()
            except QueueUnavailableError as error:
                pause = DATABASE_BACKOFF.seconds(failures)
                failures += 1
                log.warning("%s What is to be written is kept; again in %.0f s.", error, pause)
                await (
                    asyncio.sleep(pause) if self.stop.is_set() else sleep_unless(self.stop, pause)
                )
            except TimeoutError:
                log.warning("the database does not answer; the lease is left to end by itself")
                break
            else:
                if isinstance(outcome, LeaseLost):
                    self.handle.stop(StopReason.LEASE_LOST)
                return outcome
        return None

    def close(self) -> None:
        """Let the painting thread stop, and leave what is being stored and what lies on disk."""
        if self.storing is not None:
            self.storing.cancel()
        self.handle.stop(StopReason.SHUTDOWN)
        self.handle.close()


@dataclass(frozen=True)
class _Stored:
    """A checkpoint in the store, with those of its frames that are new there, by their number."""

    key: str
    frames: Mapping[int, str]


@dataclass(frozen=True)
class _Clocks:
    """A moment by both clocks: a machine that sleeps stops one of them."""

    steady: float
    wall: float

    @classmethod
    def now(cls) -> "_Clocks":
        return cls(time.monotonic(), time.time())

    def seconds_ago(self) -> float:
        now = self.now()
        return max(now.steady - self.steady, now.wall - self.wall)


async def sleep_unless(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but not over a shutdown."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
