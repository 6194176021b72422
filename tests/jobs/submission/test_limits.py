import asyncio
import contextlib
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from common.limits import Limits
from common.options import PaintOptions
from jobs.db import schema
from jobs.management.administration import UnusableLimitError
from jobs.model import Asker, FailureKind
from jobs.outcomes import (
    Accepted,
    AlreadySubmitted,
    Refused,
    SubmitOutcome,
)
from jobs.queue import JobQueue
from jobs.submission.limits import LoosensOperatorLimit
from tests.kit.samples import (
    RESULT,
    FakeClock,
    Storage,
    advance_with_reaper,
    claim_job,
    failure,
    paint_report,
    reload,
    submission,
    submit_job,
    submit_refused,
)
from tests.kit.statements import statements

ADMIN = 9


@pytest.mark.parametrize("queues", [1, 5])
async def test_limit_of_three_holds_for_thirty_concurrent_submissions(
    storage: Storage, queues: int
) -> None:
    settings = storage.settings(atelier_max_waiting_per_user=3)
    async with contextlib.AsyncExitStack() as stack:
        queue_handles = [
            await stack.enter_async_context(await JobQueue.open(settings)) for _ in range(queues)
        ]
        outcomes: list[SubmitOutcome] = await asyncio.gather(
            *(
                queue_handles[n % queues].submissions.submit(submission(user_id=1))
                for n in range(30)
            )
        )
        kinds = Counter(type(outcome) for outcome in outcomes)
        assert kinds == {Accepted: 3, Refused: 27}
        assert (await queue_handles[0].positions.overview(None)).waiting == 3


async def test_submission_takes_at_most_eleven_statements(queue: JobQueue) -> None:
    await submit_job(queue)
    with statements(queue) as executed:
        await submit_job(queue)
    assert len([each for each in executed if re.search("FROM|INTO|UPDATE", each)]) <= 11
    assert not [each for each in executed if each.startswith("SELECT pg_notify")]


async def test_concurrent_submissions_of_one_interaction_make_one_job(storage: Storage) -> None:
    request = submission()
    async with contextlib.AsyncExitStack() as stack:
        queue_handles = [
            await stack.enter_async_context(await JobQueue.open(storage.settings()))
            for _ in range(4)
        ]
        outcomes = await asyncio.gather(
            *(queue_handles[n % 4].submissions.submit(request) for n in range(20))
        )
        kinds = Counter(type(outcome) for outcome in outcomes)
        assert kinds == {Accepted: 1, AlreadySubmitted: 19}
        assert len({o.job.id for o in outcomes if isinstance(o, Accepted | AlreadySubmitted)}) == 1


async def test_waiting_jobs_of_a_user_are_limited_per_server_and_overall(
    storage: Storage, clock: FakeClock
) -> None:
    settings = storage.settings(atelier_max_waiting_per_user=3)
    async with await JobQueue.open(settings, clock=clock) as queue:
        await queue.limits.set(5, {"max_waiting_per_user": 1}, 9)
        await submit_job(queue, 1, 5)
        here = await submit_refused(queue, 1, 5)
        assert (here.limit, here.allowed, here.current) == ("max_waiting_per_user", 1, 1)
        assert not here.by_operator
        await submit_job(queue, 1, 6)
        await submit_job(queue, 1, None)
        everywhere = await submit_refused(queue, 1, 7)
        assert (everywhere.allowed, everywhere.current) == (3, 3)
        assert everywhere.by_operator
        await submit_job(queue, 2, 5)


async def test_waiting_jobs_of_a_server_are_limited(queue: JobQueue) -> None:
    await queue.limits.set(5, {"max_waiting_per_server": 2}, 9)
    await submit_job(queue, 1)
    await submit_job(queue, 2)
    refusal = await submit_refused(queue, 3)
    assert (refusal.limit, refusal.allowed, refusal.current) == (
        "max_waiting_per_server",
        2,
        2,
    )
    await submit_job(queue, 3, 6)


async def test_daily_limit_refusal_says_when_the_next_job_can_start(
    queue: JobQueue, clock: FakeClock
) -> None:
    await queue.limits.set(5, {"max_per_day": 2}, 9)
    first = clock.now
    await submit_job(queue)
    clock.advance(3600)
    await submit_job(queue)
    refusal = await submit_refused(queue)
    assert (refusal.limit, refusal.allowed, refusal.current) == ("max_per_day", 2, 2)
    assert refusal.available_at == datetime.fromtimestamp(first + 86_400, UTC)
    clock.now = first + 86_401
    await submit_job(queue)
    assert (await submit_refused(queue)).available_at == datetime.fromtimestamp(
        first + 3600 + 86_400, UTC
    )


