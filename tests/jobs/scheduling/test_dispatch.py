"""Dispatching jobs to engines of different speed, memory and networks."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from common.options import MAX_SIZE_PX, PaintOptions
from jobs.db import schema
from jobs.model import Claim, EngineInfo, Job
from jobs.queue import JobQueue
from jobs.scheduling.dispatch import PATIENCE_SECONDS, TROUBLED_PATIENCE_SECONDS, choose_job
from jobs.scheduling.fleet import Fleet, Load
from jobs.scheduling.speeds import SpeedModel, speed_class_of, work_of
from tests.kit.samples import RESULT, FakeClock, Storage, paint_report, reload, submit_job

BOTH = ("vgg19", "lite")


def engine(name: str, pace: float, **changes: object) -> EngineInfo:
    values = {"networks": BOTH, "model": f"a {name}", "memory_bytes": 8 * 2**30, **changes}
    return EngineInfo(name, name, "cuda:0", "vgg19", "1", 1, pace=pace, **values)  # type: ignore[arg-type]


LAPTOP = engine("laptop", 150.0)
CARD, SECOND_CARD = engine("card", 3.0), engine("second-card", 4.0)
MIXED = (LAPTOP, CARD, SECOND_CARD)
HUGE = PaintOptions(size_px=MAX_SIZE_PX)
SMALL = PaintOptions(size_px=512)


@pytest.fixture
async def queue(storage: Storage, clock: FakeClock) -> AsyncIterator[JobQueue]:
    settings = storage.settings(atelier_max_size_px=MAX_SIZE_PX)
    async with await JobQueue.open(settings, clock=clock) as opened:
        yield opened


@dataclass
class EngineSimulation:
    """Engines that take as long as their pace says, on the clock of the test."""

    queue: JobQueue
    clock: FakeClock
    engines: tuple[EngineInfo, ...]
    held: dict[str, tuple[Claim, float]] = field(default_factory=dict)
    painted_by: dict[int, str] = field(default_factory=dict)
    started: dict[int, float] = field(default_factory=dict)
    ended: dict[int, float] = field(default_factory=dict)

    async def open(self) -> None:
        for each in self.engines:
            await self.queue.engines.register(each)

    async def step(self) -> None:
        """Send heartbeats, finish jobs whose time is over, and let idle engines claim."""
        for each in self.engines:
            await self.queue.engines.heartbeat(each.id)
        for each in self.engines:
            claim, until = self.held.get(each.id, (None, 0.0))
            if claim is not None and self.clock.now >= until:
                seconds = until - self.started[claim.job.id]
                await self.queue.claims.finish(claim, RESULT, paint_report(seconds=seconds))
                self.ended[claim.job.id] = until
                claim = None
                del self.held[each.id]
            if claim is None:
                claim = await self.queue.claims.claim(each.id, lease_seconds=1e6)
                if claim is not None:
                    assert each.pace is not None
                    seconds = work_of(claim.job.options) * each.pace
                    self.held[each.id] = claim, self.clock.now + seconds
                    self.started[claim.job.id] = self.clock.now
                    self.painted_by[claim.job.id] = each.id

    async def until_idle(self) -> None:
        """Advance the clock from one finished job to the next, until all are painted."""
        while True:
            await self.step()
            if not self.held:
                return
            self.clock.now = min(until for _, until in self.held.values())


async def submit_mixed_jobs(queue: JobQueue, seed: int) -> list[Job]:
    """Submit many small jobs, some large ones and a few of the greatest size."""
    rng = random.Random(seed)
    jobs = []
    for user in range(1, 25):
        size = rng.choice([256, 512, 512, 1024, 1024, 2048, 4096, MAX_SIZE_PX])
        options = PaintOptions(size_px=size)
        jobs.append(await submit_job(queue, user, user % 7 + 1, options=options))
    return jobs


async def test_slow_engine_helps_a_mixed_fleet_but_paints_no_huge_jobs(
    queue: JobQueue, clock: FakeClock
) -> None:
    simulation = EngineSimulation(queue, clock, MIXED)
    await simulation.open()
    jobs = await submit_mixed_jobs(queue, 1)
    huge = {job.id for job in jobs if job.options.size_px == MAX_SIZE_PX}
    assert len(huge) > 2
    await simulation.until_idle()
    assert set(simulation.ended) == {job.id for job in jobs}
    assert {simulation.painted_by[job_id] for job_id in huge} == {"card", "second-card"}
    by_laptop = [job_id for job_id, name in simulation.painted_by.items() if name == "laptop"]
    assert by_laptop, "it helps while the cards are busy"
    # The network does not depend on the engine.
    assert {(await reload(queue, job.id)).network for job in jobs} == {"vgg19"}


def simulate(engines: tuple[EngineInfo, ...], loads: list[Load]) -> dict[int, float]:
    """When each of these jobs ends, painted by these engines without new jobs."""
    now, until, ended = 0.0, {one.id: 0.0 for one in engines}, {}
    while loads:
        for each in engines:
            if until[each.id] > now:
                continue
            remaining = {name: end - now for name, end in until.items() if end > now}
            fleet = Fleet(engines, remaining, SpeedModel({}))
            taken = choose_job(loads, fleet, each.id).job_id
            if taken is None:
                continue
            load = next(load for load in loads if load.job_id == taken)
            loads = [load for load in loads if load.job_id != taken]
            until[each.id] = ended[taken] = now + fleet.seconds_on(each, load)
        now = min((end for end in until.values() if end > now), default=now)
    return ended


@given(st.lists(st.sampled_from([256, 512, 1024, 2048, 4096, MAX_SIZE_PX]), max_size=60))
def test_adding_a_slow_engine_delays_no_job(sizes: list[int]) -> None:
    options = [PaintOptions(size_px=size) for size in sizes]
    loads = [
        Load(number, speed_class_of(one), work_of(one), "vgg19")
        for number, one in enumerate(options)
    ]
    without, together = simulate((CARD, SECOND_CARD), loads), simulate(MIXED, loads)
    assert set(without) == set(together)
    # Which of two cards takes a large job may differ.
    longest = max((work_of(one) * 4.0 for one in options), default=0.0)
    assert all(together[number] <= without[number] + longest for number in without)
    assert max(together.values(), default=0.0) <= max(without.values(), default=0.0) + longest


async def test_predicted_times_come_true(queue: JobQueue, clock: FakeClock) -> None:
    simulation = EngineSimulation(queue, clock, MIXED)
    await simulation.open()
    jobs = await submit_mixed_jobs(queue, 3)
    began = clock.now
    shown = await queue.positions.get_many([job.id for job in jobs])
    assert sorted(position.place for position in shown.values()) == list(range(1, len(jobs) + 1))
    await simulation.until_idle()
    for job in jobs:
        ready = shown[job.id].ready_at
        assert ready is not None
        # Which card is free first may differ, by one job.
        duration = simulation.ended[job.id] - began
        assert abs(simulation.ended[job.id] - ready.timestamp()) <= 1 + 0.1 * duration, job.options


async def test_predicted_time_uses_the_idle_card_not_the_fleet_mean(
    queue: JobQueue, clock: FakeClock
) -> None:
    simulation = EngineSimulation(queue, clock, MIXED)
    await simulation.open()
    job = await submit_job(queue, options=HUGE)
    position = await queue.positions.get(job.id)
    assert position is not None
    assert position.ready_at is not None
    seconds = work_of(HUGE) * 3.0
    assert position.ready_at.timestamp() - clock.now == pytest.approx(seconds)


async def test_slow_engine_leaves_jobs_to_much_faster_idle_cards(
    queue: JobQueue, clock: FakeClock
) -> None:
    simulation = EngineSimulation(queue, clock, MIXED)
    await simulation.open()
    await submit_job(queue, 1, options=SMALL)
    await submit_job(queue, 2, options=HUGE)
    assert await queue.claims.claim("laptop") is None
    first = await queue.claims.claim("second-card")
    assert first is not None
    assert first.job.options == SMALL  # a similar card takes the next job


async def test_slow_engine_alone_paints_everything(queue: JobQueue, clock: FakeClock) -> None:
    await queue.engines.register(LAPTOP)
    job = await submit_job(queue, options=HUGE)
    claim = await queue.claims.claim("laptop")
    assert claim is not None
    assert claim.job.id == job.id


async def test_slow_engine_takes_over_when_the_cards_are_gone(
    queue: JobQueue, clock: FakeClock
) -> None:
    simulation = EngineSimulation(queue, clock, MIXED)
    await simulation.open()
    await submit_job(queue, options=HUGE)
    assert await queue.claims.claim("laptop") is None
    clock.advance(40)  # without heartbeats of the cards
    await queue.engines.heartbeat("laptop")
    assert await queue.claims.claim("laptop") is not None


async def test_huge_jobs_wait_for_the_cards_however_busy(queue: JobQueue, clock: FakeClock) -> None:
    simulation = EngineSimulation(queue, clock, MIXED)
    await simulation.open()
    jobs = [await submit_job(queue, user, options=HUGE) for user in range(1, 9)]
    await simulation.until_idle()
    assert {simulation.painted_by[job.id] for job in jobs} == {"card", "second-card"}


@pytest.mark.parametrize(
    ("trouble", "patience"),
    [(None, PATIENCE_SECONDS), ("It is broken.", TROUBLED_PATIENCE_SECONDS)],
)
async def test_job_does_not_starve_behind_a_live_card_that_claims_none(
    queue: JobQueue, clock: FakeClock, trouble: str | None, patience: float
) -> None:
    await queue.engines.register(LAPTOP)
    await queue.engines.register(CARD)
    if trouble is not None:
        await queue.engines.note_trouble(CARD, trouble)
    job = await submit_job(queue, options=HUGE)
    began = clock.now
    while (claim := await queue.claims.claim("laptop")) is None:
        clock.advance(10)
        await queue.engines.heartbeat("laptop")
        await queue.engines.heartbeat("card")
        assert clock.now - began < 1000
    assert claim.job.id == job.id
    assert patience <= clock.now - began <= patience + 20


async def test_small_pictures_do_not_wait_for_a_card_in_trouble(
    queue: JobQueue, clock: FakeClock
) -> None:
    await queue.engines.register(LAPTOP)
    await queue.engines.register(CARD)
    await queue.engines.note_trouble(CARD, "It is broken.")
    await submit_job(queue, options=SMALL)
    assert await queue.claims.claim("laptop") is not None


async def test_engine_claims_only_jobs_for_its_networks(queue: JobQueue, clock: FakeClock) -> None:
    await queue.engines.register(engine("thin", 150.0, networks=("lite",)))
    by_vgg19 = await submit_job(queue, 1, options=SMALL)
    by_lite = await submit_job(queue, 2, options=PaintOptions(size_px=512, network="lite"))
    claim = await queue.claims.claim("thin")
    assert claim is not None
    assert claim.job.id == by_lite.id
    assert await queue.claims.claim("thin") is None
    await queue.engines.register(CARD)
    claim = await queue.claims.claim("card")
    assert claim is not None
    assert (claim.job.id, claim.job.network) == (by_vgg19.id, "vgg19")


async def test_huge_jobs_go_to_the_engine_with_enough_memory(
    queue: JobQueue, clock: FakeClock
) -> None:
    await queue.engines.register(engine("small", 3.0, largest_px=2048))
    await queue.engines.register(CARD)
    huge = await submit_job(queue, 1, options=HUGE)
    small = await submit_job(queue, 2, options=SMALL)
    claim = await queue.claims.claim("small")
    assert claim is not None
    assert claim.job.id == small.id
    claim = await queue.claims.claim("card")
    assert claim is not None
    assert claim.job.id == huge.id


async def test_similar_engines_claim_the_next_job_in_one_statement(
    queue: JobQueue, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_on_call(*_: object) -> None:
        raise AssertionError("it loaded candidates")

    monkeypatch.setattr("jobs.execution.claiming.first_loads", fail_on_call)
    engines = [engine(f"card-{number}", 3.0 + 0.2 * number) for number in range(6)]
    for each in engines:
        await queue.engines.register(each)
    jobs = [await submit_job(queue, user) for user in range(1, 7)]
    for each, job in zip(engines, jobs, strict=True):
        claim = await queue.claims.claim(each.id)
        assert claim is not None
        assert claim.job.id == job.id


async def test_engine_pace_follows_measurements(queue: JobQueue, clock: FakeClock) -> None:
    async def pace() -> float:
        async with queue.database.read() as connection:
            return float(
                await connection.scalar(
                    sa.select(schema.engines.c.pace).where(schema.engines.c.id == "card")
                )
                or 0
            )

    await queue.engines.register(engine("card", 30.0))
    assert await pace() == 30.0
    await submit_job(queue, options=SMALL)
    claim = await queue.claims.claim("card")
    assert claim is not None
    await queue.claims.finish(claim, RESULT, paint_report(seconds=work_of(SMALL) * 2.0))
    assert await pace() == pytest.approx(2.0)
    await queue.engines.register(engine("card", 30.0))  # a restarted engine is still known
    assert await pace() == pytest.approx(2.0)
