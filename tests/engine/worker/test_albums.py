"""Jobs with several photographs keep the finished ones, whatever happens later."""

import asyncio
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from common.options import PaintInputs, StyleInput
from common.settings import Settings
from common.store import PictureStore, StorageUnavailableError
from engine.worker import painter, progress_reporter
from engine.worker.job_handle import OTHER_VERSION, EarlierWork, JobHandle
from engine.worker.outcomes import Finished
from engine.worker.painter import JobPainter
from engine.worker.painting_thread import THREAD
from engine.worker.progress_reporter import ProgressReporter
from jobs.model import Job, JobState
from jobs.queue import JobQueue
from tests.engine.worker.conftest import JobFactory
from tests.engine.worker.workers import (
    paint_to_end,
    run_to_end,
    running_worker,
    wait_ended,
    wait_first_finished,
)
from tests.kit.pictures import photograph


async def two_photographs(queue: JobQueue, job_factory: JobFactory) -> Job:
    content, second = [
        await queue.store.put(photograph(name), ".png") for name in ("coffee.png", "astronaut.png")
    ]
    styles = (StyleInput(preset="starry-night"),)
    inputs = PaintInputs(content=content, more_contents=(second,), styles=styles)
    return await job_factory.make_with(
        inputs, variants=2, vary="photo", network="lite", iterations=8
    )


@pytest.fixture
def painted_contents(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the photographs whose painting was started, in order."""
    found: list[str] = []
    paint_one = JobPainter._paint_one

    def record_and_paint(
        self: JobPainter,
        job: Job,
        earlier: EarlierWork,
        store: PictureStore,
        handle: JobHandle,
        reporter: ProgressReporter,
    ) -> Finished:
        found.append(job.inputs.content)
        return paint_one(self, job, earlier, store, handle, reporter)

    monkeypatch.setattr(JobPainter, "_paint_one", record_and_paint)
    return found


@contextmanager
def one_photograph_only(painted_contents: list[str]) -> Iterator[None]:
    """After the first photograph, painters wait until they are told to stop."""
    paint_one = JobPainter._paint_one

    def wait_for_stop(self: JobPainter, job: Job, *args: object) -> Finished:
        while painted_contents and not args[2].should_stop():  # type: ignore[attr-defined]
            threading.Event().wait(0.02)
        return paint_one(self, job, *args)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(JobPainter, "_paint_one", wait_for_stop)
        yield


class UnavailableStore:
    """Makes the store refuse pictures of the painting thread while `is_unavailable`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_unavailable, self.refused = True, 0
        self._put = PictureStore.put_sync
        store = self

        def put_sync(self: PictureStore, data: bytes, suffix: str) -> str:
            if store.is_unavailable and threading.current_thread().name.startswith(THREAD):
                store.refused += suffix == ".png"
                raise StorageUnavailableError("The picture store cannot be used: 503.")
            return store._put(self, data, suffix)

        monkeypatch.setattr(PictureStore, "put_sync", put_sync)


@pytest.fixture
def unavailable_store(monkeypatch: pytest.MonkeyPatch) -> UnavailableStore:
    return UnavailableStore(monkeypatch)


async def wait_until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def test_finished_photograph_waits_for_the_store_without_being_repainted(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    painted_contents: list[str],
    unavailable_store: UnavailableStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(painter, "COLD_SECONDS", math.inf)
    job = await two_photographs(queue, job_factory)
    async with running_worker(queue, settings):
        await wait_until(lambda: unavailable_store.refused)
        unavailable_store.is_unavailable = False
        done = await wait_ended(queue, job)
    assert done.state is JobState.DONE, done.failure
    assert painted_contents == [job.inputs.content, *job.inputs.more_contents]
    assert done.report is not None
    assert all([await queue.store.exists(key) for key in done.report.variants])
    assert done.report.whole_seconds == 0, "what the first one loaded would count"


async def test_job_waiting_for_the_store_can_be_cancelled(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    unavailable_store: UnavailableStore,
) -> None:
    job = await two_photographs(queue, job_factory)
    async with running_worker(queue, settings):
        await wait_until(lambda: unavailable_store.refused)
        await queue.jobs.cancel(job.id, job.user_id)
        assert (await wait_ended(queue, job)).state is JobState.CANCELLED


async def test_checkpoint_of_the_previous_photograph_adds_no_note(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    painted_contents: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The engine stops between a photograph and the first checkpoint of the next one."""
    monkeypatch.setattr(progress_reporter, "CHECKPOINT_SECONDS", 0.0)
    job = await two_photographs(queue, job_factory)
    with one_photograph_only(painted_contents):
        async with running_worker(queue, settings) as stop:
            await wait_first_finished(queue, job)
            stop.set()
    async with queue.database.read() as connection:
        stored = await connection.exec_driver_sql("select checkpoint_key from jobs")
        assert stored.scalar_one() is not None
    _, report = await paint_to_end(queue, settings, job)
    assert painted_contents.count(job.inputs.content) == 1
    assert OTHER_VERSION not in report.notes


async def test_finished_photograph_survives_cancel_and_is_not_repainted_on_retry(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, painted_contents: list[str]
) -> None:
    job = await two_photographs(queue, job_factory)
    with one_photograph_only(painted_contents):
        async with running_worker(queue, settings):
            await wait_first_finished(queue, job)
            await queue.jobs.cancel(job.id, job.user_id)
            cancelled = await wait_ended(queue, job)
    assert cancelled.state is JobState.CANCELLED
    (finished,) = cancelled.versions
    assert await queue.store.exists(finished)
    painted_contents.clear()
    assert await queue.jobs.retry(job.id) is not None
    done, _ = await paint_to_end(queue, settings, job)
    assert painted_contents == [*job.inputs.more_contents]
    assert (done.versions[0], len(done.versions)) == (finished, 2)


async def test_finished_photograph_is_kept_when_a_later_photograph_fails(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, painted_contents: list[str]
) -> None:
    job = await two_photographs(queue, job_factory)
    await queue.store.delete(job.inputs.more_contents[0])
    failed = await run_to_end(queue, settings, job)
    assert failed.state is JobState.FAILED
    assert painted_contents == [job.inputs.content, *job.inputs.more_contents]
    (finished,) = failed.versions
    assert await queue.store.exists(finished)
