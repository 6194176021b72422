"""Jobs in several styles leave out unavailable styles and paint the others."""

from typing import Any

import pytest

from common.backoff import Backoff
from common.catalogue import load_catalogue
from common.options import PaintInputs, StyleInput
from common.settings import Settings
from common.variants import left_out
from engine.styles import presets
from engine.styles.fetch import FetchError, NotHereError
from engine.worker import health
from jobs.model import FailureKind, Job, JobState
from jobs.queue import JobQueue
from tests.engine.worker.conftest import JobFactory, SlowPainting
from tests.engine.worker.workers import (
    event_kinds,
    paint_to_end,
    run_to_end,
    running_worker,
    wait_first_finished,
)
from tests.kit.pictures import photograph

AVAILABLE = ("starry-night", "the-scream", "water-lilies")
UNAVAILABLE = ("great-wave", "the-kiss")


@pytest.fixture(autouse=True)
def refuse_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(painting: object, *_given: object, **_more: object) -> None:
        raise FetchError("{painting} was not found.", painting=str(painting))

    monkeypatch.setattr(presets, "fetch_scan", fetch)


async def make_job_in_styles(
    queue: JobQueue, job_factory: JobFactory, *styles: str, **options: Any
) -> Job:
    content = await queue.store.put(photograph("coffee.png"), ".png")
    inputs = PaintInputs(
        content=content,
        styles=tuple(StyleInput(preset=each, weight=1 / len(styles)) for each in styles),
    )
    defaults: dict[str, Any] = {
        "size_px": 64,
        "quality": "draft",
        "variants": len(styles),
        "vary": "style",
    }
    return await job_factory.make_with(inputs, **(defaults | options))


def presets_of(job: Job) -> list[str | None]:
    return [style.preset for style in job.inputs.styles]


@pytest.mark.parametrize(
    "styles",
    [
        (UNAVAILABLE[0], AVAILABLE[0], AVAILABLE[1]),
        (AVAILABLE[0], UNAVAILABLE[0], AVAILABLE[1]),
        (AVAILABLE[0], AVAILABLE[1], UNAVAILABLE[0]),
        (UNAVAILABLE[0], AVAILABLE[0], UNAVAILABLE[1], AVAILABLE[1]),
        (AVAILABLE[0], AVAILABLE[1], UNAVAILABLE[0], UNAVAILABLE[1]),
    ],
)
async def test_available_styles_are_painted_and_left_out_styles_are_noted(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, styles: tuple[str, ...]
) -> None:
    job = await make_job_in_styles(queue, job_factory, *styles)
    done, report = await paint_to_end(queue, settings, job)
    assert len(set(report.variants)) == 2
    assert done.result_key == report.variants[0]
    assert presets_of(done) == list(AVAILABLE[:2])
    assert (done.options.variants, done.options.vary) == (2, "style")
    assert done.reply.notes == (left_out([each for each in styles if each in UNAVAILABLE]),)
    assert all([await queue.store.exists(key) for key in report.variants])


@pytest.mark.parametrize("styles", [(UNAVAILABLE[0], AVAILABLE[0]), (AVAILABLE[0], UNAVAILABLE[0])])
async def test_single_available_style_becomes_an_ordinary_picture(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, styles: tuple[str, ...]
) -> None:
    job = await make_job_in_styles(queue, job_factory, *styles)
    done, report = await paint_to_end(queue, settings, job)
    assert report.variants == ()
    assert done.inputs.styles == (StyleInput(preset=AVAILABLE[0]),)
    assert done.options.variants == 1


@pytest.mark.parametrize("styles", [UNAVAILABLE, (UNAVAILABLE[0], UNAVAILABLE[0])])
async def test_job_without_any_available_style_fails_with_its_styles_unchanged(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, styles: tuple[str, ...]
) -> None:
    job = await make_job_in_styles(queue, job_factory, *styles)
    done = await run_to_end(queue, settings, job)
    assert done.failure is not None
    assert done.failure.kind is FailureKind.STYLE_MISSING
    assert presets_of(done) == list(styles)


async def test_left_out_styles_are_not_counted(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await make_job_in_styles(queue, job_factory, *AVAILABLE, *UNAVAILABLE)
    await run_to_end(queue, settings, job)
    async with queue.database.read() as connection:
        counted = await connection.exec_driver_sql("select pictures from jobs")
        assert counted.scalar_one() == 3
    assert await queue.styles.scans_unreachable()


async def test_resumed_job_leaves_out_the_same_styles(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, slow_painting: SlowPainting
) -> None:
    job = await make_job_in_styles(queue, job_factory, UNAVAILABLE[0], AVAILABLE[0], AVAILABLE[1])
    async with running_worker(queue, settings) as stop:
        await wait_first_finished(queue, job)
        stop.set()
    stopped = await queue.jobs.get(job.id)
    assert stopped is not None
    assert stopped.state is JobState.QUEUED
    assert presets_of(stopped) == list(AVAILABLE[:2])
    slow_painting.step_seconds = 0.0
    done, report = await paint_to_end(queue, settings, job)
    assert len(set(report.variants)) == 2
    assert presets_of(done) == list(AVAILABLE[:2])


def test_left_out_note_lists_the_titles_of_the_paintings() -> None:
    catalogue = load_catalogue()
    titles = [painting.name for each in UNAVAILABLE if (painting := catalogue.get(each))]
    note = str(left_out([*UNAVAILABLE, "of another version"]))
    assert note.endswith(f": {titles[0]}, {titles[1]}, of another version.")


@pytest.mark.parametrize("styles", [UNAVAILABLE[:1], (UNAVAILABLE[0], AVAILABLE[0])])
async def test_full_disk_does_not_count_as_a_missing_style(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    monkeypatch: pytest.MonkeyPatch,
    styles: tuple[str, ...],
) -> None:
    """The job is released and retried, and no style is left out."""
    monkeypatch.setattr(health, "BACKOFF", Backoff(0.1, 0.3))
    requested: list[str] = []

    def fetch(painting: object, *_given: object, **_more: object) -> None:
        requested.append(str(painting))
        if len(requested) < 3:
            raise NotHereError("{painting} cannot be kept.", painting=str(painting))
        raise FetchError("{painting} was not found.", painting=str(painting))

    monkeypatch.setattr(presets, "fetch_scan", fetch)
    options = {} if len(styles) > 1 else {"variants": 1, "vary": "seed"}
    job = await make_job_in_styles(queue, job_factory, *styles, **options)
    done = await run_to_end(queue, settings, job)
    assert len(requested) == 3
    assert (await event_kinds(queue, job)).count("released") == 2
    assert done.state is (JobState.FAILED if len(styles) == 1 else JobState.DONE)