async def test_lowered_daily_limit_waits_for_all_excess_jobs(
    queue: JobQueue, clock: FakeClock
) -> None:
    for _ in range(4):
        await submit_job(queue)
        clock.advance(60)
    await queue.limits.set(5, {"max_per_day": 2}, 9)
    refusal = await submit_refused(queue)
    assert refusal.available_at is not None
    clock.now = refusal.available_at.timestamp() - 1
    await submit_refused(queue)
    clock.advance(2)
    await submit_job(queue)


async def test_cooldown_refuses_jobs_until_its_end(queue: JobQueue, clock: FakeClock) -> None:
    await queue.limits.set(5, {"cooldown_seconds": 60}, 9)
    began = clock.now
    await submit_job(queue)
    clock.advance(20)
    refusal = await submit_refused(queue)
    assert (refusal.limit, refusal.allowed, refusal.current) == ("cooldown_seconds", 60, 20)
    assert refusal.available_at == datetime.fromtimestamp(began + 60, UTC)
    clock.advance(41)
    await submit_job(queue)


async def test_without_a_cooldown_a_job_of_a_moment_later_refuses_none(
    queue: JobQueue, clock: FakeClock
) -> None:
    """Of two commands at once, one may read the time first and take the lock last."""
    clock.advance(1)
    await submit_job(queue)
    clock.advance(-1)
    await submit_job(queue)


@pytest.mark.parametrize("end", ["cancel", "engine", "lost", "input", "cancel_running", "done"])
async def test_cancelled_waiting_jobs_and_engine_failures_do_not_count(
    queue: JobQueue, clock: FakeClock, end: str
) -> None:
    await queue.limits.set(5, {"max_per_day": 1}, 9)
    job = await submit_job(queue)
    match end:
        case "cancel":
            await queue.jobs.cancel(job.id, 1)
        case "engine":
            await queue.claims.fail(await claim_job(queue), failure())
        case "input":
            await queue.claims.fail(await claim_job(queue), failure(FailureKind.INPUT))
        case "lost":
            for _ in range(3):
                await claim_job(queue)
                await advance_with_reaper(queue, clock, 31)
        case "cancel_running":
            claim = await claim_job(queue)
            await queue.jobs.cancel(job.id, 1)
            await queue.claims.cancelled(claim)
        case "done":
            await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    ended = await reload(queue, job)
    assert ended.state.ended
    if end in {"cancel", "engine"}:
        await submit_job(queue)
    else:
        assert (await submit_refused(queue)).limit == "max_per_day"


async def test_size_and_quality_are_limited(queue: JobQueue) -> None:
    await queue.limits.set(5, {"max_size_px": 512, "max_quality": "standard"}, 9)
    size = await submit_refused(queue, options=PaintOptions(size_px=513))
    assert (size.limit, size.allowed, size.current) == ("max_size_px", 512, 513)
    quality = await submit_refused(queue, options=PaintOptions(quality="fine"))
    assert (quality.limit, quality.allowed) == ("max_quality", "standard")
    await submit_job(queue, guild_id=6, options=PaintOptions(size_px=513, quality="fine"))
    operator = await submit_refused(queue, guild_id=6, options=PaintOptions(size_px=4096))
    assert operator.by_operator


async def test_painting_is_limited_to_allowed_roles_and_channels(queue: JobQueue) -> None:
    await queue.limits.set(5, {"painter_role_ids": [11, 12], "channel_ids": [77]}, 9)
    assert (await submit_refused(queue, role_ids=(13,))).limit == "painter_role_ids"
    await submit_job(queue, role_ids=(12, 13))
    assert (await submit_refused(queue, role_ids=(11,), channel_id=78)).limit == "channel_ids"
    await submit_job(queue, channel_id=78, is_admin=True)
    await submit_job(queue, guild_id=6, channel_id=78)


async def test_allowed_channel_allows_its_threads(queue: JobQueue) -> None:
    await queue.limits.set(5, {"channel_ids": [77]}, 9)
    options = PaintOptions(size_px=256)
    asker = Asker(1, guild_id=5, channel_id=80, parent_channel_id=77)
    assert await queue.submissions.check_limits(asker, options) is None
    await submit_job(queue, channel_id=80, parent_channel_id=77)
    assert (await submit_refused(queue, channel_id=80)).limit == "channel_ids"
    elsewhere = await queue.submissions.check_limits(replace(asker, parent_channel_id=78), options)
    assert elsewhere is not None
    assert elsewhere.limit == "channel_ids"


async def test_exempt_roles_obey_only_the_operators_limits(
    storage: Storage, clock: FakeClock
) -> None:
    settings = storage.settings(atelier_max_per_day=3)
    async with await JobQueue.open(settings, clock=clock) as queue:
        await queue.limits.set(5, {"max_per_day": 1, "exempt_role_ids": [11]}, 9)
        for _ in range(3):
            await submit_job(queue, role_ids=(11,))
        refusal = await submit_refused(queue, role_ids=(11,))
        assert refusal.allowed == 3


