"""Erasing a member's data from jobs that others painted from the member's pictures."""

import asyncio
import contextlib
import logging
from dataclasses import replace

import pytest

from common.defaults import Defaults
from common.options import PaintInputs, PaintOptions, StyleInput
from common.store import PictureMissingError
from jobs.health.troubles import troubles_in
from jobs.model import FailureKind, Job, JobState, Progress
from jobs.outcomes import Accepted, Erased, QueueUnavailableError
from jobs.queue import JobQueue
from tests.kit.databases import fail_after_writes
from tests.kit.samples import FakeClock, claim_job, paint_report, reload, submission, submit_job

pytestmark = pytest.mark.usefixtures("delete_new_files")

ADA, BEA, CAI = 1, 2, 3


async def store_picture(queue: JobQueue, name: str) -> str:
    return await queue.store.put(name.encode(), "png")


async def submit_from(
    queue: JobQueue,
    user_id: int,
    photo: str,
    style: str | None = None,
    *,
    parent: Job | None,
) -> Job:
    chosen = StyleInput(picture=style) if style else StyleInput(preset="starry-night")
    inputs = PaintInputs(content=photo, styles=(chosen,))
    parent_id = None if parent is None else parent.id
    return await submit_job(queue, user_id, 5, inputs=inputs, parent_job_id=parent_id)


async def paint_from(
    queue: JobQueue,
    user_id: int,
    photo: str,
    style: str | None = None,
    *,
    parent: Job | None = None,
) -> Job:
    job = await submit_from(queue, user_id, photo, style, parent=parent)
    claim = await claim_job(queue)
    film = await store_picture(queue, f"film {job.id}")
    result = await store_picture(queue, f"painting {job.id}")
    await queue.claims.finish(claim, result, paint_report(), timelapse_key=film)
    return await reload(queue, job)


async def test_erasure_removes_the_photo_but_keeps_others_paintings(queue: JobQueue) -> None:
    photo = await store_picture(queue, "ada's photograph")
    first = await paint_from(queue, ADA, photo)
    second = await paint_from(queue, BEA, photo, parent=first)
    third = await paint_from(queue, CAI, photo, parent=second)
    await queue.privacy.erase_user(ADA)
    await queue.retention.gc()
    assert not await queue.store.exists(photo)
    for job in (second, third):
        now = await reload(queue, job)
        assert now.state is JobState.DONE
        assert now.result_key is not None
        assert await queue.store.exists(now.result_key)
        assert now.inputs.erased
        assert photo not in now.inputs.picture_keys()
        assert now.timelapse_key is None, "the time-lapse begins with the photo"
        assert job.timelapse_key is not None
        assert not await queue.store.exists(job.timelapse_key)


async def test_erasure_reaches_others_remixes_of_the_members_own_remix(queue: JobQueue) -> None:
    photo = await store_picture(queue, "ada's photograph")
    first = await paint_from(queue, ADA, photo)
    remix = await paint_from(queue, ADA, photo, parent=first)
    others = await paint_from(queue, BEA, photo, parent=remix)
    await queue.privacy.erase_user(ADA)
    assert (await reload(queue, others)).inputs.erased
    assert not await queue.store.exists(photo)


async def test_erasure_keeps_pictures_supplied_by_others(queue: JobQueue) -> None:
    same = await store_picture(queue, "a picture that both uploaded")
    hers, style = (
        await store_picture(queue, "bea's photograph"),
        await store_picture(queue, "ada's style"),
    )
    await queue.styles.save("user", ADA, "mine", style, ADA)
    first = await paint_from(queue, ADA, same, style)
    alone = await paint_from(queue, BEA, same)
    of_hers = await paint_from(queue, CAI, same, parent=alone)
    own_photo = await paint_from(queue, BEA, hers, parent=first)
    in_her_style = await paint_from(queue, BEA, hers, style, parent=first)
    await queue.privacy.erase_user(ADA)
    await queue.retention.gc()
    assert await reload(queue, alone) == alone
    assert await reload(queue, of_hers) == of_hers
    assert of_hers.timelapse_key is not None
    assert await queue.store.exists(of_hers.timelapse_key)
    assert await reload(queue, own_photo) == replace(own_photo, parent_job_id=None)
    assert await queue.store.exists(same)
    assert await queue.store.exists(hers)
    assert not await queue.store.exists(style)
    assert (await reload(queue, in_her_style)).inputs.erased


