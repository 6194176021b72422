"""Trouble of the surroundings costs a job nothing: not its turn, not its picture, not a try."""

import asyncio
import contextlib
import errno
import io
import json
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from common.backoff import Backoff
from common.logs import set_up_logging
from common.settings import Settings
from common.store import PictureStore, StorageUnavailableError
from engine import scratch
from engine.worker import health, lease, service
from engine.worker.health import EngineInTroubleError
from engine.worker.painter import JobPainter
from engine.worker.service import EngineWorker
from jobs.db import schema
from jobs.db.liveness import BotInfo
from jobs.execution import reaper
from jobs.model import Job, JobState
from jobs.queue import JobQueue
from tests.engine.worker.conftest import Poster, SlowPainting
from tests.engine.worker.working import INFO, ended, running, worker


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "BACKOFF", Backoff(0.1, 0.3))
    monkeypatch.setattr(lease, "DATABASE_BACKOFF", Backoff(0.1, 0.3))


class Store(PictureStore):
    """A folder that refuses, as full disks and far buckets do, for as long as it is told."""

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
def store(queue: JobQueue, settings: Settings) -> Store:
    made = Store(settings.storage_url)
    queue.store = made
    queue.claims._core.store = made
    return made


async def charged(queue: JobQueue, job: Job) -> int:
    """Deaths and attempts that a job was charged with."""
    this = sa.select(schema.jobs.c.deaths + schema.jobs.c.attempts).where(
        schema.jobs.c.id == job.id
    )
    async with queue.database.read() as connection:
        return int(await connection.scalar(this) or 0)


@asynccontextmanager
async def ill_worker(queue: JobQueue, settings: Settings) -> AsyncIterator["asyncio.Task[None]"]:
    """An engine in surroundings that stay ill; it is given up by itself."""
    task = asyncio.create_task(EngineWorker(queue, JobPainter(settings), INFO).run(asyncio.Event()))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_store_refusing_reads_ends_the_engine_and_charges_no_job(
    queue: JobQueue, settings: Settings, poster: Poster, store: Store
) -> None:
    jobs = [await poster.post(user_id=user) for user in range(1, 5)]
    store.reads = False
    async with ill_worker(queue, settings) as task:
        with pytest.raises(EngineInTroubleError, match="I/O error"):
            await asyncio.wait_for(task, 60)
    assert [await charged(queue, job) for job in jobs] == [0, 0, 0, 0]
    troubles = {t.name: str(t.sentence) for t in (await queue.health.ask()).troubles()}
    assert "I/O error" in troubles["engine-trouble"]
    store.reads = True
    async with worker(queue, settings):
        for job in jobs:
            assert (await ended(queue, job)).state is JobState.DONE
    assert "engine-trouble" not in {t.name for t in (await queue.health.ask()).troubles()}


async def test_job_claimed_when_reads_fail_is_released_and_painted_later(
    queue: JobQueue, settings: Settings, poster: Poster, store: Store
) -> None:
    async with worker(queue, settings):
        await asyncio.sleep(0.3)
        job = await poster.post()
        store.reads = False
        await told(queue, job, "released")
        assert await charged(queue, job) == 0
        store.reads = True
        assert (await ended(queue, job)).state is JobState.DONE


async def told(queue: JobQueue, job: Job, kind: str) -> None:
    async with asyncio.timeout(60):
        while kind not in [event.kind for event in await queue.jobs.history(job.id)]:
            await asyncio.sleep(0.05)


async def test_finished_painting_survives_a_full_disk_longer_than_a_lease(
    queue: JobQueue,
    settings: Settings,
    poster: Poster,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    slow_painting: SlowPainting,
) -> None:
    monkeypatch.setattr(service, "LEASE_SECONDS", 4.0)
    monkeypatch.setattr(reaper, "AWAKE_SECONDS", 0.0)
    async with worker(queue, settings):
        job = await poster.post(iterations=10, timelapse=True)
        await running(queue, job)
        store.writes = False
        slow_painting.step_seconds = 0.0
        async with asyncio.timeout(120):
            while "The painting is kept" not in caplog.text:
                await asyncio.sleep(0.1)
        for _ in range(10):  # five seconds: more than a lease
            await queue.claims.reap()
            await asyncio.sleep(0.5)
        store.writes = True
        done = await ended(queue, job)
    assert done.state is JobState.DONE
    assert (done.attempts, await charged(queue, job)) == (1, 1)
    kinds = [event.kind for event in await queue.jobs.history(job.id)]
    assert kinds == ["queued", "claimed", "done"]
    assert done.timelapse_key is not None
    assert await queue.store.get(done.timelapse_key)


