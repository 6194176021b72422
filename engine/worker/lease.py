"""Keeps the lease of a job: renews it, reports progress, and hears of cancellations."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from common.backoff import Backoff
from common.store import StorageUnavailableError
from engine.worker.job_handle import Checkpoint, JobHandle, StopReason
from engine.worker.watchdog import Watchdog
from jobs.model import Claim
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome, QueueUnavailableError
from jobs.queue import JobQueue

log = logging.getLogger(__name__)
T = TypeVar("T")

TICK_SECONDS = 0.1
"""Time between two looks at the handle."""
_STORING_SECONDS = 0.5
RENEWALS_A_LEASE = 4
ANSWER_SECONDS = 0.4
"""How recent an answer of the queue must be not to ask again."""
DATABASE_BACKOFF = Backoff(first_seconds=1.0, longest_seconds=5.0)


class NotStoppedError(Exception):
    """The work did not stop in the time that a shutdown allows."""


@dataclass
class LeaseKeeper:
    """Holds one claim, and renews its lease while something is awaited.

    If the database is unavailable the work continues, and the queue's answer decides once it is
    back. The fencing token prevents conflicting writes meanwhile.
    """

    queue: JobQueue
    claim: Claim
    handle: JobHandle
    stop: asyncio.Event
    """Set at a shutdown."""
    storing: "asyncio.Task[_Stored] | None" = None
    """The checkpoint that is being stored."""
    _frames: int = 0
    """Number of frames that are stored and known to the queue."""
    _left_out: tuple[str, ...] = ()
    """What the queue knows as left out of the job."""
    _renewed_at: "_Clocks" = field(init=False)
    _answered_at: float = float("-inf")
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
        watch: Watchdog | None = None,
    ) -> T:
        """Wait for work, which asks the handle regularly whether to stop.

        Args:
            work: what to await.
            patience_seconds: how long it may continue after a shutdown was requested.
            watch: checks that the work still asks the handle.

        Raises:
            HangingError: it has not asked for too long.
            NotStoppedError: it continued for longer than `patience_seconds`.
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
                        watch.check(self.handle.stop_checks)
                    await self._tick()
            return work.result()
        finally:
            stopping.cancel()

    async def _tick(self) -> None:
        """Report what is new, renew the lease, and learn whether to continue."""
        if self.handle.stop_reason is StopReason.LEASE_LOST or time.monotonic() < self._not_before:
            return
        try:
            outcomes = await self._report()
        except QueueUnavailableError as error:
            if self._failures == 0:
                log.warning("%s The work on the job goes on.", error)
            self._not_before = time.monotonic() + DATABASE_BACKOFF.seconds(self._failures)
            self._failures += 1
            return
        if self._failures:
            log.info("the database is there again")
            self._failures = 0
        self._apply(outcomes)

    def _apply(self, outcomes: list[LeaseOutcome]) -> None:
        for outcome in outcomes:
            match outcome:
                case LeaseLost():
                    self.handle.stop(StopReason.LEASE_LOST)
                case LeaseHeld(cancel_requested=True):
                    self.handle.stop(StopReason.CANCELLED)
                case LeaseHeld():
                    pass

    async def _report(self) -> list[LeaseOutcome]:
        claims = self.queue.claims
        # Checked first, as the answers to the writes below may say it, too.
        if await self.queue.wait_for_cancellation(self.claim.job.id, 0.0):
            self._may_be_cancelled = True
        outcomes = [*await self._save_checkpoint(), *await self._report_progress()]
        pause_seconds = self.claim.lease_seconds / RENEWALS_A_LEASE
        if self._failures or self._renewed_at.seconds_ago() > pause_seconds:
            outcomes.append(await claims.renew(self.claim))
            self._renewed_at = _Clocks.now()
        now = time.monotonic()
        if outcomes:
            self._answered_at, self._may_be_cancelled = now, False
        elif self._may_be_cancelled and now - self._answered_at > ANSWER_SECONDS:
            job = await self.queue.jobs.get(self.claim.job.id)
            self._answered_at, self._may_be_cancelled = now, False
            if job is None or job.cancel_requested:
                self.handle.stop(StopReason.CANCELLED)
        return outcomes

    async def _report_progress(self) -> list[LeaseOutcome]:
        claims, outcomes = self.queue.claims, list[LeaseOutcome]()
        progress = self.handle.take_progress()
        if (left_out := self.handle.left_out) != self._left_out:  # as the progress is without them
            outcomes.append(await claims.leave_out(self.claim, left_out))
            self._left_out = left_out
        if progress is not None:
            outcomes.append(await claims.report_progress(self.claim, progress))
        return outcomes

    async def report_last_progress(self, seconds: float) -> None:
        """Report the last progress of work that has just ended: which versions are finished."""
        if self.handle.stop_reason is not StopReason.LEASE_LOST:
            with contextlib.suppress(QueueUnavailableError, TimeoutError):
                async with asyncio.timeout(seconds):
                    self._apply(await self._report_progress())

    async def save_last_checkpoint(self, seconds: float) -> None:
        """Save the checkpoint that is being stored, and the one that waits behind it.

        Args:
            seconds: time limit; what is not stored by then is dropped.
        """
        until = time.monotonic() + seconds
        with contextlib.suppress(QueueUnavailableError):
            while True:
                await self._save_checkpoint()
                left = until - time.monotonic()
                if left <= 0 or (self.storing is None and not self.handle.has_checkpoint):
                    return
                if self.storing is not None:
                    await asyncio.wait({self.storing}, timeout=left)

    async def _save_checkpoint(self) -> list[LeaseOutcome]:
        """Store the newest checkpoint in the background, and save its key once it is stored.

        Uploading the checkpoint of a large picture can take long, and the lease must not wait for
        it. Each frame of a clip is stored once.
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
        """Write how the job ended, however long the database is unavailable.

        Args:
            ending: performs the write; called again after an error.
            give_up_seconds: time limit after a shutdown was requested; the lease then expires.

        Returns:
            The outcome; None if it gave up.
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
        """Ask the painting thread to stop, cancel uploads, and delete files on disk."""
        if self.storing is not None:
            self.storing.cancel()
        self.handle.stop(StopReason.SHUTDOWN)
        self.handle.close()


@dataclass(frozen=True)
class _Stored:
    """Key of a stored checkpoint, and keys of its newly stored frames by number."""

    key: str
    frames: Mapping[int, str]


@dataclass(frozen=True)
class _Clocks:
    """A time by both clocks, as one of them stops while the machine sleeps."""

    steady: float
    wall: float

    @classmethod
    def now(cls) -> "_Clocks":
        return cls(time.monotonic(), time.time())

    def seconds_ago(self) -> float:
        now = self.now()
        return max(now.steady - self.steady, now.wall - self.wall)


async def sleep_unless(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but at most until a shutdown."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
