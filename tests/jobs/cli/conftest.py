"""A data folder with jobs, and the command line on it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from jobs.model import Progress
from jobs.queue import JobQueue
from tests.jobs.conftest import use_folder
from tests.kit.samples import RESULT, Storage, claim_job, failure, paint_report, submit_job


@pytest.fixture(scope="session")
def filled_folder(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a queued, a failed and a finished job, copied for each test."""
    folder = tmp_path_factory.mktemp("filled")
    shutil.copy(sqlite_template, folder)
    asyncio.run(add_jobs(Storage(folder, None)))
    return folder


@pytest.fixture
def storage(filled_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    shutil.copytree(filled_folder, tmp_path / "data")
    return use_folder(tmp_path / "data", monkeypatch)


async def add_jobs(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        jobs = [await submit_job(queue, user) for user in (1, 2, 3)]
        claim = await claim_job(queue)
        await queue.claims.report_progress(claim, Progress(3, 10, 0.3, 60.0))
        await queue.claims.finish(claim, RESULT, paint_report())
        await queue.claims.fail(await claim_job(queue), failure())
        assert len(jobs) == 3