async def test_server_limits_can_tighten_but_not_loosen_the_operators(
    storage: Storage, clock: FakeClock
) -> None:
    settings = storage.settings(
        atelier_max_size_px=1024,
        atelier_max_quality="standard",
        atelier_cooldown_seconds=30,
        atelier_max_per_day=20,
    )
    async with await JobQueue.open(settings, clock=clock) as queue:
        cases: tuple[tuple[dict[str, int | str], str, int | str], ...] = (
            ({"max_size_px": 2048}, "max_size_px", 1024),
            ({"max_quality": "fine"}, "max_quality", "standard"),
            ({"cooldown_seconds": 10}, "cooldown_seconds", 30),
            ({"max_per_day": 21}, "max_per_day", 20),
            ({"retention_days": 31}, "retention_days", 30),
        )
        for changes, field, allowed in cases:
            requested = next(iter(changes.values()))
            answer = await queue.limits.set(5, changes, 9)
            assert answer == LoosensOperatorLimit(field, allowed, requested)
        answer = await queue.limits.set(5, {"max_size_px": 512, "log_channel_id": 3}, 9)
        assert isinstance(answer, Limits)
        assert (answer.max_size_px, answer.log_channel_id) == (512, 3)
        assert (await queue.limits.in_force(5)) == answer
        assert (await queue.limits.in_force(6)).max_size_px == 1024
    # A stricter operator limit applies at once.
    async with await JobQueue.open(storage.settings(atelier_max_size_px=256), clock=clock) as queue:
        assert (await queue.limits.in_force(5)).max_size_px == 256
        answer = await queue.limits.set(5, {"max_size_px": None}, 9)
        assert isinstance(answer, Limits)
        assert "max_size_px" not in await queue.limits.of_server(5)
        actions = [(entry.user_id, entry.action) for entry in await queue.audit.read(5)]
        assert actions == [(9, "set_limits"), (9, "set_limits")]
        await queue.limits.reset(5, 9)
        assert await queue.limits.of_server(5) == {}


async def test_invalid_limit_is_rejected_by_name(queue: JobQueue) -> None:
    with pytest.raises(UnusableLimitError, match="max_size_px"):
        await queue.limits.set(5, {"max_size_px": "large"}, 9)
    with pytest.raises(UnusableLimitError, match="max_fun"):
        await queue.limits.set(5, {"max_fun": 3}, 9)


async def test_unknown_or_unreadable_stored_limits_are_ignored(
    queue: JobQueue,
) -> None:
    for text in ('{"max_size_px": 512, "max_fun": 3}', "{", '"x"'):
        await queue.limits.reset(5, 9)
        async with queue.database.write() as transaction:
            await transaction.connection.execute(
                sa.insert(schema.guild_limits).values(
                    guild_id=5, changes=text, updated_at=0, updated_by=9
                )
            )
        expected = 512 if "512" in text else 2048
        assert (await queue.limits.in_force(5)).max_size_px == expected
        await submit_job(queue)


async def test_clock_set_back_does_not_lock_members_out(queue: JobQueue, clock: FakeClock) -> None:
    await queue.limits.set(5, {"max_per_day": 1, "cooldown_seconds": 60}, 9)
    await submit_job(queue, 1, 5)
    clock.advance(-30)
    assert (await submit_refused(queue, user_id=1, guild_id=5)).limit == "max_per_day"
    clock.advance(-3 * 86_400)
    await submit_job(queue, 1, 5)
    assert (await submit_refused(queue, user_id=1, guild_id=5)).limit == "max_per_day"


async def test_options_left_open_are_lowered_to_the_members_limits(queue: JobQueue) -> None:
    limits = {"max_size_px": 256, "max_clip_size_px": 128, "max_quality": "draft"}
    await queue.limits.set(5, {**limits, "exempt_role_ids": [11]}, 9)
    left_open = ("size_px", "quality")

    async def accepted_options(user_id: int, options: PaintOptions, **details: Any) -> PaintOptions:
        request = replace(submission(user_id, 5, **details), options=options, left_open=left_open)
        assert await queue.submissions.check_limits(request.asker, options, left_open) is None
        outcome = await queue.submissions.submit(request)
        assert isinstance(outcome, Accepted), outcome
        return outcome.job.options

    usual = PaintOptions()
    low = usual.model_copy(update={"size_px": 256, "quality": "draft"})
    assert await accepted_options(1, usual) == low
    assert await accepted_options(2, usual, role_ids=(11,)) == usual
    moving = usual.model_copy(update={"moving": True})
    assert (await accepted_options(3, moving)).size_px == 128
    small = PaintOptions(size_px=100, quality="draft")
    assert await accepted_options(4, small) == small
    assert (await submit_refused(queue, user_id=5)).limit == "max_quality"
