"""How a worker keeps its job, names its checkpoints, and leaves it to another."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from common.sentences import Sentence
from common.settings import Settings
from common.store import PictureStore
from engine.worker import progress_reporter, service
from engine.worker.job_handle import CHECKPOINT_GONE, OTHER_VERSION, OTHER_WEIGHTS
from jobs.core import row_of
from jobs.db import schema
from jobs.execution import reaper
from jobs.execution.ending import DIED, SURVIVED
from jobs.model import Claim, Job, JobState
from jobs.outcomes import LeaseOutcome
from jobs.queue import JobQueue
from tests.engine.worker.conftest import Poster, SlowPainting, train_lite_differently
from tests.engine.worker.test_health import charged
from tests.engine.worker.working import INFO, ended, running, worker


async def test_job_of_a_stopped_worker_is_requeued_and_finished_by_another(
    queue: JobQueue, settings: Settings, poster: Poster, slow_painting: SlowPainting
) -> None:
    job = await poster.post(size_px=64, iterations=10)
    async with worker(queue, settings) as stop:
        await running(queue, job)
        stop.set()
    back = await queue.jobs.get(job.id)
    assert back is not None
    assert (back.state, back.attempts) == (JobState.QUEUED, 0)
    slow_painting.step_seconds = 0.0
    async with worker(queue, settings):
        assert (await ended(queue, job)).state is JobState.DONE


@pytest.mark.usefixtures("slow_painting")
async def test_painting_longer_than_a_lease_keeps_its_job(
    queue: JobQueue, settings: Settings, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LEASE_SECONDS", 4.0)
    monkeypatch.setattr(reaper, "AWAKE_SECONDS", 0.0)
    monkeypatch.setattr(progress_reporter, "PROGRESS_SECONDS", 60.0)  # which renews it, too
    job = await poster.post(iterations=100_000)
    async with worker(queue, settings):
        await running(queue, job)
        await asyncio.sleep(5)
        await queue.claims.reap()
        now = await queue.jobs.get(job.id)
        assert now is not None
        assert (now.state, now.attempts) == (JobState.RUNNING, 1)
        await queue.jobs.cancel(job.id, job.user_id)
        assert (await ended(queue, job)).state is JobState.CANCELLED


class SlowStore(PictureStore):
    """One at the end of a long line."""

    seconds = 3.0
    """What a checkpoint takes to get there."""

    async def put(self, data: bytes, suffix: str) -> str:
        if suffix == ".ckpt":
            await asyncio.sleep(self.seconds)
        return await super().put(data, suffix)


@pytest.mark.usefixtures("slow_painting")
async def test_slowly_stored_checkpoint_costs_no_lease_and_is_recorded(
    queue: JobQueue, settings: Settings, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LEASE_SECONDS", 4.0)
    monkeypatch.setattr(reaper, "AWAKE_SECONDS", 0.0)
    monkeypatch.setattr(progress_reporter, "CHECKPOINT_SECONDS", 0.1)
    queue.store = store = SlowStore(settings.storage_url)
    store.seconds = 5.0
    job = await poster.post(iterations=100_000)
    async with worker(queue, settings) as stop:
        async with asyncio.timeout(60):
            while not await named_checkpoint(queue, job):
                await queue.claims.reap()
                await asyncio.sleep(0.2)
        now = await queue.jobs.get(job.id)
        assert now is not None
        assert (now.state, now.attempts) == (JobState.RUNNING, 1)
        stop.set()
    claim = await queue.claims.claim("another", lease_seconds=30)
    assert claim is not None
    assert claim.checkpoint_key is not None
    assert await queue.store.get(claim.checkpoint_key)


@pytest.mark.usefixtures("slow_painting")
async def test_checkpoint_being_stored_at_a_stop_is_recorded(
    queue: JobQueue, settings: Settings, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_reporter, "CHECKPOINT_SECONDS", 0.1)
    storing = asyncio.Event()

    class Waiting(SlowStore):
        async def put(self, data: bytes, suffix: str) -> str:
            if suffix == ".ckpt":
                storing.set()
            return await super().put(data, suffix)

    queue.store = Waiting(settings.storage_url)
    job = await poster.post(iterations=100_000)
    async with worker(queue, settings) as stop:
        await asyncio.wait_for(storing.wait(), 60)
        stop.set()
    assert await named_checkpoint(queue, job)


async def named_checkpoint(queue: JobQueue, job: Job) -> str | None:
    this = sa.select(schema.jobs.c.checkpoint_key).where(schema.jobs.c.id == job.id)
    async with queue.database.read() as connection:
        key: str | None = await connection.scalar(this)
    return key


@pytest.mark.parametrize("why", [OTHER_VERSION, CHECKPOINT_GONE], ids=["unreadable", "gone"])
async def test_starting_over_is_noted_in_progress_and_report(
    queue: JobQueue, settings: Settings, poster: Poster, why: Sentence, slow_painting: SlowPainting
) -> None:
    job = await poster.post(size_px=64, iterations=10)
    claim = await queue.claims.claim("before")
    assert claim is not None
    key = await queue.store.put(b"of another version", ".ckpt")
    await queue.claims.save_checkpoint(claim, key)
    if why is CHECKPOINT_GONE:
        await queue.store.delete(key)
    await queue.claims.release(claim)
    async with worker(queue, settings):
        now = await running(queue, job)
        assert now.progress is not None
        assert now.progress.anew == why
        slow_painting.step_seconds = 0.0
        done = await ended(queue, job)
    assert done.report is not None
    assert why in done.report.notes


async def test_engine_with_other_weights_starts_over_and_says_why(
    queue: JobQueue,
    settings: Settings,
    poster: Poster,
    monkeypatch: pytest.MonkeyPatch,
    slow_painting: SlowPainting,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Or a picture would be painted half by one network and half by another."""
    monkeypatch.setattr(progress_reporter, "CHECKPOINT_SECONDS", 0.1)
    job = await poster.post(size_px=64, iterations=30)
    async with worker(queue, settings) as stop, asyncio.timeout(60):
        while not await named_checkpoint(queue, job):
            await asyncio.sleep(0.05)
        stop.set()
    slow_painting.step_seconds = 0.0
    train_lite_differently(monkeypatch)
    async with worker(queue, settings):
        done = await ended(queue, job)
    assert done.report is not None
    assert OTHER_WEIGHTS in done.report.notes
    assert done.report.iterations == 30
    assert "other weights of the lite network" in caplog.text


