"""Unfinished jobs of several pictures keep the finished ones."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from jobs.db import schema
from jobs.model import FailureKind, Job, JobState, Progress
from jobs.outcomes import ClearUndone
from jobs.queue import JobQueue
from tests.jobs.submission.test_daily_count import (
    ALBUM,
    MEMBER,
    MODERATOR,
    PAINTED,
    Ending,
    cancelled_after,
    cancelled_after_engine_death,
    cancelled_after_release,
    cancelled_on_second_engine,
    cancelled_while_queued,
    cleared_after_release,
    engine_died_three_times,
    engine_died_while_cancelling,
    engine_hung_three_times,
    engines_hung_for_all_users,
    failed,
    finished_despite_cancel,
    paint_some,
)
from tests.kit.samples import (
    FakeClock,
    claim_job,
    delete_for_good,
    failure,
    paint_report,
    reload,
    submission,
    submit_job,
)

pytestmark = pytest.mark.usefixtures("delete_new_files")

FINISHED: dict[int, list[Ending]] = {
    0: [cancelled_while_queued, cancelled_after(0)],
    3: [
        cancelled_after(3),
        cancelled_after(3, by=MODERATOR),
        cancelled_after_release,
        cancelled_after_engine_death,
        engine_died_while_cancelling,
        cleared_after_release,
        *(failed(kind) for kind in FailureKind),
        engine_died_three_times,
        engine_hung_three_times,
        engines_hung_for_all_users,
    ],
    5: [cancelled_on_second_engine],
    9: [cancelled_after(9), finished_despite_cancel],
}


@pytest.fixture
async def job(queue: JobQueue) -> Job:
    """A queued job of ten photos, with the files of photos and paintings in the store."""
    for number in range(10):
        await queue.store.put(f"photograph {number}".encode(), "png")
        await queue.store.put(f"painting {number}".encode(), "png")
    return await submit_job(queue, MEMBER, **ALBUM)


async def stored_paintings(queue: JobQueue) -> int:
    """The number of paintings in the store."""
    return sum([await queue.store.exists(key) for key in PAINTED])


@pytest.mark.parametrize(
    ("ending", "count"),
    [(ending, count) for count, endings in FINISHED.items() for ending in endings],
)
async def test_finished_pictures_stay_however_the_job_ends(
    queue: JobQueue, clock: FakeClock, job: Job, ending: Ending, count: int
) -> None:
    await ending(queue, clock)
    ended = await reload(queue, job)
    assert ended.state in {JobState.CANCELLED, JobState.FAILED}
    assert ended.versions == PAINTED[:count]
    assert ended.result_key == (PAINTED[0] if count else None)
    await queue.retention.gc()
    assert await stored_paintings(queue) == count


async def test_cancelled_job_that_finishes_anyway_keeps_all_pictures(
    queue: JobQueue, job: Job
) -> None:
    claim = await paint_some(queue, 9)
    await queue.jobs.cancel(job.id, MEMBER)
    await queue.claims.finish(claim, PAINTED[0], replace(paint_report(), variants=PAINTED))
    ended = await reload(queue, job)
    assert ended.state is JobState.CANCELLED
    assert ended.versions == PAINTED


async def test_job_cancelled_after_an_undone_clear_keeps_finished_pictures(
    queue: JobQueue, job: Job
) -> None:
    await queue.claims.release(await paint_some(queue, 3))
    cleared = await queue.clearings.clear(5, MODERATOR)
    assert isinstance(await queue.clearings.undo(cleared.id, 5, MODERATOR), ClearUndone)
    waiting = await reload(queue, job)
    assert (waiting.result_key, waiting.versions) == (None, ())
    await queue.jobs.cancel(job.id, MEMBER)
    assert (await reload(queue, job)).versions == PAINTED[:3]


async def test_undone_clear_paints_only_the_remaining_pictures(queue: JobQueue, job: Job) -> None:
    await queue.claims.release(await paint_some(queue, 3))
    cleared = await queue.clearings.clear(5, MODERATOR)
    await queue.retention.gc()
    await queue.clearings.undo(cleared.id, 5, MODERATOR)
    claim = await claim_job(queue)
    assert claim.done == PAINTED[:3]
    await queue.claims.finish(claim, PAINTED[0], replace(paint_report(), variants=PAINTED))
    done = await reload(queue, job)
    assert (done.state, done.versions) == (JobState.DONE, PAINTED)


@pytest.mark.parametrize("is_failed", [False, True])
async def test_retried_job_paints_only_the_remaining_pictures(
    queue: JobQueue, clock: FakeClock, job: Job, is_failed: bool
) -> None:
    await (failed(FailureKind.ENGINE) if is_failed else cancelled_after(3))(queue, clock)
    again = await queue.jobs.retry(job.id)
    assert again is not None
    assert (again.result_key, again.versions) == (None, ())
    assert (await claim_job(queue)).done == PAINTED[:3]


async def test_older_row_without_a_result_keeps_its_finished_pictures(
    queue: JobQueue, clock: FakeClock, job: Job
) -> None:
    """Older versions stored no result key for unfinished jobs."""
    await cancelled_after(3)(queue, clock)
    async with queue.database.write() as transaction:
        await transaction.execute(sa.update(schema.jobs).values(result_key=None))
    before = await reload(queue, job)
    assert before.versions == PAINTED[:3]
    request = submission(MEMBER)
    taken = await queue.submissions.take_version(before, 1, request.asker, request.reply)
    assert taken is not None
    assert taken.result_key == PAINTED[1]


async def test_version_of_an_unfinished_job_can_be_taken(
    queue: JobQueue, clock: FakeClock, job: Job
) -> None:
    await cancelled_after(3)(queue, clock)
    ended, request = await reload(queue, job), submission(MEMBER)
    taken = await queue.submissions.take_version(ended, 2, request.asker, request.reply)
    assert taken is not None
    assert (taken.state, taken.result_key) == (JobState.DONE, PAINTED[2])
    assert taken.inputs.content == job.inputs.more_contents[1]
    assert (taken.network, taken.options.variants) == (job.network, 1)
    await delete_for_good(queue, job.id, MEMBER)
    late = submission(MEMBER)
    assert await queue.submissions.take_version(ended, 1, late.asker, late.reply) is None
    await queue.retention.gc()
    assert await stored_paintings(queue) == 1, "only the taken version"


async def test_version_cannot_be_taken_after_its_clear_is_undone(queue: JobQueue, job: Job) -> None:
    await queue.claims.release(await paint_some(queue, 3))
    cleared = await queue.clearings.clear(5, MODERATOR)
    ended, request = await reload(queue, job), submission(MEMBER)
    await queue.clearings.undo(cleared.id, 5, MODERATOR)
    assert await queue.submissions.take_version(ended, 0, request.asker, request.reply) is None


async def test_finished_pictures_are_deleted_with_their_job(
    queue: JobQueue, clock: FakeClock, job: Job
) -> None:
    await cancelled_after(3)(queue, clock)
    await queue.retention.delete_soon(job.id, MEMBER)
    assert (await reload(queue, job)).versions == ()
    assert await queue.retention.restore(job.id, MEMBER, job.reply) is not None
    assert (await reload(queue, job)).versions == PAINTED[:3]
    await delete_for_good(queue, job.id, MEMBER)
    assert (await reload(queue, job)).versions == ()
    await queue.retention.gc()
    assert await stored_paintings(queue) == 0


async def test_finished_pictures_are_kept_for_the_retention_period(
    queue: JobQueue, clock: FakeClock, job: Job
) -> None:
    await cancelled_after(3)(queue, clock)
    await queue.deliveries.mark_delivered(job.id, how="token")
    days = queue.settings.limits.retention_days
    clock.advance((days - 1) * 86_400.0)
    await queue.retention.gc()
    assert await stored_paintings(queue) == 3
    clock.advance(2 * 86_400.0)
    await queue.retention.gc()
    assert await stored_paintings(queue) == 0
    assert (await reload(queue, job)).versions == ()


async def test_finished_pictures_are_exported_measured_and_erased(
    queue: JobQueue, clock: FakeClock, job: Job
) -> None:
    before = await queue.retention.bytes_of(MEMBER)
    await cancelled_after(3)(queue, clock)
    exported = await queue.privacy.export_user(MEMBER)
    assert set(PAINTED[:3]) <= set(exported.picture_keys)
    sizes = len("painting 0") * 3
    assert await queue.retention.bytes_of(MEMBER) == before + sizes
    await queue.privacy.erase_user(MEMBER)
    assert (await reload(queue, job)).versions == ()
    await queue.retention.gc()
    assert await stored_paintings(queue) == 0


async def test_undelivered_finished_pictures_are_listed(
    queue: JobQueue, clock: FakeClock, job: Job
) -> None:
    other = await submit_job(queue, MEMBER)
    await cancelled_after(3)(queue, clock)
    await queue.jobs.cancel(other.id, MEMBER)
    for each in (job, other):
        await queue.deliveries.mark_undeliverable(each.id, "the message was deleted")
    assert await queue.deliveries.undelivered(MEMBER) == [job.id]


async def test_unfinished_single_picture_job_leaves_no_picture(queue: JobQueue) -> None:
    job = await submit_job(queue, MEMBER)
    claim = await claim_job(queue)
    await queue.claims.report_progress(claim, Progress(1, 2, 0.5))
    await queue.claims.fail(claim, failure(FailureKind.INPUT))
    ended = await reload(queue, job)
    assert (ended.result_key, ended.versions) == (None, ())
