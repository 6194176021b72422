import random
from collections import Counter, defaultdict
from itertools import pairwise

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from common.options import PaintOptions
from jobs.db import schema
from jobs.model import Job, JobState, Progress
from jobs.queue import JobQueue
from jobs.scheduling.fairness import flow_of
from jobs.scheduling.forecast import counted_before
from jobs.scheduling.speeds import start_after
from tests.kit.samples import RESULT, FakeClock, claim_job, engine_info, paint_report, submit_job
from tests.kit.statements import statements


async def waiting_ids(queue: JobQueue, guild_id: int | None = None) -> list[int]:
    return [job.id for job in await queue.positions.waiting(guild_id, limit=1000)]


async def paint_all(queue: JobQueue, count: int) -> list[Job]:
    painted = []
    for _ in range(count):
        claim = await claim_job(queue)
        await queue.claims.finish(claim, RESULT, paint_report())
        painted.append(claim.job)
    return painted


async def test_job_is_read_with_its_place_until_it_has_ended(queue: JobQueue) -> None:
    first, second = await submit_job(queue), await submit_job(queue)
    for job in (first, second):
        assert await queue.positions.job(job.id) == (job, await queue.positions.get(job.id))
    both = [await queue.positions.job(job.id) for job in (first, second)]
    assert await queue.positions.all_waiting(limit=9) == both
    (done, _) = await paint_all(queue, 2)
    found = await queue.positions.job(done.id)
    assert found is not None
    assert (found[0].state, found[1]) == (JobState.DONE, None)
    assert await queue.positions.job(12345) is None


async def test_nothing_is_read_for_the_places_of_no_jobs(queue: JobQueue) -> None:
    with statements(queue) as executed:
        assert await queue.positions.get_many([]) == {}
        assert executed == []
        assert await queue.positions.all_waiting(limit=9) == []
    assert [each for each in executed if "FROM engines" in each] == []


async def test_many_jobs_of_one_member_do_not_delay_others(queue: JobQueue) -> None:
    many = [await submit_job(queue, 1) for _ in range(12)]
    one = await submit_job(queue, 2)
    assert await waiting_ids(queue) == [many[0].id, one.id, *(job.id for job in many[1:])]
    await paint_all(queue, 5)
    late = await submit_job(queue, 3)
    position = await queue.positions.get(late.id)
    assert position is not None
    assert position.place <= 2


async def test_a_crowded_server_does_not_hold_up_a_quiet_one(queue: JobQueue) -> None:
    for user in range(100, 112):
        await submit_job(queue, user, 5)
    quiet = await submit_job(queue, 1, 6)
    private = await submit_job(queue, 2, None)
    assert set((await waiting_ids(queue))[1:3]) == {quiet.id, private.id}


async def test_large_jobs_take_longer_turns(queue: JobQueue) -> None:
    large = PaintOptions(size_px=768)
    small = PaintOptions(size_px=256)
    big = [await submit_job(queue, 1, options=large) for _ in range(3)]
    little = [await submit_job(queue, 2, options=small) for _ in range(8)]
    first = await waiting_ids(queue)
    # A picture of three times the side costs four times as much.
    turns = first[: first.index(big[2].id)]
    assert len(set(turns) & {job.id for job in little}) >= 7


async def test_users_alternate_and_servers_alternate(queue: JobQueue) -> None:
    for guild, users in ((5, (1, 2)), (6, (3,))):
        for user in users:
            for _ in range(4):
                await submit_job(queue, user, guild)
    painted = await paint_all(queue, 8)
    assert [job.guild_id for job in painted].count(5) == 4
    in_five = [job.user_id for job in painted if job.guild_id == 5]
    assert in_five.count(1) == in_five.count(2) == 2


