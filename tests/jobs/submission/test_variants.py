"""Jobs with several versions: limits, finished versions, and taking one version."""

from dataclasses import replace

import pytest

from common.options import MAX_SEED, MAX_VARIANTS, PaintInputs, PaintOptions, StyleInput
from common.store import key_for
from common.variants import rest_of, variants_of
from jobs.model import JobState, Progress
from jobs.outcomes import LeaseHeld, Refusal, Refused
from jobs.queue import JobQueue
from tests.kit.samples import (
    PICTURE,
    FakeClock,
    Storage,
    claim_job,
    delete_for_good,
    engine_info,
    paint_report,
    reload,
    submission,
    submit_job,
)

KEYS = tuple(key_for(f"version {number}".encode(), "png") for number in range(4))
FOUR = PaintOptions(size_px=256, seed=5, variants=4)


async def test_versions_differ_by_seed_strength_or_style() -> None:
    styles = tuple(StyleInput(preset=name, weight=0.5) for name in ("the-scream", "great-wave"))
    inputs = PaintInputs(content=PICTURE, styles=styles)
    by_seed = variants_of(inputs, FOUR)
    assert [one.options.seed for one in by_seed] == [5, 6, 7, 8]
    by_strength = variants_of(inputs, FOUR.model_copy(update={"vary": "strength"}))
    assert [one.options.strength for one in by_strength] == [0.3, 0.5, 0.7, 0.9]
    by_style = variants_of(inputs, FOUR.model_copy(update={"vary": "style"}))
    assert [one.inputs.styles for one in by_style] == [
        (StyleInput(preset="the-scream"),),
        (StyleInput(preset="great-wave"),),
    ]
    assert {one.options.variants for one in (*by_seed, *by_strength, *by_style)} == {1}


@pytest.mark.parametrize("vary", ["seed", "strength", "style", "photo"])
@pytest.mark.parametrize("variants", [2, 3, 4])
def test_rest_of_a_job_has_exactly_the_versions_that_are_missing(vary: str, variants: int) -> None:
    styles = tuple(StyleInput(preset=preset, weight=0.25) for preset in "abcd")
    inputs = PaintInputs(
        content=KEYS[0],
        more_contents=KEYS[1:] if vary == "photo" else (),
        styles=styles if vary == "style" else styles[:1],
        style_masks=(KEYS[1], None, KEYS[2], None) if vary == "style" else (),
        mask=KEYS[3],
        content_aspect=0.5,
        alt_texts=("a dog", "", "a cat", "") if vary == "photo" else ("a dog",),
    )
    options = FOUR.model_copy(update={"vary": vary, "variants": variants, "seed": MAX_SEED - 1})
    for finished in range(variants):
        rest = rest_of(inputs, options, finished)
        assert rest is not None
        assert rest.options.variants == variants - finished
        assert variants_of(rest.inputs, rest.options) == variants_of(inputs, options)[finished:]
    assert rest_of(inputs, options, variants) is None


@pytest.mark.parametrize("variants", range(2, MAX_VARIANTS + 1))
def test_rest_of_a_rest_has_the_strengths_that_are_missing(variants: int) -> None:
    inputs = PaintInputs(content=PICTURE, styles=(StyleInput(preset="the-scream"),))
    options = PaintOptions(variants=variants, vary="strength")
    expected = [each.options.strength for each in variants_of(inputs, options)]
    while expected:
        found = [each.options.strength for each in variants_of(inputs, options)]
        assert found == expected
        expected = expected[1:]
        rest = rest_of(inputs, options, 1)
        if rest is not None:
            options = rest.options


async def test_four_versions_cost_and_count_as_four_pictures(storage: Storage) -> None:
    settings = storage.settings(atelier_max_per_day=6, atelier_max_waiting_per_user=10)
    async with await JobQueue.open(settings) as queue:
        one = await submit_job(queue)
        four = await submit_job(queue, options=FOUR)
        assert four.predicted_seconds == pytest.approx(4 * one.predicted_seconds)
        refused = await queue.submissions.submit(submission(options=FOUR))
        assert isinstance(refused, Refused)
        assert (refused.refusal.limit, refused.refusal.current) == ("max_per_day", 5)
        assert refused.refusal.asked == 4
        await submit_job(queue)


async def test_versions_fit_the_limit_once_enough_pictures_are_a_day_old(
    storage: Storage, clock: FakeClock
) -> None:
    async with await JobQueue.open(storage.settings(atelier_max_per_day=5), clock=clock) as queue:
        await submit_job(queue)
        clock.advance(100)
        await submit_job(queue, options=FOUR)
        refusal = await submit_refused_options(queue, PaintOptions(variants=2))
        assert refusal.available_at is not None
        assert refusal.available_at.timestamp() == clock.now + 86_400
        refusal = await submit_refused_options(queue, PaintOptions())
        assert refusal.available_at is not None
        assert refusal.available_at.timestamp() == clock.now - 100 + 86_400
        assert (await submit_refused_options(queue, PaintOptions(variants=6))).available_at is None