async def test_forgotten_engine_registers_again(
    queue: JobQueue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restore, or when its row was cleaned away while its machine slept."""
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 0.05)
    async with worker(queue, settings), asyncio.timeout(30):
        for _ in range(2):
            while not (await queue.positions.overview(None)).engines_alive:
                await asyncio.sleep(0.02)
            await queue.engines.forget(INFO.id)


async def test_engine_that_finds_its_lease_lost_at_the_end_withdraws_the_death(
    queue: JobQueue, settings: Settings, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture is another engine's to paint; but nobody died of this one."""
    job, finish = await poster.post(), queue.claims.finish

    async def reaped_just_before(claim: Claim, *given: Any, **named: Any) -> LeaseOutcome:
        monkeypatch.setattr(queue.claims, "finish", finish)
        async with queue.database.write() as transaction:
            row = await row_of(transaction, claim.job.id)
            assert row is not None
            await reaper._reap_one(transaction, row)
        return await finish(claim, *given, **named)

    monkeypatch.setattr(queue.claims, "finish", reaped_just_before)
    async with worker(queue, settings):
        done = await ended(queue, job)
    assert done.state is JobState.DONE
    assert await charged(queue, job) == 2, "two attempts, no death"
    kinds = [event.kind for event in await queue.jobs.history(job.id)]
    assert kinds.count("claimed") == 2
    assert {DIED, SURVIVED} <= set(kinds)