@pytest.mark.parametrize("between", ["users", "servers"])
async def test_service_differs_by_one_job_of_each_at_most(queue: JobQueue, between: str) -> None:
    """Theorem 1 of Goyal, Vin and Cheng, with weights of one."""
    rng = random.Random(4)
    jobs: list[Job] = []
    for _ in range(12):
        for side in (1, 2):
            guild = 5 if between == "users" else 4 + side
            size = rng.choice([128, 256, 512, 724])
            jobs.append(await submit_job(queue, side, guild, options=PaintOptions(size_px=size)))
    longest = {n: max(j.predicted_seconds for j in jobs if j.user_id == n) for n in (1, 2)}
    left = Counter(job.user_id for job in jobs)
    served: dict[int, float] = defaultdict(float)
    while all(left.values()):
        claim = await claim_job(queue)
        served[claim.job.user_id] += claim.job.predicted_seconds
        left[claim.job.user_id] -= 1
        assert abs(served[1] - served[2]) <= sum(longest.values()) + 1e-6


@pytest.mark.parametrize("guild", [5, 6])
async def test_late_joiner_gets_no_credit_for_earlier_turns(queue: JobQueue, guild: int) -> None:
    """Neither in the same server nor in another."""
    for _ in range(8):
        await submit_job(queue, 1, 5)
    await paint_all(queue, 4)
    late = {(await submit_job(queue, 2, guild)).id for _ in range(4)}
    assert len(late.intersection((await waiting_ids(queue))[:4])) == 2


async def test_priority_role_overtakes_only_its_own_server(queue: JobQueue) -> None:
    await queue.limits.set(5, {"priority_role_ids": [11]}, 9)
    normal = [await submit_job(queue, user, 5) for user in (1, 2, 3)]
    other = [await submit_job(queue, user, 6) for user in (4, 5, 6)]
    before = await waiting_ids(queue)
    places = {job.id: before.index(job.id) for job in other}
    favored = await submit_job(queue, 7, 5, role_ids=(11,))
    assert await waiting_ids(queue, 5) == [favored.id, *(job.id for job in normal)]
    after = await waiting_ids(queue)
    assert after.index(favored.id) <= 1
    for job in other:
        # Only the slots of its own server moved.
        assert after.index(job.id) <= places[job.id] + 1


async def test_move_to_front_puts_a_waiting_job_first(queue: JobQueue) -> None:
    jobs = [await submit_job(queue, user) for user in (1, 2, 3, 4)]
    assert await queue.jobs.move_to_front(jobs[2].id, 9)
    assert await waiting_ids(queue) == [jobs[n].id for n in (2, 0, 1, 3)]
    assert await queue.jobs.move_to_front(jobs[3].id, 9)
    assert await waiting_ids(queue) == [jobs[n].id for n in (3, 2, 0, 1)]
    await claim_job(queue)
    assert not await queue.jobs.move_to_front(jobs[3].id, 9)
    assert await waiting_ids(queue) == [jobs[n].id for n in (2, 0, 1)]


async def test_cancelled_job_leaves_no_gap_in_the_order(queue: JobQueue) -> None:
    mine = [await submit_job(queue, 1, 5) for _ in range(4)]
    theirs = [await submit_job(queue, 2, 6) for _ in range(4)]
    assert await waiting_ids(queue) == [
        job.id for pair in zip(mine, theirs, strict=True) for job in pair
    ]
    await queue.jobs.cancel(mine[0].id, 1)
    pairs = zip(mine[1:], theirs[:3], strict=True)
    kept = [*(job.id for pair in pairs for job in pair), theirs[3].id]
    assert await waiting_ids(queue) == kept


async def test_cancelled_jobs_cost_no_turn(queue: JobQueue) -> None:
    for _ in range(6):
        job = await submit_job(queue, 1)
        await queue.jobs.cancel(job.id, 1)
    await submit_job(queue, 2)
    again = await submit_job(queue, 1)
    await submit_job(queue, 2)
    assert (await waiting_ids(queue))[1] == again.id


