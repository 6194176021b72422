"""Leases, checkpoints and handing a job over to another worker."""

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
from tests.engine.worker.conftest import JobFactory, SlowPainting, change_lite_weights
from tests.engine.worker.workers import (
    ENGINE_INFO,
    deaths_and_attempts,
    event_kinds,
    paint_to_end,
    running_worker,
    wait_ended,
    wait_painting,
)


async def test_job_of_a_stopped_worker_is_requeued_and_finished_by_another(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, slow_painting: SlowPainting
) -> None:
    job = await job_factory.make(size_px=64, iterations=10)
    async with running_worker(queue, settings) as stop:
        await wait_painting(queue, job)
        stop.set()
    released = await queue.jobs.get(job.id)
    assert released is not None
    assert (released.state, released.attempts) == (JobState.QUEUED, 0)
    slow_painting.step_seconds = 0.0
    async with running_worker(queue, settings):
        assert (await wait_ended(queue, job)).state is JobState.DONE


@pytest.mark.usefixtures("slow_painting")
async def test_painting_longer_than_a_lease_keeps_its_job(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LEASE_SECONDS", 4.0)
    monkeypatch.setattr(reaper, "AWAKE_SECONDS", 0.0)
    monkeypatch.setattr(
        progress_reporter, "PROGRESS_SECONDS", 60.0
    )  # progress would renew the lease, too
    job = await job_factory.make(iterations=100_000)
    async with running_worker(queue, settings):
        await wait_painting(queue, job)
        await asyncio.sleep(5)
        await queue.reaper.reap()
        current = await queue.jobs.get(job.id)
        assert current is not None
        assert (current.state, current.attempts) == (JobState.RUNNING, 1)
        await queue.jobs.cancel(job.id, job.user_id)
        assert (await wait_ended(queue, job)).state is JobState.CANCELLED


class SlowStore(PictureStore):
    """A store with a slow connection."""

    seconds = 3.0
    """Time to store a checkpoint."""

    async def put(self, data: bytes, suffix: str) -> str:
        if suffix == ".ckpt":
            await asyncio.sleep(self.seconds)
        return await super().put(data, suffix)


@pytest.mark.usefixtures("slow_painting")
async def test_slowly_stored_checkpoint_costs_no_lease_and_is_recorded(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LEASE_SECONDS", 4.0)
    monkeypatch.setattr(reaper, "AWAKE_SECONDS", 0.0)
    monkeypatch.setattr(progress_reporter, "CHECKPOINT_SECONDS", 0.1)
    queue.store = store = SlowStore(settings.storage_url)
    store.seconds = 5.0
    job = await job_factory.make(iterations=100_000)
    async with running_worker(queue, settings) as stop:
        async with asyncio.timeout(60):
            while not await checkpoint_key_of(queue, job):
                await queue.reaper.reap()
                await asyncio.sleep(0.2)
        current = await queue.jobs.get(job.id)
        assert current is not None
        assert (current.state, current.attempts) == (JobState.RUNNING, 1)
        stop.set()
    claim = await queue.claims.claim("another", lease_seconds=30)
    assert claim is not None
    assert claim.checkpoint_key is not None
    assert await queue.store.get(claim.checkpoint_key)


@pytest.mark.usefixtures("slow_painting")
async def test_checkpoint_being_stored_at_a_stop_is_recorded(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_reporter, "CHECKPOINT_SECONDS", 0.1)
    storing = asyncio.Event()

    class SignallingStore(SlowStore):
        async def put(self, data: bytes, suffix: str) -> str:
            if suffix == ".ckpt":
                storing.set()
            return await super().put(data, suffix)

    queue.store = SignallingStore(settings.storage_url)
    job = await job_factory.make(iterations=100_000)
    async with running_worker(queue, settings) as stop:
        await asyncio.wait_for(storing.wait(), 60)
        stop.set()
    assert await checkpoint_key_of(queue, job)


async def checkpoint_key_of(queue: JobQueue, job: Job) -> str | None:
    this = sa.select(schema.jobs.c.checkpoint_key).where(schema.jobs.c.id == job.id)
    async with queue.database.read() as connection:
        key: str | None = await connection.scalar(this)
    return key


@pytest.mark.parametrize("reason", [OTHER_VERSION, CHECKPOINT_GONE], ids=["unreadable", "gone"])
async def test_starting_over_is_noted_in_progress_and_report(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    reason: Sentence,
    slow_painting: SlowPainting,
) -> None:
    job = await job_factory.make(size_px=64, iterations=10)
    claim = await queue.claims.claim("before")
    assert claim is not None
    key = await queue.store.put(b"of another version", ".ckpt")
    await queue.claims.save_checkpoint(claim, key)
    if reason is CHECKPOINT_GONE:
        await queue.store.delete(key)
    await queue.claims.release(claim)
    async with running_worker(queue, settings):
        current = await wait_painting(queue, job)
        assert current.progress is not None
        assert current.progress.anew == reason
        slow_painting.step_seconds = 0.0
        done = await wait_ended(queue, job)
    assert done.report is not None
    assert reason in done.report.notes


async def test_engine_with_other_weights_starts_over_and_says_why(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    monkeypatch: pytest.MonkeyPatch,
    slow_painting: SlowPainting,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Otherwise two different networks would paint one picture."""
    monkeypatch.setattr(progress_reporter, "CHECKPOINT_SECONDS", 0.1)
    job = await job_factory.make(size_px=64, iterations=30)
    async with running_worker(queue, settings) as stop, asyncio.timeout(60):
        while not await checkpoint_key_of(queue, job):
            await asyncio.sleep(0.05)
        stop.set()
    slow_painting.step_seconds = 0.0
    change_lite_weights(monkeypatch)
    _, report = await paint_to_end(queue, settings, job)
    assert OTHER_WEIGHTS in report.notes
    assert report.iterations == 30
    assert "other weights of the lite network" in caplog.text


async def test_forgotten_engine_registers_again(
    queue: JobQueue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example after a restore, or if its row was deleted while the machine slept."""
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 0.05)
    async with running_worker(queue, settings), asyncio.timeout(30):
        for _ in range(2):
            while not (await queue.positions.overview(None)).engines_alive:
                await asyncio.sleep(0.02)
            await queue.engines.forget(ENGINE_INFO.id)


async def test_engine_that_finds_its_lease_lost_at_the_end_withdraws_the_death(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another engine paints the picture, but the job did not kill this engine."""
    job, finish = await job_factory.make(), queue.claims.finish

    async def reap_before_finish(claim: Claim, *args: Any, **kwargs: Any) -> LeaseOutcome:
        monkeypatch.setattr(queue.claims, "finish", finish)
        async with queue.database.write() as transaction:
            row = await row_of(transaction, claim.job.id)
            assert row is not None
            await reaper._reap_one(transaction, row)
        return await finish(claim, *args, **kwargs)

    monkeypatch.setattr(queue.claims, "finish", reap_before_finish)
    await paint_to_end(queue, settings, job)
    assert await deaths_and_attempts(queue, job) == 2, "two attempts, no death"
    kinds = await event_kinds(queue, job)
    assert kinds.count("claimed") == 2
    assert {DIED, SURVIVED} <= set(kinds)
