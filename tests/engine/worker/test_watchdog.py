"""A hanging device: the engine reports it, releases the job without a charge, and ends."""

import asyncio
import contextlib
import secrets
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.app import supervisor
from bot.app.supervisor import EngineSupervisor
from common.backoff import Backoff
from common.settings import Settings
from engine.painting.studio import Control as PaintingControl
from engine.worker.health import EngineInTroubleError
from engine.worker.painter import JobPainter
from engine.worker.service import HANG_SECONDS, EngineWorker
from engine.worker.watchdog import HangingError, Watchdog
from jobs.core import row_of
from jobs.execution import reaper
from jobs.execution.ending import DIED, HUNG, SURVIVED
from jobs.health.troubles import troubles_in
from jobs.model import FailureKind, JobState
from jobs.outcomes import LeaseHeld, LeaseLost, QueueUnavailableError
from jobs.queue import JobQueue
from tests.engine.worker.conftest import JobFactory
from tests.engine.worker.workers import (
    ENGINE_INFO,
    deaths_and_attempts,
    engine_trouble,
    event_kinds,
    running_worker,
    wait_ended,
    wait_for_event,
)
from tests.kit.samples import RESULT, paint_report

WATCHDOG = "engine.worker.watchdog"
HANGS_ONCE = """
import pathlib, sys, time
from engine.lite.encoder import LiteEncoder
from engine.worker.main import main
marker, calls, forward_stage = pathlib.Path(sys.argv[1]), [], LiteEncoder.forward_stage
def hangs_in_the_middle(*given, **named):
    calls.append(1)
    if len(calls) == 16 and not marker.exists():  # after the targets of styles and content
        marker.touch()
        time.sleep(100_000)  # like a GPU kernel that never returns
    return forward_stage(*given, **named)
LiteEncoder.forward_stage = hangs_in_the_middle
raise SystemExit(main(["--until-stdin-closes"]))
"""


async def test_hanging_engine_ends_and_a_fresh_process_paints_the_job(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF", Backoff(0.1, 0.1))
    settings = settings.model_copy(update={"atelier_hang_seconds": 15})
    command = (sys.executable, "-c", HANGS_ONCE, str(tmp_path / "hung"))
    job = await job_factory.make()
    running = asyncio.create_task(EngineSupervisor(settings, command=command).run())
    troubles: set[str] = set()
    try:
        async with asyncio.timeout(240):
            while (now := await queue.jobs.get(job.id)) is not None and not now.state.ended:
                troubles |= {str(t.sentence) for t in troubles_in(await queue.health.ask())}
                await asyncio.sleep(0.5)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert now is not None
    assert now.state is JobState.DONE
    assert await event_kinds(queue, job) == ["queued", "claimed", HUNG, "claimed", "done"]
    assert await deaths_and_attempts(queue, job) == 1, "one attempt, no death"
    assert "the engine on cpu ended with code 3" in caplog.text
    assert any("The device has hung" in each and "hangs_in_the_middle" in each for each in troubles)
    assert not await engine_trouble(queue)


class HangingPainting:
    """A painting that hangs until `may_end`."""

    def __init__(self) -> None:
        self.may_end = False

    def hang(self) -> None:
        while not self.may_end:
            time.sleep(0.02)


@asynccontextmanager
async def hanging_worker(
    queue: JobQueue, settings: Settings
) -> AsyncIterator["asyncio.Task[None]"]:
    painter = JobPainter(settings)
    info = replace(ENGINE_INFO, id=f"engine-{secrets.token_hex(3)}")  # like a new process
    engine = EngineWorker(queue, painter, info, hang_seconds=1.0)
    task = asyncio.create_task(engine.run(asyncio.Event()))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, EngineInTroubleError):
            await task


async def run_until_it_hangs(queue: JobQueue, settings: Settings) -> None:
    async with hanging_worker(queue, settings) as task:
        with pytest.raises(EngineInTroubleError, match="has hung"):
            await asyncio.wait_for(task, 60)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingPainting]:
    """Paintings of jobs, but not the engine's benchmark, hang after one sign of life."""
    hanging = HangingPainting()

    def paint(self: JobPainter, *args: object) -> object:
        args[3].should_stop()  # type: ignore[attr-defined]  # the control
        hanging.hang()
        raise OSError("late")

    monkeypatch.setattr(JobPainter, "_paint", paint)
    yield hanging
    hanging.may_end = True