async def test_places_and_times_follow_the_measured_speed(
    queue: JobQueue, clock: FakeClock
) -> None:
    await queue.engines.register(engine_info())
    jobs = [await submit_job(queue, user) for user in range(1, 6)]
    claim = await claim_job(queue)
    clock.advance(10)
    await queue.claims.finish(claim, RESULT, paint_report(seconds=10.0))
    positions = await queue.positions.get_many([job.id for job in jobs])
    now = clock.now
    assert positions[jobs[0].id].place == 0
    for number, job in enumerate(jobs[1:], start=1):
        position = positions[job.id]
        assert position.place == number
        assert position.ready_at is not None
        assert abs(position.ready_at.timestamp() - now - 10 * number) < 0.01
    # A second engine that is just as fast halves the wait.
    await queue.engines.register(engine_info("second"))
    last = await queue.positions.get(jobs[4].id)
    assert last is not None
    assert last.ready_at is not None
    assert abs(last.ready_at.timestamp() - now - 25) < 0.01


async def test_time_of_a_resumed_job_is_that_of_the_rest(queue: JobQueue, clock: FakeClock) -> None:
    """Until the engine that took it over tells a time, and while files are made at the end."""
    await queue.engines.register(engine_info())
    job = await submit_job(queue)
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report(seconds=100.0))
    job = await submit_job(queue)
    claim = await claim_job(queue)
    clock.advance(5)
    for fraction, left in ((0.0, 95.0), (0.6, 40.0), (1.0, 0.0)):
        await queue.claims.report_progress(claim, Progress(6, 10, fraction))
        position = await queue.positions.get(job.id)
        assert position is not None
        assert position.ready_at is not None
        assert position.ready_at.timestamp() - clock.now == pytest.approx(left)


async def test_paused_server_keeps_its_places_and_delays_no_other(queue: JobQueue) -> None:
    await queue.engines.register(engine_info())
    in_first = [await submit_job(queue, user, 5) for user in (1, 2, 3)]
    in_second = [await submit_job(queue, user, 6) for user in (4, 5)]
    await queue.pauses.pause(5, 9)
    ids = [job.id for job in (*in_first, *in_second)]
    positions = await queue.positions.get_many(ids)
    assert [positions[job.id].place for job in in_second] == [1, 2]
    assert all(positions[job.id].ready_at is not None for job in in_second)
    for number, job in enumerate(in_first):
        position = positions[job.id]
        # Its place if the server resumed now, behind jobs of both servers.
        assert position.place == 2 * number + 1
        assert (position.paused, position.ready_at) == (True, None)
        assert await queue.positions.get(job.id) == position
    await queue.pauses.resume(5, 9)
    after = await queue.positions.get_many(ids)
    assert [after[job.id].place for job in in_first] == [1, 3, 5]


async def test_resumed_server_takes_turns_with_the_others(queue: JobQueue) -> None:
    """It does not make up for missed turns; otherwise all others would wait as long again."""
    await queue.engines.register(engine_info())
    in_first = []
    for _ in range(12):
        in_first.append((await submit_job(queue, 50, 5)).id)
        await submit_job(queue, 60, 6)
    await paint_all(queue, 1)
    await queue.pauses.pause(5, 9)
    assert {job.guild_id for job in await paint_all(queue, 8)} == {6}
    newcomer = await submit_job(queue, 70, 7)
    late = await submit_job(queue, 51, 5)  # submitted during the pause
    waiting = [each.id for each in await queue.positions.waiting(5, limit=100)]
    assert late.id in waiting
    paused = await queue.positions.get_many([*waiting, newcomer.id])
    assert paused == {each: await queue.positions.get(each) for each in paused}
    await queue.pauses.resume(5, 9)
    after = await queue.positions.get_many(waiting)
    assert [after[each].place for each in waiting] == [paused[each].place for each in waiting]
    assert await waiting_ids(queue, 5) == waiting
    guilds = [job.guild_id for job in await paint_all(queue, 7)]
    assert guilds.index(7) <= 2
    assert {guilds[:6].count(5), guilds[:6].count(6)} <= {2, 3}
    async with queue.database.read() as connection:
        of_five = sa.select(schema.jobs.c.start, schema.jobs.c.finish)
        of_five = of_five.where(schema.jobs.c.flow == 5, schema.jobs.c.state == "queued")
        slots = (await connection.execute(of_five.order_by(schema.jobs.c.start))).all()
    assert all(one.finish == pytest.approx(two.start) for one, two in pairwise(slots))


