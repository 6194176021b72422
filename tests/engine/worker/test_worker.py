"""The worker paints queued jobs and stores their results."""

import asyncio
import contextlib
import io
import json
import math
import os
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from common.options import PaintInputs, StyleInput
from common.settings import Settings
from engine.lite.network import LAYERS
from engine.painting import PaintSettingsError
from engine.pipeline.pictures import Pictures
from engine.worker import painter
from engine.worker.job_pictures import fetch_pictures
from jobs.db import schema
from jobs.model import Asker, FailureKind, Job, JobState
from jobs.queue import JobQueue
from tests.engine.worker.conftest import JobFactory, SlowPainting
from tests.engine.worker.workers import (
    paint_to_end,
    run_to_end,
    running_worker,
    state_of,
    wait_ended,
    wait_first_finished,
    wait_painting,
)
from tests.kit.full_disk import raise_disk_full
from tests.kit.pictures import photograph
from tests.kit.samples import delete_for_good


async def test_a_job_becomes_a_picture_with_its_report(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await job_factory.make(seed=7, network="vgg19")
    done, report = await paint_to_end(queue, settings, job)
    assert done.result_key is not None
    image = Image.open(io.BytesIO(await queue.store.get(done.result_key)))
    assert (image.format, image.size) == ("PNG", (96, 64))
    image.load()
    assert isinstance(image, PngImageFile)
    stored = json.loads(str(image.text["Settings"]))
    assert stored["seed"] == 7
    assert {"size_px", "quality", "strength"} <= stored.keys()  # also with default values
    assert not any(part in str(image.text) for part in ("user 1", job.inputs.content))
    assert (report.network, report.seed) == ("vgg19", 7)
    assert (report.width_px, report.height_px) == (96, 64)


@pytest.mark.parametrize(("kind", "start"), [("mp4", b"ftyp"), ("gif", b"GIF89a")])
async def test_timelapse_and_losses_are_stored_with_the_picture(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, kind: str, start: bytes
) -> None:
    job = await job_factory.make(timelapse=True, timelapse_format=kind)
    done, report = await paint_to_end(queue, settings, job)
    assert done.timelapse_key is not None
    assert start in (await queue.store.get(done.timelapse_key))[:8]
    with Image.open(io.BytesIO(await queue.store.get(report.records["losses.png"]))) as plot:
        assert plot.width > plot.height
    lines = (await queue.store.get(report.records["losses.jsonl"])).splitlines()
    assert [json.loads(line)["iteration"] for line in lines] == list(
        range(1, report.iterations + 1)
    )


async def test_job_is_painted_without_an_unwritable_timelapse(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.pipeline.timelapse.time_lapse", raise_disk_full)
    job = await job_factory.make(timelapse=True)
    done, report = await paint_to_end(queue, settings, job)
    assert (done.state, done.timelapse_key) == (JobState.DONE, None)
    notes = [str(note) for note in report.notes]
    assert "There is no time-lapse: there is no space left on the disk." in notes


async def test_records_are_deleted_with_the_picture(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await job_factory.make(timelapse=True)
    _, report = await paint_to_end(queue, settings, job)
    keys = list(report.records.values())
    assert keys
    for key in keys:
        (file,) = settings.atelier_data_dir.rglob(key)
        os.utime(file, (0, 0))  # recent files are not deleted, as another job may use them
    await delete_for_good(queue, job.id, job.user_id)
    for key in keys:
        assert not await queue.store.exists(key)


@pytest.mark.usefixtures("slow_painting")
async def test_a_running_job_can_be_cancelled(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await job_factory.make(iterations=100_000)
    async with running_worker(queue, settings):
        await wait_painting(queue, job)
        await queue.jobs.cancel(job.id, job.user_id)
        assert (await wait_ended(queue, job)).state is JobState.CANCELLED


@contextmanager
def trickling_server() -> Iterator[tuple[str, threading.Event]]:
    """A server that never finishes its answer; yields its address and an event for a request."""
    requested, stopped = threading.Event(), threading.Event()

    class TrickleHandler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            requested.set()
            with contextlib.suppress(OSError):
                while not stopped.wait(0.1):
                    self.request.sendall(b"H")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), TrickleHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", requested
        finally:
            stopped.set()
            server.shutdown()


@pytest.mark.parametrize("reason", ["cancel", "stop"])
async def test_cancel_or_stop_aborts_fetching_a_scan(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    monkeypatch: pytest.MonkeyPatch,
    reason: str,
) -> None:
    content = await queue.store.put(photograph("coffee.png"), ".png")
    inputs = PaintInputs(content=content, styles=(StyleInput(preset="starry-night"),))
    with trickling_server() as (address, requested):
        monkeypatch.setenv("https_proxy", address)
        monkeypatch.setenv("no_proxy", "")
        job = await job_factory.make_with(
            inputs, keep_colors="match"
        )  # needs the scan, not only its fingerprint
        async with running_worker(queue, settings) as stop:
            assert await asyncio.to_thread(requested.wait, 60)
            if reason == "cancel":
                await queue.jobs.cancel(job.id, job.user_id)
                assert (await wait_ended(queue, job)).state is JobState.CANCELLED
            else:
                stop.set()
        if reason == "stop":
            assert await state_of(queue, job) is JobState.QUEUED


async def test_unsuitable_layer_fails_the_job_naming_the_available_layers(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await job_factory.make(style_layers={"relu9_9": 1.0})
    done = await run_to_end(queue, settings, job)
    assert done.failure is not None
    assert done.failure.kind is FailureKind.INPUT
    assert "no layer relu9_9 for the style" in done.failure.message
    assert f"it has: {', '.join(LAYERS)}." in done.failure.message


async def test_missing_input_pictures_fail_the_job_with_a_sentence(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await job_factory.make()
    await queue.store.delete(job.inputs.content)
    done = await run_to_end(queue, settings, job)
    assert done.failure is not None
    assert "no longer stored" in done.failure.message


async def test_an_unknown_preset_fails_the_job_with_a_sentence(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    content = await queue.store.put(photograph("coffee.png"), ".png")
    job = await job_factory.make_with(
        PaintInputs(content=content, styles=(StyleInput(preset="nothing"),))
    )
    done = await run_to_end(queue, settings, job)
    assert done.failure is not None
    assert done.failure.kind is FailureKind.STYLE_MISSING
    assert "nothing" in done.failure.message


async def test_jobs_are_painted_one_after_another_in_one_engine(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [await job_factory.make(user_id=user, seed=user) for user in (1, 2, 3)]
    monkeypatch.setattr(painter, "COLD_SECONDS", math.inf)
    reports = []
    async with running_worker(queue, settings):
        for job in jobs:
            done = await wait_ended(queue, job)
            assert done.report is not None, done.failure
            reports.append(done.report)
    # What the first one loads says nothing about the time of the next.
    assert reports[0].whole_seconds == 0
    assert all((one.whole_seconds or 0) > one.seconds for one in reports[1:])
    columns = schema.events.c
    async with queue.database.read() as connection:
        kinds = (await connection.scalars(sa.select(columns.kind).order_by(columns.id))).all()
    assert kinds == ["queued"] * 3 + ["claimed", "done"] * 3


async def test_downloads_do_not_count_to_the_time_of_a_painting(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that moves only while something is downloaded."""
    now = [0.0]

    def fetch_slowly(*about: Any, say: Callable[[str], None], **more: Any) -> Pictures:
        say("Downloading…")
        now[0] += 1000.0
        return fetch_pictures(*about, say=say, **more)

    monkeypatch.setattr(painter, "fetch_pictures", fetch_slowly)
    monkeypatch.setattr(painter, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    _, report = await paint_to_end(queue, settings, await job_factory.make())
    assert report.whole_seconds == 0


async def test_notes_shared_by_several_photographs_are_reported_once(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    photos = [
        await queue.store.put(photograph(name), ".png") for name in ("coffee.png", "chelsea.png")
    ]
    inputs = PaintInputs(
        content=photos[0],
        more_contents=(photos[1],),
        styles=(StyleInput(preset="starry-night"),),
    )
    job = await job_factory.make_with(inputs, variants=2, vary="photo")
    _done, report = await paint_to_end(queue, settings, job)
    pictures = [await queue.store.get(key) for key in report.variants]
    assert len(set(pictures)) == 2
    notes = list(map(str, report.notes))
    assert len(notes) == len(set(notes))
    assert any("The Starry Night" in note for note in notes)


async def test_versions_of_one_job_have_consecutive_seeds(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await job_factory.make(variants=3, seed=4)
    single_job = await job_factory.make(seed=5, user_id=2)
    async with running_worker(queue, settings):
        done, single = await wait_ended(queue, job), await wait_ended(queue, single_job)
    assert done.report is not None, done.failure
    pictures = [await queue.store.get(key) for key in done.report.variants]
    assert len(set(pictures)) == 3
    assert done.result_key == done.report.variants[0]
    assert single.result_key is not None
    assert pictures[1] == await queue.store.get(single.result_key)


async def test_finished_versions_are_not_repainted_after_a_stop(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, slow_painting: SlowPainting
) -> None:
    job = await job_factory.make(variants=3, scales=1, iterations=6)
    async with running_worker(queue, settings) as stop:
        await wait_first_finished(queue, job)
        stop.set()
    stopped_job = await queue.jobs.get(job.id)
    assert stopped_job is not None
    assert stopped_job.progress is not None
    assert stopped_job.preview_key is not None
    sheet = Image.open(io.BytesIO(await queue.store.get(stopped_job.preview_key)))
    assert sheet.width / sheet.height == pytest.approx(96 / 64, rel=0.05)  # a grid of 2 × 2
    slow_painting.step_seconds = 0.0
    done, report = await paint_to_end(queue, settings, job)
    assert done.report is not None, done.failure
    assert report.variants[: len(stopped_job.progress.done)] == stopped_job.progress.done
    assert len(report.variants) == 3
    assert report.iterations == 6 * (3 - len(stopped_job.progress.done))


async def test_photographs_after_a_failing_photograph_are_not_counted(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = await queue.store.put(photograph("coffee.png"), ".png")
    failing = await queue.store.put(photograph("chelsea.png"), ".png")

    def fetch(job: Job, *args: Any, **kwargs: Any) -> Pictures:
        if job.inputs.content == failing:
            raise PaintSettingsError("The mask is all black, so nothing would be painted.")
        return fetch_pictures(job, *args, **kwargs)

    monkeypatch.setattr(painter, "fetch_pictures", fetch)
    inputs = PaintInputs(
        content=photo,
        more_contents=(photo, failing, photo, photo),
        styles=(StyleInput(preset="starry-night"),),
    )
    job = await job_factory.make_with(inputs, variants=5, vary="photo")
    done = await run_to_end(queue, settings, job)
    assert done.failure is not None
    assert done.failure.kind is FailureKind.INPUT
    _, today = await queue.submissions.usage(Asker(job.user_id, ""))
    assert today.current == 3


@pytest.mark.usefixtures("slow_painting")
async def test_cancelled_job_counts_only_the_versions_begun(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await job_factory.make(variants=4)
    async with running_worker(queue, settings), asyncio.timeout(120):
        await wait_first_finished(queue, job)
        await queue.jobs.cancel(job.id, job.user_id)
        done = await wait_ended(queue, job)
    assert done.state is JobState.CANCELLED
    assert done.progress is not None
    _, today = await queue.submissions.usage(Asker(job.user_id, ""))
    assert today.current == len(done.progress.done) + 1 < 4
