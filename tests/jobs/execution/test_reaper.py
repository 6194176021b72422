"""Reaping dead engines, but none whose lease expired during a sleep or an outage."""

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import NoReturn

import pytest
import sqlalchemy as sa

from jobs.db import schema
from jobs.db.liveness import BotInfo
from jobs.execution.ending import DIED, HUNG
from jobs.execution.leases import LEASE_SECONDS
from jobs.health.troubles import Trouble, troubles_in
from jobs.model import EngineInfo, FailureKind, JobState
from jobs.outcomes import LeaseHeld, LeaseLost, QueueUnavailableError
from jobs.queue import JobQueue
from tests.kit.samples import (
    RESULT,
    FakeClock,
    Storage,
    advance_with_reaper,
    claim_job,
    engine_info,
    failure,
    paint_report,
    reload,
    submit_job,
)


async def test_repeated_machine_sleep_loses_no_job(queue: JobQueue, clock: FakeClock) -> None:
    await submit_job(queue)
    claim = await claim_job(queue)
    await advance_with_reaper(queue, clock, 20)
    for _ in range(4):
        clock.advance(33)  # the whole machine sleeps
        assert await advance_with_reaper(queue, clock, 5) == [], "the engine is about to renew"
        assert await queue.claims.renew(claim) == LeaseHeld()
        assert await advance_with_reaper(queue, clock, 20) == []
    assert await queue.claims.finish(claim, RESULT, paint_report()) == LeaseHeld()


async def test_reaper_back_from_sleep_waits_before_reaping(
    queue: JobQueue, clock: FakeClock
) -> None:
    job = await submit_job(queue)
    await claim_job(queue)
    await advance_with_reaper(queue, clock, 20)
    clock.advance(60)
    assert await queue.reaper.reap() == []
    assert await advance_with_reaper(queue, clock, 10) == [job.id]


async def test_clock_set_back_does_not_protect_a_dead_engines_job(
    queue: JobQueue, clock: FakeClock
) -> None:
    job = await submit_job(queue)
    await queue.engines.register(engine_info())
    await claim_job(queue)
    await advance_with_reaper(queue, clock, 20)
    clock.advance(-3600)
    reaped = await advance_with_reaper(queue, clock, LEASE_SECONDS + 10)
    assert reaped == [job.id]
    assert (await queue.positions.overview(None)).engines_alive == 0


async def test_clock_set_back_between_starts_keeps_nothing_alive(
    queue: JobQueue, clock: FakeClock, storage: Storage
) -> None:
    """As after a power cut, when the machine starts with a wrong clock that is corrected later."""
    job = await submit_job(queue)
    await queue.engines.register(engine_info())
    await queue.bots.register(BotInfo("a-1", 7, "the container before", 1, "0.2.0"), never_ended)
    await claim_job(queue)
    clock.advance(-3 * 3600)
    async with await JobQueue.open(storage.settings(), clock=clock) as next_start:
        assert (await next_start.positions.overview(None)).engines_alive == 0
        assert (await next_start.health.ask(ask_store=False)).bots == ()
        bot = BotInfo("b-1", 7, "this container", 1, "0.2.0")
        assert await next_start.bots.register(bot, never_ended) is None
        assert await advance_with_reaper(next_start, clock, LEASE_SECONDS + 10) == [job.id]


def never_ended(_: BotInfo) -> bool:
    return False


@pytest.mark.parametrize("kind", [DIED, HUNG])
@pytest.mark.parametrize("others", ["never", "today", "yesterday"])
async def test_lost_job_counts_unless_others_jobs_ended_engines_that_day(
    queue: JobQueue, clock: FakeClock, kind: str, others: str
) -> None:
    """A job must not crash engines all day; crashes over other members' jobs clear it of blame."""
    if others != "never":
        other = await submit_job(queue, user_id=2)
        await end_engine(queue, clock, kind)
        await queue.jobs.cancel(other.id, 2)
    if others == "yesterday":
        clock.advance(86_400)
    job = await submit_job(queue, user_id=1)
    for _ in range(3):
        await end_engine(queue, clock, kind)
    lost = await reload(queue, job)
    assert lost.failure is not None
    assert lost.failure.kind is FailureKind.LOST
    async with queue.database.read() as connection:
        counted = await connection.scalar(
            sa.select(schema.jobs.c.counted).where(schema.jobs.c.id == job.id)
        )
    assert bool(counted) is (others != "today")