async def test_short_pause_leaves_the_order_unchanged(queue: JobQueue) -> None:
    for user in (1, 2, 3):
        await submit_job(queue, user, 5)
        await submit_job(queue, user + 10, 6)
    await paint_all(queue, 2)
    before = await waiting_ids(queue)
    await queue.pauses.pause(5, 9)
    await queue.pauses.resume(5, 9)
    assert await waiting_ids(queue) == before


async def test_get_many_positions_match_single_lookups(queue: JobQueue) -> None:
    await queue.engines.register(engine_info())
    rng = random.Random(4)
    jobs = [
        await submit_job(
            queue,
            user,
            rng.choice([5, 6, None]),
            options=PaintOptions(size_px=rng.choice([64, 512])),
        )
        for user in range(1, 13)
    ]
    await claim_job(queue)
    await queue.pauses.pause(6, 9)
    ids = [job.id for job in jobs]
    for requested in (ids, ids[::3], ids[-2:]):
        positions = await queue.positions.get_many(requested)
        assert positions == {number: await queue.positions.get(number) for number in requested}


async def test_position_without_an_engine_has_a_place_but_no_time(queue: JobQueue) -> None:
    job = await submit_job(queue)
    position = await queue.positions.get(job.id)
    assert position is not None
    assert (position.place, position.ready_at, position.engines_alive) == (1, None, 0)
    assert await queue.positions.get(12345) is None


async def test_place_among_ten_thousand_jobs_is_counted_in_the_index(queue: JobQueue) -> None:
    template = await submit_job(queue, 1)
    async with queue.database.write() as transaction:
        connection = transaction.connection
        row = (
            await connection.execute(sa.select(schema.jobs).where(schema.jobs.c.id == template.id))
        ).one()
        values = {name: value for name, value in row._asdict().items() if name != "id"}
        rows = [
            values
            | {
                "interaction_id": 10_000_000 + n,
                "flow": flow_of(n % 500 + 1, 1),
                "guild_id": n % 500 + 1,
                "start": float(n),
                "finish": float(n + 1),
            }
            for n in range(1, 10_000)
        ]
        await connection.execute(sa.insert(schema.jobs), rows)
        if queue.database.postgres:
            await connection.execute(sa.text("ANALYZE jobs"))
    last = (await queue.positions.waiting(500, limit=1000))[-1]
    position = await queue.positions.get(last.id)
    assert position is not None
    assert position.place == 10_000
    late = await submit_job(queue, 2, 77_777)
    position = await queue.positions.get(late.id)
    assert position is not None
    assert position.place <= 2
    if not queue.database.postgres:
        async with queue.database.read() as connection:
            for places in ([(9e3, 5)], [(8e3, 5), (9e3, 5)]):
                counted = counted_before(places, frozenset({5})).compile(
                    queue.database.engine, compile_kwargs={"literal_binds": True}
                )
                plan = await connection.execute(sa.text(f"EXPLAIN QUERY PLAN {counted}"))
                assert "USING COVERING INDEX ix_jobs_queue" in str(plan.all())


@given(
    work=st.floats(0, 1e6),
    busy=st.lists(st.floats(0, 1e4), max_size=20),
    idle=st.integers(0, 5),
)
def test_start_after_distributes_work_over_all_engines(
    work: float, busy: list[float], idle: int
) -> None:
    engines = len(busy) + idle
    start = start_after(work, busy, engines)
    if not engines:
        assert start == float("inf")
        return
    distributed = sum(max(0.0, start - remaining) for remaining in [*busy, *[0.0] * idle])
    assert abs(distributed - work) <= 1e-6 * max(1.0, work) + 1e-6 * max([1.0, *busy]) * engines


@settings(max_examples=50)
@given(work=st.floats(0, 100), busy=st.lists(st.floats(0, 100), min_size=1, max_size=5))
def test_more_engines_never_delay_a_start(work: float, busy: list[float]) -> None:
    assert start_after(work, busy, len(busy) + 1) <= start_after(work, busy, len(busy)) + 1e-9
