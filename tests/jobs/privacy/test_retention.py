from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from common.store import StorageUnavailableError
from jobs.core import change_job
from jobs.db import schema
from jobs.db.rows import to_json
from jobs.model import JobState, Progress
from jobs.outcomes import ClearUndone
from jobs.privacy.retention import UNDO_SECONDS
from jobs.queue import JobQueue
from tests.jobs.privacy.conftest import make_delivered_job, picture_keys
from tests.kit.samples import (
    FakeClock,
    claim_job,
    delete_for_good,
    engine_info,
    paint_report,
    reload,
    submit_job,
)

DAY = 86_400.0


@pytest.mark.usefixtures("delete_new_files")
async def test_pictures_are_kept_as_long_as_the_server_says(
    queue: JobQueue, clock: FakeClock
) -> None:
    await queue.limits.set(6, {"retention_days": 2}, 9)
    long, short = await make_delivered_job(queue, "a"), await make_delivered_job(queue, "b", 2, 6)
    kept, dropped = await picture_keys(queue, long), await picture_keys(queue, short)
    clock.advance(2.5 * DAY)
    counts = await queue.retention.gc()
    assert (counts.expired_jobs, counts.files) == (1, 2)
    assert [await queue.store.exists(key) for key in (*kept, *dropped)] == [
        True,
        True,
        False,
        False,
    ]
    job = await reload(queue, short)
    assert job.state is JobState.DONE
    assert job.result_key is None
    assert job.pictures_deleted_at is not None
    clock.advance(30 * DAY)
    assert (await queue.retention.gc()).files == 2
    assert (await queue.retention.gc()).files == 0
    clock.advance(400 * DAY)
    await queue.retention.gc()
    assert await queue.jobs.get(long) is None


@pytest.mark.usefixtures("delete_new_files")
async def test_undelivered_pictures_are_kept_longer(queue: JobQueue, clock: FakeClock) -> None:
    await submit_job(queue)
    claim = await claim_job(queue)
    await queue.claims.finish(claim, await queue.store.put(b"x", "png"), paint_report())
    clock.advance(31 * DAY)
    assert (await queue.retention.gc()).expired_jobs == 0
    clock.advance(7 * DAY)
    assert (await queue.retention.gc()).expired_jobs == 1


@pytest.mark.usefixtures("delete_new_files")
async def test_gc_deletes_an_unreferenced_file(queue: JobQueue) -> None:
    orphan = await queue.store.put(b"nobody's", "png")
    style = await queue.store.put(b"somebody's", "png")
    await queue.styles.save("user", 1, "Waves", style, 1)
    assert (await queue.retention.gc()).files == 1
    assert not await queue.store.exists(orphan)
    assert await queue.store.exists(style)


async def test_gc_keeps_live_engines_intakes_and_clearings(queue: JobQueue) -> None:
    await queue.engines.register(engine_info())
    await queue.intakes.open(77, 1, {})
    job = await submit_job(queue)
    cleared = await queue.clearings.clear(5, 9)
    await queue.retention.gc()
    assert (await queue.positions.overview(None)).engines_alive == 1
    assert await queue.intakes.get(77) is not None
    assert await queue.clearings.undo(cleared.id, 5, 9) == ClearUndone((job.id,), 0)


async def test_gc_leaves_a_new_unreferenced_file(queue: JobQueue) -> None:
    orphan = await queue.store.put(b"about to be named", "png")
    await queue.retention.gc()
    assert await queue.store.exists(orphan)


@pytest.mark.usefixtures("delete_new_files")
async def test_a_member_deletes_a_picture(queue: JobQueue) -> None:
    job_id = await make_delivered_job(queue, "a")
    content, result = await picture_keys(queue, job_id)
    assert await queue.retention.delete_soon(12345, 1) is None
    deleted = await delete_for_good(queue, job_id)
    assert deleted.pictures_deleted_at is not None
    assert not await queue.store.exists(content)
    assert not await queue.store.exists(result)
    waiting = await submit_job(queue, 1)
    assert await queue.retention.delete_soon(waiting.id, 1) is None


