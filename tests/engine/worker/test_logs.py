"""Log messages of an engine at its start and at the end of a job."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.settings import Settings
from common.version import VERSION
from engine.worker.main import log_start
from jobs.execution.job_log import log_end
from jobs.model import EngineInfo, JobState
from jobs.outcomes import LeaseOutcome
from jobs.queue import JobQueue
from tests.engine.worker.conftest import JobFactory
from tests.engine.worker.workers import running_worker, wait_ended
from tests.kit.samples import paint_report, submit_job


def test_start_log_names_versions_device_network_sizes_and_folders(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    info = EngineInfo(
        "e-1",
        "host",
        "cuda:0",
        "vgg19",
        "1",
        1,
        model="A Card",
        networks=("vgg19", "lite"),
        memory_bytes=8 * 2**30,
        largest_px=4096,
    )
    with_password = settings.model_copy(
        update={"atelier_database_url": "postgresql+asyncpg://atelier:hunter2hunter2@db/atelier"}
    )
    with caplog.at_level(logging.INFO):
        log_start(with_password, info, "bf16")
    text = " ".join(caplog.messages)
    for part in (VERSION, "torch", "Python 3", "cuda:0 (A Card, 8.0 GiB) in bf16 with vgg19"):
        assert part in text
    assert "up to 4096 px" in text
    assert str(settings.atelier_data_dir.resolve()) in text
    assert "hunter2" not in text


async def test_end_log_names_size_network_times_and_outcome(
    queue: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    job = await submit_job(queue)
    object.__setattr__(job, "created_at", datetime(2026, 11, 28, tzinfo=UTC))
    object.__setattr__(job, "started_at", job.created_at + timedelta(seconds=7))
    with caplog.at_level(logging.INFO):
        log_end(job, "done", "vgg19", paint_report(seconds=12.0))
        log_end(job, "cancelled", "vgg19")
    done, cancelled = caplog.records
    assert done.getMessage() == (
        f"job {job.id}: done; 256 px standard, lite, waited 7.0 s, painted 12.0 s"
    )
    assert (
        cancelled.getMessage() == f"job {job.id}: cancelled; 256 px standard, vgg19, waited 7.0 s"
    )
    assert done.__dict__["fields"]["painted_seconds"] == 12.0


async def test_job_cancelled_while_being_stored_is_not_logged_as_done(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = await job_factory.make(network="lite")
    finish = queue.claims.finish

    async def cancel_then_finish(*args: Any, **kwargs: Any) -> LeaseOutcome:
        await queue.jobs.cancel(job.id, job.user_id)
        return await finish(*args, **kwargs)

    monkeypatch.setattr(queue.claims, "finish", cancel_then_finish)
    with caplog.at_level(logging.INFO):
        async with running_worker(queue, settings):
            assert (await wait_ended(queue, job)).state is JobState.CANCELLED
    messages = [message for message in caplog.messages if message.startswith(f"job {job.id}: ")]
    assert [message for message in messages if "cancelled" in message]
    assert not [message for message in messages if "done" in message]
