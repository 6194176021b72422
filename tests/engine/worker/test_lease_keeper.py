"""The lease keeper: renews the lease, reports progress and stores checkpoints during work."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from common.backoff import Backoff
from common.store import StorageUnavailableError
from engine.worker import lease
from engine.worker.job_handle import Checkpoint, JobHandle, StopReason
from engine.worker.lease import LeaseKeeper, NotStoppedError
from jobs.model import Claim, JobState, Progress
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome, QueueUnavailableError
from jobs.queue import JobQueue
from tests.kit.samples import RESULT, claim_job, paint_report, submit_job

PATIENCE = 60.0


@pytest.fixture
async def claim(queue: JobQueue) -> Claim:
    await submit_job(queue)
    return await claim_job(queue, "engine")


@pytest.fixture
async def keeper(queue: JobQueue, claim: Claim) -> AsyncIterator[LeaseKeeper]:
    keeper = LeaseKeeper(queue, claim, JobHandle(), asyncio.Event())
    yield keeper
    keeper.close()


async def work_for(keeper: LeaseKeeper, seconds: float) -> None:
    work = asyncio.create_task(asyncio.sleep(seconds))
    await keeper.during(work, patience_seconds=PATIENCE)


async def work_until(keeper: LeaseKeeper, condition: Callable[[], object]) -> None:
    async def wait() -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)

    await keeper.during(asyncio.create_task(wait()), patience_seconds=PATIENCE)


class FlakyDatabase:
    """Makes the database unavailable on demand, and counts requests and renewals."""

    def __init__(self, queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_unavailable, self.requests, self.renewals = True, 0, 0
        wait_for_cancellation, renew = queue.wait_for_cancellation, queue.claims.renew

        async def ask(job_id: int, seconds: float) -> bool:
            self.requests += 1
            if self.is_unavailable:
                raise QueueUnavailableError("The database is away.")
            return await wait_for_cancellation(job_id, seconds)

        async def count(*args: Any, **kwargs: Any) -> LeaseOutcome:
            self.renewals += 1
            return await renew(*args, **kwargs)

        monkeypatch.setattr(queue, "wait_for_cancellation", ask)
        monkeypatch.setattr(queue.claims, "renew", count)


async def test_unavailable_database_is_polled_less_and_lease_renewed_on_return(
    queue: JobQueue, keeper: LeaseKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease may have expired meanwhile, so that it is renewed at once."""
    monkeypatch.setattr(lease, "DATABASE_BACKOFF", Backoff(0.1, 5.0))
    database = FlakyDatabase(queue, monkeypatch)
    await work_for(keeper, 1.5)
    assert 2 <= database.requests <= 5
    database.is_unavailable = False
    await work_for(keeper, 3.0)
    assert database.renewals == 1, "not renewed once at the return"
    assert keeper.handle.stop_reason is None