async def end_engine(queue: JobQueue, clock: FakeClock, kind: str) -> None:
    """Let an engine claim the next job, and die or hang over it."""
    claim = await claim_job(queue)
    if kind == HUNG:
        await queue.claims.hung(claim, "no sign of life", failure(FailureKind.LOST))
        return
    clock.advance(LEASE_SECONDS + 1)
    assert await advance_with_reaper(queue, clock, 20) == [claim.job.id]


async def test_engine_that_only_slept_takes_its_death_back_once(
    queue: JobQueue, clock: FakeClock
) -> None:
    job = await submit_job(queue)
    slept = await claim_job(queue, "laptop")
    assert await advance_with_reaper(queue, clock, 35) == [job.id]
    assert await queue.claims.renew(slept) == LeaseLost()
    assert await deaths(queue) == 1
    assert await queue.claims.survived(slept)
    assert not await queue.claims.survived(slept)
    assert await deaths(queue) == 0
    died = await claim_job(queue, "another")
    await advance_with_reaper(queue, clock, 35)
    assert not await queue.claims.survived(slept), "the death is of another engine"
    assert await deaths(queue) == 1
    assert await queue.claims.survived(died)


async def deaths(queue: JobQueue) -> int:
    async with queue.database.read() as connection:
        return int(await connection.scalar(sa.select(schema.jobs.c.deaths)) or 0)


async def test_lost_job_is_a_trouble_shown_to_the_owner(queue: JobQueue, clock: FakeClock) -> None:
    job = await submit_job(queue)
    for _ in range(3):
        await claim_job(queue)
        await advance_with_reaper(queue, clock, 31)
    ended = await reload(queue, job)
    assert ended.failure is not None
    assert ended.failure.kind is FailureKind.LOST
    found = {trouble.name: str(trouble.sentence) for trouble in await troubles(queue)}
    assert f"python -m jobs show {job.id}" in found[f"lost-{job.id}"]


async def test_engine_trouble_lasts_until_an_engine_on_its_device_is_well(
    queue: JobQueue,
) -> None:
    first = engine_info("first", device="cuda:0")
    second = EngineInfo("second", first.host, first.device, "lite", "1", 2)
    for each in (first, second):
        await queue.engines.register(each)
    await queue.engines.note_trouble(first, "the device does not answer.")
    (sentence,) = [t.sentence for t in await troubles(queue) if t.name == "engine-trouble"]
    assert "cuda:0" in str(sentence)
    assert "the device does not answer." in str(sentence)
    await queue.engines.clear_trouble(second)
    assert "engine-trouble" not in [t.name for t in await troubles(queue)]


async def troubles(queue: JobQueue) -> tuple[Trouble, ...]:
    return troubles_in(await queue.health.ask())


async def test_release_with_a_reason_is_recorded_and_costs_no_attempt(
    queue: JobQueue,
) -> None:
    job = await submit_job(queue)
    for _ in range(9):
        claim = await claim_job(queue)
        await queue.claims.release(claim, reason="The picture store refuses.")
    back = await reload(queue, job)
    assert (back.state, back.attempts) == (JobState.QUEUED, 0)
    assert await deaths(queue) == 0
    last = (await queue.jobs.history(job.id))[-1]
    assert (last.kind, last.details) == ("released", {"reason": "The picture store refuses."})


