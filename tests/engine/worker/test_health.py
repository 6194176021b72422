"""Failures of store, device, disk or database cost a job neither an attempt nor its result."""

import asyncio
import contextlib
import errno
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from common.backoff import Backoff
from common.settings import Settings
from common.store import PictureStore, StorageUnavailableError
from engine import scratch
from engine.worker import health, job_runner, lease, service
from engine.worker.health import EngineInTroubleError
from engine.worker.painter import JobPainter
from engine.worker.service import EngineWorker
from jobs.db import schema
from jobs.db.liveness import BotInfo
from jobs.execution import reaper
from jobs.model import Job, JobState
from jobs.queue import JobQueue
from tests.engine.worker.conftest import JobFactory, SlowPainting
from tests.engine.worker.workers import (
    ENGINE_INFO,
    deaths_and_attempts,
    engine_trouble,
    event_kinds,
    running_worker,
    state_of,
    wait_ended,
    wait_for_event,
    wait_painting,
)
from tests.kit.full_disk import FullFile, raise_disk_full
from tests.kit.logs import captured_log


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "BACKOFF", Backoff(0.1, 0.3))
    monkeypatch.setattr(lease, "DATABASE_BACKOFF", Backoff(0.1, 0.3))


class RefusingStore(PictureStore):
    """A store that refuses reads or writes on demand, like a full disk or unreachable bucket."""

    reads = writes = True

    def get_sync(self, key: str) -> bytes:
        if not self.reads:
            raise StorageUnavailableError("The picture store cannot be used: I/O error.")
        return super().get_sync(key)

    def put_sync(self, data: bytes, suffix: str) -> str:
        if not self.writes:
            raise StorageUnavailableError("The picture store cannot be used: no space left.")
        return super().put_sync(data, suffix)


@pytest.fixture
def store(queue: JobQueue, settings: Settings) -> RefusingStore:
    refusing = RefusingStore(settings.storage_url)
    queue.store = refusing
    queue.claims._core.store = refusing
    return refusing


@asynccontextmanager
async def failing_worker(
    queue: JobQueue, settings: Settings
) -> AsyncIterator["asyncio.Task[None]"]:
    """An engine whose environment is broken; it is expected to end by itself."""
    task = asyncio.create_task(
        EngineWorker(queue, JobPainter(settings), ENGINE_INFO).run(asyncio.Event())
    )
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_store_refusing_reads_ends_the_engine_and_charges_no_job(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, store: RefusingStore
) -> None:
    jobs = [await job_factory.make(user_id=user) for user in range(1, 5)]
    store.reads = False
    async with failing_worker(queue, settings) as task:
        with pytest.raises(EngineInTroubleError, match="I/O error"):
            await asyncio.wait_for(task, 60)
    assert [await deaths_and_attempts(queue, job) for job in jobs] == [0, 0, 0, 0]
    assert "I/O error" in await engine_trouble(queue)
    store.reads = True
    async with running_worker(queue, settings):
        for job in jobs:
            assert (await wait_ended(queue, job)).state is JobState.DONE
    assert not await engine_trouble(queue)


async def test_job_claimed_when_reads_fail_is_released_and_painted_later(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, store: RefusingStore
) -> None:
    async with running_worker(queue, settings):
        await asyncio.sleep(0.3)
        job = await job_factory.make()
        store.reads = False
        await wait_for_event(queue, job, "released")
        assert await deaths_and_attempts(queue, job) == 0
        store.reads = True
        assert (await wait_ended(queue, job)).state is JobState.DONE


async def wait_until_painting_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    async with asyncio.timeout(60):
        while "The painting is kept" not in caplog.text:
            await asyncio.sleep(0.05)