async def test_lost_lease_ends_all_database_requests(
    queue: JobQueue, keeper: LeaseKeeper, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = FlakyDatabase(queue, monkeypatch)
    database.is_unavailable = False
    await queue.claims.release(claim)
    keeper.handle.put_progress(Progress(1, 9, 0.1))
    await work_until(keeper, lambda: keeper.handle.stopping)
    assert keeper.handle.stop_reason is StopReason.LEASE_LOST
    database.requests = 0
    keeper.handle.put_progress(Progress(2, 9, 0.2))
    await work_for(keeper, 0.3)
    await keeper.report_last_progress(1.0)
    assert database.requests == 0
    assert keeper.handle.take_progress() is not None, "the progress was taken"


# Checkpoints


class RecordingStore:
    """Records stored files, and refuses them while `is_full`."""

    def __init__(self, queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full, self.stored, self.refused = False, list[bytes](), 0
        put = queue.store.put

        async def take(data: bytes, suffix: str) -> str:
            if self.is_full:
                self.refused += 1
                raise StorageUnavailableError("The disk is full.")
            self.stored.append(data)
            return await put(data, suffix)

        monkeypatch.setattr(queue.store, "put", take)


@pytest.fixture
def recording_store(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> RecordingStore:
    return RecordingStore(queue, monkeypatch)


def checkpoint_of(count: int, stored: int = 0) -> Checkpoint:
    return Checkpoint(b"%d frames" % count, count, lambda number: b"frame %d" % number, stored)


async def stored_checkpoint(queue: JobQueue, claim: Claim) -> tuple[bytes | None, list[bytes]]:
    """The checkpoint and frames with which another engine would resume."""
    await queue.claims.release(claim)
    reclaimed = await claim_job(queue, "another")
    data = None
    if reclaimed.checkpoint_key is not None:
        data = await queue.store.get(reclaimed.checkpoint_key)
    return data, [await queue.store.get(key) for key in reclaimed.frames]


async def test_each_frame_is_stored_once_with_the_newest_checkpoint(
    queue: JobQueue, keeper: LeaseKeeper, claim: Claim, recording_store: RecordingStore
) -> None:
    for count in (1, 3, 4):
        keeper.handle.put_checkpoint(checkpoint_of(count))
        await work_until(keeper, lambda: b"%d frames" % count in recording_store.stored)  # noqa: B023
        await work_until(keeper, lambda: keeper.storing is None)
    stored_frames = [b"frame %d" % number for number in range(4)]
    assert [data for data in recording_store.stored if data in stored_frames] == stored_frames
    assert await stored_checkpoint(queue, claim) == (b"4 frames", stored_frames)


async def test_frames_stored_by_an_earlier_engine_are_not_stored_again(
    queue: JobQueue, keeper: LeaseKeeper, recording_store: RecordingStore
) -> None:
    keeper.handle.put_checkpoint(checkpoint_of(4, stored=3))
    await work_until(keeper, lambda: b"4 frames" in recording_store.stored)
    assert recording_store.stored == [b"frame 3", b"4 frames"]


async def test_unstorable_checkpoint_does_not_stop_the_painting(
    queue: JobQueue, keeper: LeaseKeeper, claim: Claim, recording_store: RecordingStore
) -> None:
    """The next checkpoint is stored together with the frames of the failed one."""
    recording_store.is_full = True
    keeper.handle.put_checkpoint(checkpoint_of(2))
    await work_until(keeper, lambda: recording_store.refused)
    await work_for(keeper, 0.3)
    assert keeper.handle.stop_reason is None
    recording_store.is_full = False
    keeper.handle.put_checkpoint(checkpoint_of(3))
    await work_until(keeper, lambda: b"3 frames" in recording_store.stored)
    await work_until(keeper, lambda: keeper.storing is None)
    assert await stored_checkpoint(queue, claim) == (
        b"3 frames",
        [b"frame %d" % n for n in range(3)],
    )


async def test_stored_checkpoint_is_recorded_when_the_database_is_back(
    queue: JobQueue,
    keeper: LeaseKeeper,
    claim: Claim,
    recording_store: RecordingStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "DATABASE_BACKOFF", Backoff(0.05, 0.05))
    save, attempts = queue.claims.save_checkpoint, 0

    async def fail_twice(*args: Any) -> LeaseOutcome:
        nonlocal attempts
        attempts += 1
        if attempts <= 2:
            raise QueueUnavailableError("The database is away.")
        return await save(*args)

    monkeypatch.setattr(queue.claims, "save_checkpoint", fail_twice)
    keeper.handle.put_checkpoint(checkpoint_of(2))
    await work_until(keeper, lambda: attempts == 3)
    assert recording_store.stored == [b"frame 0", b"frame 1", b"2 frames"], (
        "not stored exactly once"
    )
    assert await stored_checkpoint(queue, claim) == (b"2 frames", [b"frame 0", b"frame 1"])


# Stopping


@pytest.mark.parametrize(("seconds", "newest"), [(20.0, b"4 frames"), (0.2, b"2 frames")])
async def test_waiting_checkpoint_is_stored_at_a_stop_if_time_allows(
    queue: JobQueue,
    keeper: LeaseKeeper,
    claim: Claim,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    newest: bytes,
) -> None:
    monkeypatch.setattr(lease, "_STORING_SECONDS", 0.0)
    put, release = queue.store.put, asyncio.Event()

    async def put_slowly(data: bytes, suffix: str) -> str:
        if data == b"4 frames" and seconds < 1:
            await asyncio.sleep(60)
        await release.wait()
        return await put(data, suffix)

    monkeypatch.setattr(queue.store, "put", put_slowly)
    keeper.handle.put_checkpoint(checkpoint_of(2))
    await work_until(keeper, lambda: keeper.storing)
    keeper.handle.put_checkpoint(checkpoint_of(4))
    keeper.stop.set()
    release.set()
    storing = keeper.storing
    assert storing is not None
    await storing
    await asyncio.wait_for(keeper.save_last_checkpoint(seconds), 30)
    checkpoint, stored_frames = await stored_checkpoint(queue, claim)
    assert checkpoint == newest
    assert len(stored_frames) == int(newest[:1])


async def test_closing_the_keeper_stops_the_painting_and_cancels_storing(
    queue: JobQueue, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_STORING_SECONDS", 0.0)
    keeper = LeaseKeeper(queue, claim, JobHandle(), asyncio.Event())

    async def never_store(*_: object) -> str:
        await asyncio.sleep(3600)
        return RESULT

    monkeypatch.setattr(queue.store, "put", never_store)
    keeper.handle.put_checkpoint(Checkpoint(b"data"))
    await work_until(keeper, lambda: keeper.storing)
    storing = keeper.storing
    assert storing is not None
    keeper.close()
    assert keeper.handle.should_stop()
    await asyncio.wait({storing}, timeout=5)
    assert storing.cancelled()


async def test_work_that_ignores_a_shutdown_is_abandoned(keeper: LeaseKeeper) -> None:
    work = asyncio.create_task(asyncio.sleep(3600))
    keeper.stop.set()
    with pytest.raises(NotStoppedError):
        await asyncio.wait_for(keeper.during(work, patience_seconds=0.3), 10)
    assert keeper.handle.stop_reason is StopReason.SHUTDOWN
    work.cancel()


@pytest.mark.parametrize("is_silent", [False, True])
async def test_shutdown_gives_up_writing_to_an_unavailable_database(
    keeper: LeaseKeeper, monkeypatch: pytest.MonkeyPatch, is_silent: bool
) -> None:
    """The lease expires by itself, and a supervisor does not wait for ever."""
    monkeypatch.setattr(lease, "DATABASE_BACKOFF", Backoff(0.05, 0.05))

    async def unavailable() -> LeaseOutcome:
        if is_silent:
            await asyncio.sleep(3600)
        raise QueueUnavailableError("The database is away.")

    keeper.stop.set()
    assert await asyncio.wait_for(keeper.write(unavailable, give_up_seconds=0.3), 10) is None


async def test_write_awaits_an_unavailable_database_unless_shutting_down(
    queue: JobQueue, keeper: LeaseKeeper, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "DATABASE_BACKOFF", Backoff(0.05, 0.05))
    attempts = 0

    async def fail_nine_times() -> LeaseOutcome:
        nonlocal attempts
        attempts += 1
        if attempts < 10:
            raise QueueUnavailableError("The database is away.")
        return await queue.claims.finish(claim, RESULT, paint_report())

    assert await keeper.write(fail_nine_times, give_up_seconds=0.1) == LeaseHeld()
    done = await queue.jobs.get(claim.job.id)
    assert done is not None
    assert done.state is JobState.DONE


async def test_lease_lost_at_the_final_write_becomes_the_stop_reason(
    keeper: LeaseKeeper,
) -> None:
    async def lost() -> LeaseOutcome:
        return LeaseLost()

    assert await keeper.write(lost, give_up_seconds=1.0) == LeaseLost()
    assert keeper.handle.stop_reason is StopReason.LEASE_LOST


async def test_cancellation_is_noticed_without_progress_reports(
    queue: JobQueue, keeper: LeaseKeeper, claim: Claim
) -> None:
    await work_for(keeper, 0.6)
    await queue.jobs.cancel(claim.job.id, claim.job.user_id)
    await work_until(keeper, lambda: keeper.handle.stopping)
    assert keeper.handle.stop_reason is StopReason.CANCELLED