async def test_unstorable_painting_gives_way_to_cancel_and_stop(
    queue: JobQueue,
    settings: Settings,
    poster: Poster,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = await poster.post(user_id=1), await poster.post(user_id=2)
    async with worker(queue, settings) as stop:
        await told(queue, first, "claimed")
        store.writes = False
        await kept(caplog)
        await queue.jobs.cancel(first.id, first.user_id)
        assert (await ended(queue, first)).state is JobState.CANCELLED
        caplog.clear()
        await kept(caplog)
        stop.set()
    back = await queue.jobs.get(second.id)
    assert back is not None
    assert back.state is JobState.QUEUED
    assert await charged(queue, second) == 0


async def kept(caplog: pytest.LogCaptureFixture) -> None:
    async with asyncio.timeout(60):
        while "The painting is kept" not in caplog.text:
            await asyncio.sleep(0.05)


class Sick:
    """A device that fails as CUDA does, until it is cured."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from engine.lite.encoder import LiteEncoder  # noqa: PLC0415

        self._patch, self._class = monkeypatch, LiteEncoder
        self._well = LiteEncoder.forward_stage

    def fall_ill(self) -> None:
        def failing(*_: object, **__: object) -> None:
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nCompile")

        self._patch.setattr(self._class, "forward_stage", failing)

    def recover(self) -> None:
        self._patch.setattr(self._class, "forward_stage", self._well)


async def test_failing_device_ends_the_engine_and_charges_no_job(
    queue: JobQueue, settings: Settings, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [await poster.post(user_id=user) for user in range(1, 5)]
    device = Sick(monkeypatch)
    device.fall_ill()
    async with ill_worker(queue, settings) as task:
        with pytest.raises(EngineInTroubleError, match="illegal memory access"):
            await asyncio.wait_for(task, 60)
    assert [await charged(queue, job) for job in jobs] == [0, 0, 0, 0]
    device.recover()
    async with worker(queue, settings):
        for job in jobs:
            assert (await ended(queue, job)).state is JobState.DONE


async def test_engine_of_another_version_than_the_bot_ends_and_reports_trouble(
    queue: JobQueue, settings: Settings, poster: Poster
) -> None:
    job = await poster.post(user_id=1)
    async with queue.database.write() as transaction:
        await transaction.execute(sa.update(schema.jobs).values(options='{"from": "the future"}'))
    bot = BotInfo("host-1-ab", 42, "host", 1, "99.0.0")
    await queue.bots.heartbeat(bot, connected=True, latency_seconds=0.05)
    async with ill_worker(queue, settings) as task:
        with pytest.raises(EngineInTroubleError, match=r"the bot on host is of version 99\.0\.0"):
            await asyncio.wait_for(task, 60)
    left = await queue.jobs.get(job.id)
    assert left is not None
    assert left.state is JobState.QUEUED
    troubles = {t.name: str(t.sentence) for t in (await queue.health.ask()).troubles()}
    assert "cannot read job" in troubles["engine-trouble"]


async def test_trouble_with_a_single_job_fails_only_that_job(
    queue: JobQueue, settings: Settings, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, plain = await poster.post(user_id=1, seed=13), await poster.post(user_id=2)
    paint = JobPainter._paint

    def fails_for_one(self: JobPainter, job: Job, *rest: object) -> object:
        if job.id == odd.id:
            raise OSError(errno.EIO, "Input/output error")
        return paint(self, job, *rest)  # type: ignore[arg-type]  # (passed on as they are)

    monkeypatch.setattr(JobPainter, "_paint", fails_for_one)
    async with worker(queue, settings):
        assert (await ended(queue, odd)).state is JobState.FAILED
        assert (await ended(queue, plain)).state is JobState.DONE
    kinds = [event.kind for event in await queue.jobs.history(odd.id)]
    assert kinds.count("claimed") == service.PASSING_TROUBLES
    async with queue.database.read() as connection:
        counted = sa.select(schema.jobs.c.counted).where(schema.jobs.c.id == odd.id)
        assert not await connection.scalar(counted), "it is counted back"


async def test_full_temporary_folder_charges_no_job_and_is_reported(
    queue: JobQueue,
    settings: Settings,
    poster: Poster,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """What moves is painted in files there; a fresh engine may find another place for them."""

    def needs_room(*_: object) -> object:
        raise OSError(errno.ENOSPC, "No space left on device")

    class Full(io.BytesIO):
        write = needs_room  # type: ignore[assignment]  # (it takes anything)

    monkeypatch.setattr(JobPainter, "_paint", needs_room)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    monkeypatch.setattr(scratch, "TemporaryFile", lambda **_: Full())
    job = await poster.post()
    async with ill_worker(queue, settings) as task:
        with pytest.raises(EngineInTroubleError, match="Temporary files cannot be written to"):
            await asyncio.wait_for(task, 60)
    left = await queue.jobs.get(job.id)
    assert left is not None
    assert left.state is JobState.QUEUED
    assert await charged(queue, job) == 0
    troubles = {t.name: str(t.sentence) for t in (await queue.health.ask()).troubles()}
    assert "full (No space left on device" in troubles["engine-trouble"]


@contextlib.contextmanager
def database_away(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No transaction of this process begins inside."""
    connect = queue.database.engine.connect

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ECONNREFUSED, "Connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(type(queue.database.engine), "connect", refuse)
        yield
    assert queue.database.engine.connect == connect


@pytest.mark.usefixtures("slow_painting")
async def test_painting_survives_a_database_outage_longer_than_a_lease(
    queue: JobQueue, settings: Settings, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LEASE_SECONDS", 1.0)
    job = await poster.post(iterations=10)
    async with worker(queue, settings):
        await running(queue, job)
        with database_away(queue, monkeypatch):
            await asyncio.sleep(6)
        await queue.claims.reap()  # as the bot does, who could not look either
        done = await ended(queue, job)
    assert done.state is JobState.DONE
    kinds = [event.kind for event in await queue.jobs.history(job.id)]
    assert kinds == ["queued", "claimed", "done"]


async def test_painting_that_does_not_stop_does_not_block_a_shutdown(
    queue: JobQueue, settings: Settings, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "STOP_SECONDS", 1.0)
    lets_go = False

    def hangs(*_: object) -> object:
        while not lets_go:
            time.sleep(0.05)
        raise OSError(errno.EIO, "late")

    monkeypatch.setattr(JobPainter, "_paint", hangs)
    job = await poster.post()
    try:
        async with worker(queue, settings) as stop:
            await told(queue, job, "claimed")
            stop.set()
        back = await queue.jobs.get(job.id)
        assert back is not None
        assert back.state is JobState.QUEUED
        assert await charged(queue, job) == 0
    finally:
        lets_go = True


async def test_secrets_in_troubles_are_not_logged_or_reported(
    queue: JobQueue,
    settings: Settings,
    poster: Poster,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = "fedcba9876543210"
    signed = f"https://s3.example/a.png?X-Amz-Signature={secret}"

    def refuse(_: str) -> bytes:
        raise StorageUnavailableError(f"GET {signed} failed.") from ConnectionError(signed)

    said, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    set_up_logging(settings.model_copy(update={"atelier_log_level": "DEBUG"}), stream=said)
    try:
        job = await poster.post()
        async with worker(queue, settings):
            with monkeypatch.context() as patch:
                patch.setattr(store, "get_sync", refuse)
                told = await trouble(queue)
            assert (await ended(queue, job)).state is JobState.DONE
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
        logging.captureWarnings(capture=False)
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert "X-Amz-Signature=[signed]" in said.getvalue()
    assert secret not in said.getvalue()
    assert secret not in told
    assert "X-Amz-Signature=[signed]" in told
    done = next(line for line in lines if "outcome" in line)
    ids = {"job": job.id, "engine": INFO.id, "member": job.user_id, "server": job.guild_id}
    assert done.items() >= {name: value for name, value in ids.items() if value}.items()
    assert (done["outcome"], done["size_px"], done["network"]) == ("done", 96, "lite")
    assert done["waited_seconds"] >= 0
    assert done["painted_seconds"] > 0
    assert f"job {job.id}: done; 96 px" in done["message"]


async def trouble(queue: JobQueue) -> str:
    """What owners are told of the engine, once it is."""
    async with asyncio.timeout(30):
        while True:
            for each in (await queue.health.ask()).troubles():
                if each.name == "engine-trouble":
                    return str(each.sentence)
            await asyncio.sleep(0.02)