async def test_refusal_of_versions_says_when_enough_jobs_are_ready(storage: Storage) -> None:
    settings = storage.settings(atelier_max_waiting_per_user=4)
    async with await JobQueue.open(settings) as queue:
        await queue.engines.register(engine_info())
        ahead = await submit_job(queue, options=PaintOptions(variants=3))
        refusal = await submit_refused_options(queue, PaintOptions(variants=2))
        assert (refusal.limit, refusal.current, refusal.asked) == ("max_waiting_per_user", 3, 2)
        position = await queue.positions.get(ahead.id)
        assert position is not None
        assert position.ready_at is not None
        assert refusal.available_at is not None
        assert refusal.available_at.timestamp() == pytest.approx(
            position.ready_at.timestamp(), abs=5
        )
        await submit_job(queue)


async def test_first_job_may_have_more_versions_than_the_waiting_limit(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings(atelier_max_waiting_per_user=2)) as queue:
        await submit_job(queue, options=FOUR)
        assert (await submit_refused_options(queue, PaintOptions())).limit == "max_waiting_per_user"


async def submit_refused_options(queue: JobQueue, options: PaintOptions) -> Refusal:
    outcome = await queue.submissions.submit(submission(options=options))
    assert isinstance(outcome, Refused)
    return outcome.refusal


async def test_finished_versions_outlive_their_engine(queue: JobQueue) -> None:
    await submit_job(queue, options=FOUR)
    claim = await claim_job(queue, "first")
    for number in (1, 2):
        outcome = await queue.claims.report_progress(
            claim, Progress(3, 12, number / 4, done=KEYS[:number])
        )
        assert outcome == LeaseHeld()
    await queue.claims.release(claim)
    again = await claim_job(queue, "second")
    assert again.done == KEYS[:2]


async def test_taken_version_is_a_separate_job_that_costs_nothing(
    storage: Storage, clock: FakeClock
) -> None:
    settings = storage.settings(atelier_max_per_day=5, atelier_cooldown_seconds=60)
    async with await JobQueue.open(settings, clock=clock) as queue:
        keys = tuple([await queue.store.put(f"v{n}".encode(), ".png") for n in range(4)])
        job = await submit_job(queue, options=FOUR)
        claim = await claim_job(queue)
        await queue.claims.finish(claim, keys[0], replace(paint_report(), variants=keys))
        done = await reload(queue, job)
        request = submission(options=FOUR)
        clock.advance(61)
        taken = await queue.submissions.take_version(done, 2, request.asker, request.reply)
        again = await queue.submissions.take_version(done, 2, request.asker, request.reply)
        assert taken is not None
        assert again is not None
        assert taken.id == again.id
        assert await queue.submissions.check_limits(request.asker, PaintOptions()) is None
        assert taken.state is JobState.DONE
        assert (taken.result_key, taken.parent_job_id) == (keys[2], job.id)
        assert taken.report is not None
        assert (taken.report.seed, taken.options.seed, taken.options.variants) == (7, 7, 1)
        assert [each.id for each in await queue.deliveries.due()] == [job.id, taken.id]
        await queue.retention.delete_soon(job.id, job.user_id)
        assert (
            await queue.submissions.take_version(done, 1, request.asker, submission().reply) is None
        )
        assert await queue.retention.restore(job.id, job.user_id, done.reply)
        await delete_for_good(queue, job.id, job.user_id)
        needed = {keys[2], *taken.inputs.picture_keys()}
        assert await queue.retention.unused([*keys, *needed]) == set(keys) - needed
        assert (
            await queue.submissions.take_version(done, 1, request.asker, submission().reply) is None
        )
        (day,) = (await queue.statistics.read(None)).days
        assert day.pictures == 4


async def test_finished_versions_do_not_count_as_waiting(storage: Storage) -> None:
    settings = storage.settings(atelier_max_waiting_per_user=5, atelier_max_per_day=100)
    async with await JobQueue.open(settings) as queue:
        await submit_job(queue, options=FOUR)
        claim = await claim_job(queue)
        two = FOUR.model_copy(update={"variants": 2})
        refused = await queue.submissions.submit(submission(options=two))
        assert isinstance(refused, Refused)
        assert refused.refusal.current == 4
        done = Progress(iteration=1, iterations_total=4, fraction=0.7, done=KEYS[:3])
        await queue.claims.report_progress(claim, done)
        usage, today = await queue.submissions.usage(submission().asker)
        assert (usage.current, today.current) == (1, 4), "the day counts all of them"
        await submit_job(queue, options=two)
        await submit_job(queue, options=two)
        refused = await queue.submissions.submit(submission())
        assert isinstance(refused, Refused)
        assert refused.refusal.current == 5