async def test_all_engines_cut_off_by_an_outage_take_their_deaths_back(
    queue: JobQueue, clock: FakeClock
) -> None:
    await submit_job(queue)
    await submit_job(queue, 2)
    cut_off = [await claim_job(queue, name) for name in ("one", "another")]
    assert len(await advance_with_reaper(queue, clock, 35)) == 2
    assert [await queue.claims.survived(claim) for claim in cut_off] == [True, True]


async def test_retried_job_has_no_death_to_take_back(queue: JobQueue, clock: FakeClock) -> None:
    job = await submit_job(queue)
    slept = await claim_job(queue, "laptop")
    await advance_with_reaper(queue, clock, 35)
    await queue.jobs.cancel(job.id, 1)
    await queue.jobs.retry(job.id)
    assert not await queue.claims.survived(slept)
    assert await deaths(queue) == 0


async def test_reaper_just_started_reaps_nothing(
    queue: JobQueue, clock: FakeClock, storage: Storage
) -> None:
    """When the database is back, a bot may start before the engines renew their leases."""
    await submit_job(queue)
    claim = await claim_job(queue)
    clock.advance(LEASE_SECONDS + 1)
    async with await JobQueue.open(storage.settings(), clock=clock) as started:
        assert await started.reaper.reap() == []
    assert await queue.claims.renew(claim) == LeaseHeld()


@pytest.mark.parametrize("difference", [{"device": "cuda:1"}, {"host": "another"}])
async def test_healthy_device_does_not_clear_the_trouble_of_another(
    queue: JobQueue, difference: dict[str, str]
) -> None:
    ill, well = (
        engine_info("ill", device="cuda:0"),
        engine_info("well", **{"device": "cuda:0", **difference}),
    )
    for each in (ill, well):
        await queue.engines.register(each)
    await queue.engines.note_trouble(ill, "the device does not answer.")
    assert await queue.engines.was_in_trouble(ill)
    assert not await queue.engines.was_in_trouble(well)
    await queue.engines.clear_trouble(well)
    assert await queue.engines.was_in_trouble(ill)


async def test_no_engine_is_reaped_while_the_database_cannot_be_written(
    queue: JobQueue, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk, where reads still work but no engine can renew its lease."""
    job = await submit_job(queue)
    claim = await claim_job(queue)
    await advance_with_reaper(queue, clock, 20)
    with monkeypatch.context() as patch:
        patch.setattr(queue.database, "_writing", raise_disk_full)
        for _ in range(12):
            with contextlib.suppress(QueueUnavailableError):
                await queue.reaper.reap()
            clock.advance(5)
    assert await advance_with_reaper(queue, clock, 5) == [], "the engine is about to renew"
    assert await queue.claims.renew(claim) == LeaseHeld()
    clock.advance(LEASE_SECONDS + 1)
    assert await advance_with_reaper(queue, clock, 10) == [job.id], "this one is dead"


def raise_disk_full(**_: object) -> NoReturn:
    raise QueueUnavailableError("The database cannot be used at the moment: disk is full")


async def test_reaper_does_not_reap_right_after_a_long_lock_wait(
    sqlite_template: Path, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As during a backup: the engine waits for the same lock to renew its lease."""
    shutil.copy(sqlite_template, tmp_path / "atelier.sqlite3")
    monkeypatch.setattr("jobs.db.database.LONG_WAIT_SECONDS", 0.2)
    async with await JobQueue.open(Storage(tmp_path, None).settings(), clock=clock) as queue:
        job = await submit_job(queue)
        claim = await claim_job(queue)
        await advance_with_reaper(queue, clock, LEASE_SECONDS)
        clock.advance(5)
        with contextlib.closing(sqlite3.connect(tmp_path / "atelier.sqlite3")) as other:
            other.execute("BEGIN IMMEDIATE")
            reaping = asyncio.create_task(queue.reaper.reap())
            await asyncio.sleep(0.5)
            assert not reaping.done()
        assert await reaping == []
        assert await queue.claims.renew(claim) == LeaseHeld()
        clock.advance(LEASE_SECONDS + 1)
        assert await advance_with_reaper(queue, clock, 20) == [job.id]
