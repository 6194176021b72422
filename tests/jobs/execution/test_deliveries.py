"""Recording deliveries, notifications and undelivered pictures."""

from dataclasses import replace

import pytest

from jobs.delivery import ANNOUNCED_WITHIN_SECONDS
from jobs.queue import JobQueue
from tests.jobs.privacy.conftest import make_finished_job
from tests.kit.samples import (
    RESULT,
    FakeClock,
    claim_job,
    delete_for_good,
    failure,
    paint_report,
    reload,
    submit_job,
)


async def test_delivery_is_recorded_once(queue: JobQueue, clock: FakeClock) -> None:
    job = await submit_job(queue)
    await queue.deliveries.set_message(job.id, 70, 80)
    (seen,) = await queue.deliveries.due()
    assert (seen.reply.channel_id, seen.reply.message_id) == (70, 80)
    await queue.deliveries.mark_shown(job.id, seen.revision)
    assert await queue.deliveries.due() == []
    await queue.deliveries.mark_shown(job.id, 999)
    claim = await claim_job(queue)
    assert len(await queue.deliveries.due()) == 1
    assert not await queue.deliveries.mark_delivered(job.id, how="edit")
    await queue.claims.finish(claim, await queue.store.put(b"x", "png"), paint_report())
    assert await queue.deliveries.count_attempt(job.id) == 1
    assert await queue.deliveries.count_attempt(job.id) == 2
    assert await queue.deliveries.mark_delivered(job.id, how="post", message_id=81, channel_id=71)
    assert not await queue.deliveries.mark_delivered(job.id, how="post")
    assert await queue.deliveries.due() == []
    done = await reload(queue, job)
    assert (done.reply.channel_id, done.reply.message_id) == (71, 81)
    assert done.delivered_at is not None


async def test_delivery_records_do_not_affect_other_jobs(queue: JobQueue) -> None:
    first, other = await submit_job(queue), await submit_job(queue)
    await queue.deliveries.mark_shown(first.id, first.revision)
    assert [job.id for job in await queue.deliveries.due()] == [other.id]
    await queue.jobs.cancel(first.id, 1)
    await queue.jobs.cancel(other.id, 1)
    before = await queue.jobs.get(other.id)
    await queue.deliveries.set_message(first.id, 70, 80)
    await queue.deliveries.set_alt_text_and_spoiler(first.id, alt_text="A dog", spoiler=True)
    assert await queue.deliveries.count_attempt(first.id) == 1
    assert await queue.deliveries.mark_delivered(first.id, how="token")
    await mark_announced(queue, first.id)
    assert await queue.deliveries.mark_removed({80}) == 1
    assert await queue.jobs.get(other.id) == before


async def test_older_shown_revision_does_not_replace_a_newer_one(queue: JobQueue) -> None:
    job = await submit_job(queue)
    claim = await claim_job(queue)
    running = await reload(queue, job)
    await queue.deliveries.mark_shown(job.id, running.revision)
    await queue.deliveries.mark_shown(job.id, job.revision)
    assert await queue.deliveries.due() == []
    await queue.claims.release(claim)
    assert [each.id for each in await queue.deliveries.due()] == [job.id]


async def test_delivery_to_a_replaced_message_is_not_recorded(queue: JobQueue) -> None:
    """An undone deletion has given the job another message meanwhile."""
    job_id = await make_finished_job(queue, "a")
    job = await reload(queue, job_id)
    await queue.retention.delete_soon(job_id, job.user_id)
    reply = replace(job.reply, interaction_id=4711, message_id=90)
    assert await queue.retention.restore(job_id, job.user_id, reply)
    deliveries = queue.deliveries
    before = job.revision
    assert not await deliveries.mark_delivered(job_id, how="token", message_id=81, revision=before)
    assert not await deliveries.mark_undeliverable(job_id, "it is gone", revision=before)
    await deliveries.set_message(job_id, 70, 80, reply=job.reply)
    now = await reload(queue, job_id)
    assert (now.reply.message_id, now.delivered_at) == (90, None)
    await deliveries.set_message(job_id, 70, 91, reply=now.reply)
    now = await reload(queue, job_id)
    assert now.reply.message_id == 91
    assert await deliveries.mark_delivered(job_id, how="token", revision=now.revision)


async def test_undeliverable_message_is_no_longer_due(queue: JobQueue) -> None:
    job = await submit_job(queue)
    await queue.jobs.cancel(job.id, 1)
    assert await queue.deliveries.mark_undeliverable(job.id, "the channel was deleted")
    assert await queue.deliveries.due() == []