async def test_what_was_said_of_a_deleted_picture_goes_with_it(queue: JobQueue) -> None:
    job_id = await make_delivered_job(queue, "a")
    job = await reload(queue, job_id)
    described = job.inputs.model_copy(update={"alt_texts": ("My daughter",)})
    await queue.deliveries.set_alt_text_and_spoiler(
        job_id, alt_text="My daughter in oil", spoiler=True
    )
    async with queue.database.write() as transaction:
        await change_job(transaction, job_id, inputs=to_json(described))
    await delete_for_good(queue, job_id)
    job = await reload(queue, job_id)
    assert (job.inputs.alt_texts, job.reply.alt_text, job.reply.spoiler) == ((), "", True)
    assert job.inputs.content == described.content


@pytest.mark.parametrize("erased", [False, True])
async def test_nothing_more_can_be_said_of_a_deleted_picture(queue: JobQueue, erased: bool) -> None:
    job_id = await make_delivered_job(queue, "a")
    if erased:
        await queue.privacy.erase_user(1)
    else:
        await delete_for_good(queue, job_id)
    before = await queue.jobs.get(job_id)
    late = queue.deliveries.set_alt_text_and_spoiler(job_id, alt_text="My daughter", spoiler=True)
    assert await late is None
    assert await queue.jobs.get(job_id) == before


async def test_spoiler_alone_leaves_a_description_that_came_meanwhile(queue: JobQueue) -> None:
    job_id = await make_delivered_job(queue, "a")
    deliveries = queue.deliveries
    await deliveries.set_alt_text_and_spoiler(job_id, alt_text="A dog", spoiler=False)
    job = await deliveries.set_alt_text_and_spoiler(job_id, spoiler=True)
    assert job is not None
    assert (job.reply.alt_text, job.reply.spoiler) == ("A dog", True)


async def test_only_the_deleter_can_undo_a_deletion(queue: JobQueue, clock: FakeClock) -> None:
    mine, moderated = await make_delivered_job(queue, "a"), await make_delivered_job(queue, "b")
    job = await reload(queue, mine)
    await queue.retention.delete_soon(mine, 1)
    await queue.retention.delete_soon(moderated, 9)
    assert await queue.retention.restore(moderated, 1, job.reply) is None
    assert await queue.retention.restore(mine, 1, job.reply) is not None
    clock.advance(UNDO_SECONDS)
    assert await queue.retention.restore(moderated, 9, job.reply) is None
    assert await queue.retention.finish_deleting() == 1
    assert [each.id for each in await queue.jobs.of_user(1) if each.result_key] == [mine]