async def test_erasing_a_remixer_keeps_the_original_members_photo(queue: JobQueue) -> None:
    photo = await store_picture(queue, "ada's photograph")
    first = await paint_from(queue, ADA, photo)
    second = await paint_from(queue, BEA, photo, parent=first)
    third = await paint_from(queue, CAI, photo, parent=second)
    await queue.privacy.erase_user(BEA)
    await queue.retention.gc()
    assert await queue.store.exists(photo)
    assert not (await reload(queue, third)).inputs.erased
    await queue.privacy.erase_user(ADA)
    await queue.retention.gc()
    assert not await queue.store.exists(photo), "the origin of the photo is still known"
    assert (await reload(queue, third)).inputs.erased


async def test_erasure_fails_unfinished_remixes_and_refunds_them(
    queue: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    photo = await store_picture(queue, "ada's photograph")
    first = await paint_from(queue, ADA, photo)
    running = await submit_from(queue, BEA, photo, parent=first)
    await claim_job(queue)
    waiting = await submit_from(queue, CAI, photo, parent=first)
    await queue.privacy.erase_user(ADA)
    await queue.retention.gc()
    for job in (running, waiting):
        now = await reload(queue, job)
        assert now.state is JobState.FAILED
        assert now.failure is not None
        assert now.failure.kind is FailureKind.ERASED
        assert now.pictures_deleted_at is not None
        usage = await queue.submissions.usage(submission(job.user_id).asker)
        assert [each.current for each in usage] == [0, 0], "neither waiting nor counted today"
        assert [text for text in caplog.messages if text.startswith(f"job {job.id}: failed;")]
    assert not await queue.store.exists(photo)
    health = await queue.health.ask()
    assert "failures" not in {trouble.name for trouble in troubles_in(health)}
    assert health.failures_in_a_row == 0


async def test_remix_of_an_erased_photo_is_refused(queue: JobQueue) -> None:
    photo = await store_picture(queue, "ada's photograph")
    first = await paint_from(queue, ADA, photo)
    second = await paint_from(queue, BEA, photo, parent=first)
    late = [submission(CAI, 5, parent_job_id=job.id) for job in (first, second)]
    for each in late:
        interaction_id = each.reply.interaction_id
        payload = {"parent_job_id": each.parent_job_id}
        await queue.intakes.open(interaction_id, CAI, payload)
        assert await queue.intakes.hold_pictures(interaction_id, [photo])
    await queue.privacy.erase_user(ADA)
    await queue.retention.gc()
    assert not await queue.store.exists(photo)
    assert await queue.intakes.pending() == []
    for each in late:
        assert not await queue.intakes.hold_pictures(each.reply.interaction_id, [photo])
        assert await queue.submissions.submit(each) == Erased()
    for job in (first, second):
        after = submission(CAI, 5, parent_job_id=job.id)
        assert await queue.submissions.submit(after) == Erased(), "also for a later command"


async def test_no_submission_slips_through_an_erasure(queue: JobQueue) -> None:
    photo = await store_picture(queue, "ada's photograph")
    inputs = PaintInputs(content=photo, styles=(StyleInput(preset="starry-night"),))
    first = await paint_from(queue, ADA, photo)
    many = [submission(BEA, 5, parent_job_id=first.id, inputs=inputs) for _ in range(8)]
    outcomes, _ = await asyncio.gather(
        asyncio.gather(*(queue.submissions.submit(each) for each in many)),
        queue.privacy.erase_user(ADA),
    )
    await queue.retention.gc()
    for outcome in outcomes:
        if isinstance(outcome, Accepted):
            assert (await reload(queue, outcome.job)).state is JobState.FAILED
        else:
            assert outcome == Erased()
    with pytest.raises(PictureMissingError):
        await queue.store.get(photo)


async def test_erasure_keeps_a_server_style_in_others_paintings(queue: JobQueue) -> None:
    photo, style = (
        await store_picture(queue, "ada's photograph"),
        await store_picture(queue, "a style"),
    )
    first = await paint_from(queue, ADA, photo, style)
    hers = await store_picture(queue, "bea's photograph")
    await queue.styles.save("guild", 5, "ours", style, ADA)
    second = await paint_from(queue, BEA, hers, style, parent=first)
    await queue.privacy.erase_user(ADA)
    await queue.retention.gc()
    assert await queue.store.exists(style)
    assert not (await reload(queue, second)).inputs.erased


@pytest.mark.parametrize("vary", ["seed", "photo"])
async def test_version_can_be_taken_after_the_photo_is_erased(queue: JobQueue, vary: str) -> None:
    photos = [await store_picture(queue, f"photograph {number}") for number in range(2)]
    first = await paint_from(queue, ADA, photos[0])
    inputs = PaintInputs(
        content=photos[0],
        more_contents=tuple(photos[1:]) if vary == "photo" else (),
        styles=(StyleInput(preset="starry-night"),),
    )
    options = PaintOptions(size_px=256, variants=2, vary=vary)
    job = await submit_job(queue, BEA, 5, inputs=inputs, options=options, parent_job_id=first.id)
    results = tuple([await store_picture(queue, f"version {number}") for number in range(2)])
    claim = await claim_job(queue)
    await queue.claims.finish(claim, results[0], replace(paint_report(), variants=results))
    before = await reload(queue, job)
    await queue.privacy.erase_user(ADA)
    now = await reload(queue, job)
    late = submission(BEA, 5)
    assert await queue.submissions.take_version(before, 1, late.asker, late.reply) is None
    wanted = submission(BEA, 5)
    taken = await queue.submissions.take_version(now, 1, wanted.asker, wanted.reply)
    assert taken is not None
    assert taken.result_key == results[1]
    assert taken.inputs.erased
    await queue.retention.gc()
    assert not await queue.store.exists(photos[0])


@pytest.mark.parametrize("ended", ["before the erasure", "by the erasure"])
async def test_erasure_keeps_finished_versions_of_an_unfinished_job(
    queue: JobQueue, ended: str
) -> None:
    photo = await store_picture(queue, "ada's photograph")
    first = await paint_from(queue, ADA, photo)
    inputs = PaintInputs(content=photo, styles=(StyleInput(preset="starry-night"),))
    options = PaintOptions(size_px=256, variants=3)
    job = await submit_job(queue, BEA, 5, inputs=inputs, options=options, parent_job_id=first.id)
    finished, preview = (
        await store_picture(queue, "version 0"),
        await store_picture(queue, "preview"),
    )
    claim = await claim_job(queue)
    progress = Progress(1, 3, 0.4, preview_key=preview, done=(finished,))
    await queue.claims.report_progress(claim, progress)
    if ended == "before the erasure":
        await queue.jobs.cancel(job.id, BEA)
        await queue.claims.cancelled(claim)
    await queue.privacy.erase_user(ADA)
    await queue.retention.gc()
    now = await reload(queue, job)
    assert now.versions == (finished,)
    assert now.inputs.erased
    assert await queue.store.exists(finished)
    assert not await queue.store.exists(photo)
    assert not await queue.store.exists(preview), "the preview shows parts of the photo"
    wanted = submission(BEA, 5)
    taken = await queue.submissions.take_version(now, 0, wanted.asker, wanted.reply)
    assert taken is not None
    assert taken.inputs.erased


@pytest.mark.parametrize(
    ("stops_at", "by_the_bot"), [(each, False) for each in range(8)] + [(2, True), (4, True)]
)
async def test_interrupted_erasure_is_finished_by_a_later_run(
    queue: JobQueue,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    stops_at: int,
    by_the_bot: bool,
) -> None:
    """The process or the database connection may end before any of the transactions.

    The erasure is then finished by the member's next request, or by the bot itself.
    """
    photo, other = (
        await store_picture(queue, "ada's photograph"),
        await store_picture(queue, "another of ada's"),
    )
    first, alone = await paint_from(queue, ADA, photo), await paint_from(queue, ADA, other)
    second = await paint_from(queue, BEA, photo, parent=first)
    third = await paint_from(queue, CAI, photo, parent=second)
    with (
        fail_after_writes(queue, monkeypatch, stops_at),
        contextlib.suppress(QueueUnavailableError),
    ):
        await queue.privacy.erase_user(ADA)
    clock.advance(60)
    if by_the_bot:
        posted_later = await store_picture(queue, "posted after the erasure")
        later, since = await paint_from(queue, ADA, posted_later), Defaults(size_px=256)
        await queue.styles.save("user", ADA, "newer style", posted_later, ADA)
        await queue.defaults.set("user", ADA, since, guild_id=5, by_user=ADA)
        await queue.intakes.open(4711, ADA, {})
        assert await queue.privacy.finish_erasures() == 1
        assert (await reload(queue, later)).erased_at is None
        assert [style.name for style in await queue.styles.visible_to(ADA, None)] == ["newer style"]
        assert await queue.defaults.of("user", ADA) == since
        assert await queue.intakes.get(4711) is not None
    else:
        await queue.privacy.erase_user(ADA)
    assert await queue.privacy.finish_erasures() == 0
    await queue.retention.gc()
    for key in (photo, other):
        assert not await queue.store.exists(key)
    assert (await reload(queue, alone)).erased_at is not None
    for job in (second, third):
        now = await reload(queue, job)
        assert photo not in now.inputs.picture_keys()
        assert (now.state, now.timelapse_key) == (JobState.DONE, None)