async def test_job_that_hangs_three_engines_fails_as_lost(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, hanging: HangingPainting
) -> None:
    job = await job_factory.make()
    for _ in range(3):
        await run_until_it_hangs(queue, settings)
    failed = await wait_ended(queue, job)
    assert failed.state is JobState.FAILED
    assert failed.failure is not None
    assert failed.failure.kind is FailureKind.LOST
    assert (await event_kinds(queue, job)).count(HUNG) == 2


async def test_job_can_be_cancelled_while_its_engine_hangs(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, hanging: HangingPainting
) -> None:
    job = await job_factory.make()
    async with hanging_worker(queue, settings) as task:
        await wait_for_event(queue, job, "claimed")
        await queue.jobs.cancel(job.id, job.user_id)
        with pytest.raises(EngineInTroubleError):
            await asyncio.wait_for(task, 60)
    assert (await wait_ended(queue, job)).state is JobState.CANCELLED


async def test_engine_stuck_with_a_lost_lease_ends_and_leaves_the_job_to_the_next(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, hanging: HangingPainting
) -> None:
    """Two engines hold one job then, for as long as the first does not ask whether to stop."""
    job = await job_factory.make()
    async with hanging_worker(queue, settings) as task:
        await wait_for_event(queue, job, "claimed")
        async with queue.database.write() as transaction:
            row = await row_of(transaction, job.id)
            assert row is not None
            await reaper._reap_one(transaction, row)
        claim = await queue.claims.claim("another")
        assert claim is not None
        with pytest.raises(EngineInTroubleError, match="has hung"):
            await asyncio.wait_for(task, 60)
    assert await event_kinds(queue, job) == ["queued", "claimed", DIED, "claimed", SURVIVED]
    assert isinstance(await queue.claims.finish(claim, RESULT, paint_report()), LeaseHeld)
    done = await wait_ended(queue, job)
    assert (done.state, done.result_key) == (JobState.DONE, RESULT)


async def test_hang_ends_the_engine_even_if_the_database_is_unavailable(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    hanging: HangingPainting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its lease was lost as well, which cannot be written either."""
    await job_factory.make()

    async def lease_lost(*_: object, **__: object) -> LeaseLost:
        return LeaseLost()

    async def raise_unavailable(*_: object) -> None:
        raise QueueUnavailableError("The database is away.")

    monkeypatch.setattr(queue.claims, "hung", lease_lost)
    monkeypatch.setattr(queue.claims, "survived", raise_unavailable)
    await run_until_it_hangs(queue, settings)


async def test_device_that_always_hangs_charges_no_job(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    hanging: HangingPainting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = await job_factory.make()
    with monkeypatch.context() as patch:
        patch.setattr(JobPainter, "probe", lambda _: hanging.hang())
        for _ in range(4):
            await run_until_it_hangs(queue, settings)
    assert await event_kinds(queue, job) == ["queued", "claimed", HUNG], "a later engine claimed it"
    assert await deaths_and_attempts(queue, job) == 0


async def test_slow_painting_with_signs_of_life_is_not_a_hang(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the watchdog each step takes more than half of what it allows."""
    check, clock = PaintingControl.check, SimpleNamespace(seconds=0.0)

    def slow_check(self: PaintingControl) -> None:
        time.sleep(0.2)
        clock.seconds += HANG_SECONDS * 0.6
        check(self)

    monkeypatch.setattr(PaintingControl, "check", slow_check)
    monkeypatch.setattr(f"{WATCHDOG}.time", SimpleNamespace(monotonic=lambda: clock.seconds))
    monkeypatch.setattr(f"{WATCHDOG}.MOST_A_LOOK_SECONDS", HANG_SECONDS)
    job = await job_factory.make(iterations=10)
    async with running_worker(queue, settings):
        assert (await wait_ended(queue, job)).state is JobState.DONE


def test_sleep_of_the_machine_is_not_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(f"{WATCHDOG}.time.monotonic", lambda: now)
    watchdog = Watchdog(600.0)
    watchdog.check(7)
    now += 8 * 3600.0
    watchdog.check(7)
    for _ in range(119):
        now += 5.0
        watchdog.check(7)
    now += 60.0
    with pytest.raises(HangingError, match="for 600 s"):
        watchdog.check(7)


def test_sign_of_life_resets_the_hang_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(f"{WATCHDOG}.time.monotonic", lambda: now)
    watchdog = Watchdog(10.0)
    for sign in range(100):
        now += 4.0
        watchdog.check(sign // 2)
