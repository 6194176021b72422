"""Progress reports: their cost in statements, and the previews that are kept."""

import asyncio

import pytest

from jobs import core
from jobs.model import Progress
from jobs.outcomes import LeaseHeld
from jobs.queue import JobQueue
from tests.kit.samples import Storage, claim_job, paint_report, submit_job
from tests.kit.statements import statements


async def test_progress_report_takes_at_most_three_statements(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        await submit_job(queue)
        claim = await claim_job(queue)
        keys = [await queue.store.put(f"{n}".encode(), "jpg") for n in range(2)]
        for step, key in enumerate((None, *keys, keys[-1])):
            with statements(queue) as all_statements:
                await queue.claims.report_progress(claim, Progress(step, 9, 0.1, 1.0, key))
            executed = [one for one in all_statements if not one.startswith(("BEGIN", "COMMIT"))]
            assert len(executed) <= 3, executed


@pytest.mark.parametrize("reports", [1, 3])
async def test_newest_two_previews_are_kept_however_often_reported(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch, reports: int
) -> None:
    monkeypatch.setattr(core, "WORKING_SOON_SECONDS", 0.0)
    await submit_job(queue)
    claim = await claim_job(queue)
    keys = []
    for step in range(5):
        keys.append(await queue.store.put(f"{step}".encode(), "jpg"))
        for _ in range(reports):
            await queue.claims.report_progress(claim, Progress(step, 9, 0.1, 1.0, keys[-1]))
        assert [await queue.store.exists(key) for key in keys] == (
            [False] * (len(keys) - 2) + [True] * min(2, len(keys))
        )


async def test_cancellation_wakes_the_engine_without_a_query(storage: Storage) -> None:
    async with (
        await JobQueue.open(storage.settings()) as engines,
        await JobQueue.open(storage.settings()) as bots,
    ):
        job = await submit_job(bots)
        await claim_job(engines)
        while await engines.wait_for_cancellation(job.id, 0.2):
            pass
        waiting = asyncio.create_task(engines.wait_for_cancellation(job.id, 30))
        await asyncio.sleep(0.1)
        await bots.jobs.cancel(job.id, 1)
        with statements(engines) as executed:
            assert await waiting
        assert executed == []


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_other_commits_do_not_wake_the_engine(storage: Storage) -> None:
    """On SQLite, a listener cannot tell what a commit changed."""
    async with (
        await JobQueue.open(storage.settings()) as engines,
        await JobQueue.open(storage.settings()) as bots,
    ):
        job, other = await submit_job(bots, 1), await submit_job(bots, 2)
        await claim_job(engines)
        await claim_job(engines)
        while await engines.wait_for_cancellation(job.id, 0.2):
            pass
        await bots.jobs.cancel(other.id, 2)
        await submit_job(bots, 3)
        assert not await engines.wait_for_cancellation(job.id, 0.5)


async def test_renewal_reports_a_requested_cancellation(queue: JobQueue) -> None:
    job = await submit_job(queue)
    claim = await claim_job(queue)
    await queue.jobs.cancel(job.id, 1)
    assert await queue.claims.renew(claim) == LeaseHeld(cancel_requested=True)


async def test_previews_checkpoints_and_frames_are_kept_per_job(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two engines paint at once; each resumes only from its own files."""
    monkeypatch.setattr(core, "WORKING_SOON_SECONDS", -1.0)
    store, kept = queue.store, dict[int, list[str]]()
    await submit_job(queue, 1)
    await submit_job(queue, 2)
    claims = [await claim_job(queue, name) for name in ("one", "another")]
    for step in range(3):
        for claim in claims:
            number = claim.job.id
            words = f"{number} {step}".encode()
            keys = [await store.put(words, kind) for kind in ("jpg", "png", "ckpt")]
            preview, frame, checkpoint = keys
            progress = Progress(step, 3, 0.1, 1.0, preview, done=(frame,))
            await queue.claims.report_progress(claim, progress)
            await queue.claims.save_checkpoint(claim, checkpoint, {step: frame})
            kept.setdefault(number, []).extend(keys)
    for claim in claims:
        first, second, third = (kept[claim.job.id][at : at + 3] for at in (0, 3, 6))
        there = [await store.exists(key) for key in (first[0], second[0], third[0])]
        assert there == [False, True, True], "the newest two previews"
        there = [await store.exists(key) for key in (first[2], second[2], third[2])]
        assert there == [False, False, True], "the newest checkpoint"
        await queue.claims.release(claim)
    for name in ("one", "another"):
        again = await claim_job(queue, name)
        mine = kept[again.job.id]
        assert again.checkpoint_key == mine[8]
        assert again.frames == (mine[1], mine[4], mine[7])
        assert again.done == (mine[7],)


async def test_preview_shared_by_two_jobs_stays_for_the_other(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same photo with the same seed gives the same bytes, and so the same key."""
    monkeypatch.setattr(core, "WORKING_SOON_SECONDS", -1.0)
    await submit_job(queue, 1)
    await submit_job(queue, 2)
    claims = [await claim_job(queue, name) for name in ("one", "another")]
    same, *others = [await queue.store.put(words, "jpg") for words in (b"a", b"b", b"c")]
    for claim in claims:
        await queue.claims.report_progress(claim, Progress(1, 9, 0.1, 1.0, same))
    for key in others:
        await queue.claims.report_progress(claims[0], Progress(2, 9, 0.2, 1.0, key))
    assert await queue.store.exists(same)


async def test_finishing_keeps_the_last_two_previews_for_late_readers(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "WORKING_SOON_SECONDS", -1.0)
    await submit_job(queue)
    claim = await claim_job(queue)
    keys = [await queue.store.put(words, "jpg") for words in (b"a", b"b")]
    for key in keys:
        await queue.claims.report_progress(claim, Progress(1, 9, 0.1, 1.0, key))
    await queue.claims.finish(claim, await queue.store.put(b"done", "png"), paint_report())
    assert [await queue.store.exists(key) for key in keys] == [True, True]