async def test_finished_painting_survives_a_full_disk_longer_than_a_lease(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    store: RefusingStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    slow_painting: SlowPainting,
) -> None:
    monkeypatch.setattr(service, "LEASE_SECONDS", 4.0)
    monkeypatch.setattr(reaper, "AWAKE_SECONDS", 0.0)
    async with running_worker(queue, settings):
        job = await job_factory.make(iterations=10, timelapse=True)
        await wait_painting(queue, job)
        store.writes = False
        slow_painting.step_seconds = 0.0
        await wait_until_painting_is_kept(caplog)
        for _ in range(10):  # 5 s, longer than a lease
            await queue.reaper.reap()
            await asyncio.sleep(0.5)
        store.writes = True
        done = await wait_ended(queue, job)
    assert done.state is JobState.DONE
    assert (done.attempts, await deaths_and_attempts(queue, job)) == (1, 1)
    assert await event_kinds(queue, job) == ["queued", "claimed", "done"]
    assert done.timelapse_key is not None
    assert await queue.store.get(done.timelapse_key)


async def test_unstorable_painting_gives_way_to_cancel_and_stop(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    store: RefusingStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = await job_factory.make(user_id=1), await job_factory.make(user_id=2)
    async with running_worker(queue, settings) as stop:
        await wait_for_event(queue, first, "claimed")
        store.writes = False
        await wait_until_painting_is_kept(caplog)
        await queue.jobs.cancel(first.id, first.user_id)
        assert (await wait_ended(queue, first)).state is JobState.CANCELLED
        caplog.clear()
        await wait_until_painting_is_kept(caplog)
        stop.set()
    assert await state_of(queue, second) is JobState.QUEUED
    assert await deaths_and_attempts(queue, second) == 0


class BrokenDevice:
    """A device that fails like CUDA until it recovers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from engine.lite.encoder import LiteEncoder  # noqa: PLC0415

        self._patch, self._class = monkeypatch, LiteEncoder
        self._working_forward = LiteEncoder.forward_stage

    def break_down(self) -> None:
        def failing(*_: object, **__: object) -> None:
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nCompile")

        self._patch.setattr(self._class, "forward_stage", failing)

    def recover(self) -> None:
        self._patch.setattr(self._class, "forward_stage", self._working_forward)


async def test_failing_device_ends_the_engine_and_charges_no_job(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [await job_factory.make(user_id=user) for user in range(1, 5)]
    device = BrokenDevice(monkeypatch)
    device.break_down()
    async with failing_worker(queue, settings) as task:
        with pytest.raises(EngineInTroubleError, match="illegal memory access"):
            await asyncio.wait_for(task, 60)
    assert [await deaths_and_attempts(queue, job) for job in jobs] == [0, 0, 0, 0]
    device.recover()
    async with running_worker(queue, settings):
        for job in jobs:
            assert (await wait_ended(queue, job)).state is JobState.DONE


async def test_engine_of_another_version_than_the_bot_ends_and_reports_trouble(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await job_factory.make(user_id=1)
    async with queue.database.write() as transaction:
        await transaction.execute(sa.update(schema.jobs).values(options='{"from": "the future"}'))
    bot = BotInfo("host-1-ab", 42, "host", 1, "99.0.0")
    await queue.bots.heartbeat(bot, connected=True, latency_seconds=0.05)
    async with failing_worker(queue, settings) as task:
        with pytest.raises(EngineInTroubleError, match=r"the bot on host is of version 99\.0\.0"):
            await asyncio.wait_for(task, 60)
    assert await state_of(queue, job) is JobState.QUEUED
    assert "cannot read job" in await engine_trouble(queue)


async def test_trouble_with_a_single_job_fails_only_that_job(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, other = await job_factory.make(user_id=1, seed=13), await job_factory.make(user_id=2)
    paint = JobPainter._paint

    def fail_one_job(self: JobPainter, job: Job, *rest: object) -> object:
        if job.id == odd.id:
            raise OSError(errno.EIO, "Input/output error")
        return paint(self, job, *rest)  # type: ignore[arg-type]  # (only passed on)

    monkeypatch.setattr(JobPainter, "_paint", fail_one_job)
    async with running_worker(queue, settings):
        assert (await wait_ended(queue, odd)).state is JobState.FAILED
        assert (await wait_ended(queue, other)).state is JobState.DONE
    assert (await event_kinds(queue, odd)).count("claimed") == job_runner.PASSING_TROUBLES
    async with queue.database.read() as connection:
        counted = sa.select(schema.jobs.c.counted).where(schema.jobs.c.id == odd.id)
        assert not await connection.scalar(counted), "the job still counts for the limits"


async def test_full_temporary_folder_charges_no_job_and_is_reported(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Clips are painted in temporary files; a new engine may find another folder for them."""
    monkeypatch.setattr(JobPainter, "_paint", raise_disk_full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    monkeypatch.setattr(scratch, "TemporaryFile", lambda **_: FullFile())
    job = await job_factory.make()
    async with failing_worker(queue, settings) as task:
        with pytest.raises(EngineInTroubleError, match="Temporary files cannot be written to"):
            await asyncio.wait_for(task, 60)
    assert await state_of(queue, job) is JobState.QUEUED
    assert await deaths_and_attempts(queue, job) == 0
    assert "full (No space left on device" in await engine_trouble(queue)


@contextlib.contextmanager
def unavailable_database(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse all database connections of this process."""
    connect = queue.database.engine.connect

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ECONNREFUSED, "Connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(type(queue.database.engine), "connect", refuse)
        yield
    assert queue.database.engine.connect == connect


@pytest.mark.usefixtures("slow_painting")
async def test_painting_survives_a_database_outage_longer_than_a_lease(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LEASE_SECONDS", 1.0)
    job = await job_factory.make(iterations=10)
    async with running_worker(queue, settings):
        await wait_painting(queue, job)
        with unavailable_database(queue, monkeypatch):
            await asyncio.sleep(6)
        await queue.reaper.reap()  # like the bot, which had no connection either
        done = await wait_ended(queue, job)
    assert done.state is JobState.DONE
    assert await event_kinds(queue, job) == ["queued", "claimed", "done"]


async def test_painting_that_does_not_stop_does_not_block_a_shutdown(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runner, "STOP_SECONDS", 1.0)
    may_end = False

    def hang(*_: object) -> object:
        while not may_end:
            time.sleep(0.05)
        raise OSError(errno.EIO, "late")

    monkeypatch.setattr(JobPainter, "_paint", hang)
    job = await job_factory.make()
    try:
        async with running_worker(queue, settings) as stop:
            await wait_for_event(queue, job, "claimed")
            stop.set()
        assert await state_of(queue, job) is JobState.QUEUED
        assert await deaths_and_attempts(queue, job) == 0
    finally:
        may_end = True


async def test_secrets_in_troubles_are_not_logged_or_reported(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    store: RefusingStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = "fedcba9876543210"
    signed = f"https://s3.example/a.png?X-Amz-Signature={secret}"

    def refuse(_: str) -> bytes:
        raise StorageUnavailableError(f"GET {signed} failed.") from ConnectionError(signed)

    with captured_log(settings.model_copy(update={"atelier_log_level": "DEBUG"})) as output:
        job = await job_factory.make()
        async with running_worker(queue, settings):
            with monkeypatch.context() as patch:
                patch.setattr(store, "get_sync", refuse)
                async with asyncio.timeout(30):
                    while not (reported := await engine_trouble(queue)):
                        await asyncio.sleep(0.02)
            assert (await wait_ended(queue, job)).state is JobState.DONE
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert "X-Amz-Signature=[signed]" in output.getvalue()
    assert secret not in output.getvalue()
    assert secret not in reported
    assert "X-Amz-Signature=[signed]" in reported
    done = next(line for line in lines if "outcome" in line)
    ids = {"job": job.id, "engine": ENGINE_INFO.id, "member": job.user_id, "server": job.guild_id}
    assert done.items() >= {name: value for name, value in ids.items() if value}.items()
    assert (done["outcome"], done["size_px"], done["network"]) == ("done", 96, "lite")
    assert done["waited_seconds"] >= 0
    assert done["painted_seconds"] > 0
    assert f"job {job.id}: done; 96 px" in done["message"]