async def test_undelivered_jobs_are_listed_until_marked_told(queue: JobQueue) -> None:
    lost, deleted, shown, hidden = [await make_finished_job(queue, name) for name in "abce"]
    others = await make_finished_job(queue, "d", 2)
    for job_id in (lost, deleted, hidden, others):
        assert await queue.deliveries.mark_undeliverable(job_id, "the channel is gone")
    await queue.deliveries.mark_delivered(shown, how="token")
    await delete_for_good(queue, deleted, 1)
    await queue.retention.delete_soon(hidden, 1)
    assert await queue.deliveries.undelivered(1) == [lost]
    await queue.deliveries.mark_told([lost])
    assert await queue.deliveries.undelivered(1) == []
    assert await queue.deliveries.undelivered(2) == [others]
    history = await queue.jobs.history(lost)
    assert "the channel is gone" in history[-1].details["how"]


async def test_edited_messages_stay_unannounced_until_marked(queue: JobQueue) -> None:
    """A new message notifies by itself, and an undelivered picture is not announced."""
    edited, posted, lost = [await make_finished_job(queue, name) for name in "abc"]
    await queue.deliveries.mark_delivered(edited, how="edit")
    await queue.deliveries.mark_delivered(posted, how="post", announced=True)
    await queue.deliveries.mark_undeliverable(lost, "the channel is gone")
    assert [job.id for job in await queue.deliveries.unannounced()] == [edited]
    await mark_announced(queue, edited)
    assert await queue.deliveries.unannounced() == []


async def test_picture_is_not_announced_after_ten_minutes(
    queue: JobQueue, clock: FakeClock
) -> None:
    job_id = await make_finished_job(queue, "a")
    await queue.deliveries.mark_delivered(job_id, how="edit")
    clock.advance(ANNOUNCED_WITHIN_SECONDS - 1)
    assert [job.id for job in await queue.deliveries.unannounced()] == [job_id]
    clock.advance(1)
    assert await queue.deliveries.unannounced() == []


async def test_retried_job_is_announced_again(queue: JobQueue) -> None:
    """Also by a bot that was killed between recording the new result and announcing it."""
    job = await submit_job(queue)
    await queue.claims.fail(await claim_job(queue), failure())
    await queue.deliveries.mark_delivered(job.id, how="edit")
    await mark_announced(queue, job.id)
    assert await queue.jobs.retry(job.id)
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    await queue.deliveries.mark_delivered(job.id, how="edit")
    assert [each.id for each in await queue.deliveries.unannounced()] == [job.id]


@pytest.mark.parametrize("is_late", [False, True])
async def test_announcement_recorded_after_a_retry_does_not_count_for_the_next_end(
    queue: JobQueue, is_late: bool
) -> None:
    """The bot tells the member of the failure while the job is retried, or until it is painted."""
    job = await submit_job(queue)
    await queue.claims.fail(await claim_job(queue), failure())
    failed = await queue.deliveries.mark_delivered(job.id, how="edit")
    assert failed is not None
    assert await queue.jobs.retry(job.id)
    if not is_late:
        await queue.deliveries.mark_announced(job.id, failed.revision)
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    await queue.deliveries.mark_delivered(job.id, how="edit")
    if is_late:
        await queue.deliveries.mark_announced(job.id, failed.revision)
    assert [each.id for each in await queue.deliveries.unannounced()] == [job.id]


async def test_undone_deletion_is_not_announced(queue: JobQueue) -> None:
    job_id = await make_finished_job(queue, "a")
    job = await reload(queue, job_id)
    await queue.retention.delete_soon(job_id, job.user_id)
    assert await queue.retention.restore(job_id, job.user_id, job.reply)
    await queue.deliveries.mark_delivered(job_id, how="token")
    assert await queue.deliveries.unannounced() == []


@pytest.mark.parametrize("by", ["retry", "undo"])
async def test_delivery_of_an_old_end_does_not_mark_the_new_end(queue: JobQueue, by: str) -> None:
    job = await submit_job(queue)
    cleared = await queue.clearings.clear(job.guild_id, 9)
    (cancelled,) = await queue.deliveries.due()
    if by == "retry":
        assert await queue.jobs.retry(job.id)
    else:
        await queue.clearings.undo(cleared.id, job.guild_id, 9)
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    deliveries, old = queue.deliveries, cancelled.revision
    assert not await deliveries.mark_delivered(job.id, how="token", revision=old)
    assert not await deliveries.mark_undeliverable(job.id, "it is gone", revision=old)
    (done,) = await deliveries.due()
    assert await deliveries.mark_delivered(job.id, how="token", revision=done.revision)


async def mark_announced(queue: JobQueue, job_id: int) -> None:
    job = await reload(queue, job_id)
    await queue.deliveries.mark_announced(job_id, job.revision)
