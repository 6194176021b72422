"""Several photographs in one job: each that is finished is kept, whatever happens to the next."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from common.options import PaintInputs, StyleInput
from common.settings import Settings
from common.store import PictureStore, StorageUnavailableError
from engine.worker import progress_reporter
from engine.worker.job_handle import OTHER_VERSION, EarlierWork, JobHandle
from engine.worker.outcomes import Finished
from engine.worker.painter import JobPainter
from engine.worker.painting_thread import THREAD
from engine.worker.progress_reporter import ProgressReporter
from jobs.model import Job, JobState
from jobs.queue import JobQueue
from tests.engine.worker.conftest import Poster
from tests.engine.worker.working import ended, worker
from tests.kit.pictures import photograph


async def two_photographs(queue: JobQueue, poster: Poster) -> Job:
    content, other = [
        await queue.store.put(photograph(name), ".png") for name in ("coffee.png", "astronaut.png")
    ]
    styles = (StyleInput(preset="starry-night"),)
    inputs = PaintInputs(content=content, more_contents=(other,), styles=styles)
    return await poster.submit(inputs, variants=2, vary="photo", network="lite", iterations=8)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The photographs that were begun, by the engine's painting thread."""
    found: list[str] = []
    paint_one = JobPainter._paint_one

    def noting(
        self: JobPainter,
        job: Job,
        earlier: EarlierWork,
        store: PictureStore,
        handle: JobHandle,
        reporter: ProgressReporter,
    ) -> Finished:
        found.append(job.inputs.content)
        return paint_one(self, job, earlier, store, handle, reporter)

    monkeypatch.setattr(JobPainter, "_paint_one", noting)
    return found


class AwayStore:
    """A store that takes no picture of the painting thread while it is away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_away, self.refused = True, 0
        self._put = PictureStore.put_sync
        store = self

        def put_sync(self: PictureStore, data: bytes, suffix: str) -> str:
            if store.is_away and threading.current_thread().name.startswith(THREAD):
                store.refused += suffix == ".png"
                raise StorageUnavailableError("The picture store cannot be used: 503.")
            return store._put(self, data, suffix)

        monkeypatch.setattr(PictureStore, "put_sync", put_sync)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> AwayStore:
    return AwayStore(monkeypatch)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def test_finished_photograph_waits_for_the_store_without_being_repainted(
    queue: JobQueue, settings: Settings, poster: Poster, begun: list[str], away: AwayStore
) -> None:
    job = await two_photographs(queue, poster)
    async with worker(queue, settings):
        await until(lambda: away.refused)
        away.is_away = False
        done = await ended(queue, job)
    assert done.state is JobState.DONE, done.failure
    assert begun == [job.inputs.content, *job.inputs.more_contents]
    assert done.report is not None
    assert all([await queue.store.exists(key) for key in done.report.variants])


async def test_job_waiting_for_the_store_can_be_cancelled(
    queue: JobQueue, settings: Settings, poster: Poster, away: AwayStore
) -> None:
    job = await two_photographs(queue, poster)
    async with worker(queue, settings):
        await until(lambda: away.refused)
        await queue.jobs.cancel(job.id, job.user_id)
        assert (await ended(queue, job)).state is JobState.CANCELLED


async def test_checkpoint_of_the_previous_photograph_adds_no_note(
    queue: JobQueue,
    settings: Settings,
    poster: Poster,
    begun: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The engine ends between a photograph and the first checkpoint of the next."""
    monkeypatch.setattr(progress_reporter, "CHECKPOINT_SECONDS", 0.0)
    job = await two_photographs(queue, poster)
    paint_one = JobPainter._paint_one

    def waiting(self: JobPainter, job: Job, *given: object) -> Finished:
        while begun and not given[2].should_stop():  # type: ignore[attr-defined]
            threading.Event().wait(0.02)
        return paint_one(self, job, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(JobPainter, "_paint_one", waiting)
        async with worker(queue, settings) as stop:
            async with asyncio.timeout(60):
                while not (now := await queue.jobs.get(job.id)) or not (
                    now.progress and now.progress.done
                ):
                    await asyncio.sleep(0.02)
            stop.set()
    async with queue.database.read() as connection:
        left = await connection.exec_driver_sql("select checkpoint_key from jobs")
        assert left.scalar_one() is not None
    async with worker(queue, settings):
        done = await ended(queue, job)
    assert done.state is JobState.DONE, done.failure
    assert begun.count(job.inputs.content) == 1
    assert done.report is not None
    assert OTHER_VERSION not in done.report.notes


async def second_begun(queue: JobQueue, job: Job) -> None:
    """Wait until the first photograph is finished, as far as the queue knows."""
    async with asyncio.timeout(60):
        while not (now := await queue.jobs.get(job.id)) or not (now.progress and now.progress.done):
            await asyncio.sleep(0.02)


async def test_finished_photograph_survives_cancel_and_is_not_repainted_on_retry(
    queue: JobQueue,
    settings: Settings,
    poster: Poster,
    begun: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = await two_photographs(queue, poster)
    paint_one = JobPainter._paint_one

    def waiting(self: JobPainter, job: Job, *given: object) -> Finished:
        while begun and not given[2].should_stop():  # type: ignore[attr-defined]
            threading.Event().wait(0.02)
        return paint_one(self, job, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(JobPainter, "_paint_one", waiting)
        async with worker(queue, settings):
            await second_begun(queue, job)
            await queue.jobs.cancel(job.id, job.user_id)
            cancelled = await ended(queue, job)
    assert cancelled.state is JobState.CANCELLED
    (finished,) = cancelled.versions
    assert await queue.store.exists(finished)
    begun.clear()
    assert await queue.jobs.retry(job.id) is not None
    async with worker(queue, settings):
        done = await ended(queue, job)
    assert done.state is JobState.DONE, done.failure
    assert begun == [*job.inputs.more_contents]
    assert (done.versions[0], len(done.versions)) == (finished, 2)


async def test_finished_photograph_is_kept_when_a_later_photograph_fails(
    queue: JobQueue, settings: Settings, poster: Poster, begun: list[str]
) -> None:
    job = await two_photographs(queue, poster)
    await queue.store.delete(job.inputs.more_contents[0])
    async with worker(queue, settings):
        failed = await ended(queue, job)
    assert failed.state is JobState.FAILED
    assert begun == [job.inputs.content, *job.inputs.more_contents]
    (finished,) = failed.versions
    assert await queue.store.exists(finished)