async def test_deletion_tries_an_unavailable_store_only_once(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, deletions = await make_delivered_job(queue, "a"), list[str]()

    async def raise_unavailable(key: str, _seconds: float) -> bool:
        deletions.append(key)
        raise StorageUnavailableError("The picture store did not answer within 30 s.")

    monkeypatch.setattr(queue.store, "delete_if_untouched", raise_unavailable)
    assert (await delete_for_good(queue, job_id)).pictures_deleted_at is not None
    assert len(deletions) == 1


@pytest.mark.usefixtures("delete_new_files")
async def test_deletion_keeps_a_picture_another_job_uses(queue: JobQueue) -> None:
    first = await make_delivered_job(queue, "same")
    second = await make_delivered_job(queue, "same", 2)
    content, result = await picture_keys(queue, first)
    await delete_for_good(queue, first, 1)
    assert await queue.store.exists(content)
    assert await queue.store.exists(result)
    await delete_for_good(queue, second, 2)
    assert not await queue.store.exists(content)


@pytest.mark.usefixtures("delete_new_files")
async def test_superseded_checkpoints_and_previews_are_deleted_at_once(queue: JobQueue) -> None:
    await submit_job(queue)
    claim = await claim_job(queue)
    checkpoints, previews = [], []
    for step in range(4):
        checkpoints.append(await queue.store.put(f"c{step}".encode(), "bin"))
        await queue.claims.save_checkpoint(claim, checkpoints[-1])
        previews.append(await queue.store.put(f"p{step}".encode(), "jpg"))
        await queue.claims.report_progress(claim, progress_with_preview(step, previews[-1]))
    assert [await queue.store.exists(key) for key in checkpoints] == [False, False, False, True]
    assert [await queue.store.exists(key) for key in previews] == [False, False, True, True]


def progress_with_preview(step: int, preview: str) -> Progress:
    return Progress(step, 4, step / 4, preview_key=preview)


async def test_job_in_an_unknown_state_does_not_stop_the_queue(queue: JobQueue) -> None:
    """The row is left unchanged: the bot reports it as unreadable, and engines skip it."""
    if queue.database.postgres:
        rules = (
            "ALTER TABLE jobs DROP CONSTRAINT ck_jobs_known_state",
            "DROP TRIGGER jobs_transitions ON jobs",
        )
    else:
        rules = ("PRAGMA ignore_check_constraints = ON", "DROP TRIGGER jobs_transitions")
    unknown, next_one = await submit_job(queue, 1), await submit_job(queue, 2)
    async with queue.database.write() as transaction:
        for rule in rules:
            await transaction.connection.execute(sa.text(rule))
        await transaction.connection.execute(
            sa.text("UPDATE jobs SET state = 'resting' WHERE id = :id"), {"id": unknown.id}
        )
    job = await reload(queue, unknown)
    assert job.unreadable is not None
    assert [each.id for each in await queue.deliveries.due()] == [unknown.id, next_one.id]
    assert (await claim_job(queue)).job.id == next_one.id
    await queue.reaper.reap()
    await queue.retention.gc()
    await queue.positions.get_many([unknown.id, next_one.id])
    await queue.health.ask(ask_store=False)
    await queue.statistics.read(None, 14)
    await queue.clearings.clear(None, 1)
    await queue.jobs.cancel(unknown.id, 1)
    await queue.privacy.erase_user(1)


async def test_gc_deletes_only_obsolete_rows(queue: JobQueue, clock: FakeClock) -> None:
    async def count(table: sa.Table) -> int:
        async with queue.database.read() as connection:
            found = await connection.scalar(sa.select(sa.func.count()).select_from(table))
            return int(found or 0)

    await queue.engines.register(engine_info())
    await queue.intakes.open(77, 1, {})
    await queue.intakes.close(77)
    ends = datetime.fromtimestamp(clock.now + DAY, UTC)
    await queue.blocks.add(5, 1, 9, until=ends)
    await queue.blocks.add(5, 2, 9, until=ends + timedelta(days=300))
    await queue.blocks.add(5, 3, 9)
    clock.advance(2 * DAY + 1)
    await queue.retention.gc()
    assert await count(schema.engines) == await count(schema.intakes) == 0
    assert await count(schema.blocked_users) == 2
    clock.advance(200 * DAY)
    await queue.retention.gc()
    assert {block.user_id for block in await queue.blocks.all(5)} == {2, 3}
    assert len(await queue.audit.read(5)) == 3, "the log is kept for half a year"
    clock.advance(200 * DAY)
    await queue.retention.gc()
    assert await queue.audit.read(5) == []


@pytest.mark.usefixtures("delete_new_files")
async def test_timelapse_and_records_are_kept_as_long_as_the_picture(
    queue: JobQueue,
) -> None:
    await submit_job(queue)
    claim = await claim_job(queue)
    result, film, plot = [
        await queue.store.put(words, kind)
        for words, kind in ((b"a", "png"), (b"b", "mp4"), (b"c", "png"))
    ]
    report_with_records = replace(paint_report(), records={"losses.png": plot})
    await queue.claims.finish(claim, result, report_with_records, timelapse_key=film)
    await queue.retention.gc()
    assert all([await queue.store.exists(key) for key in (result, film, plot)])
    await delete_for_good(queue, claim.job.id)
    assert not any([await queue.store.exists(key) for key in (result, film, plot)])
