"""A data folder made by the code of an earlier release is upgraded and continued."""

import asyncio
import io
import json
import logging
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from common.settings import Settings
from common.settings_loading import load_settings
from engine.worker.job_handle import OTHER_VERSION
from engine.worker.painter import JobPainter
from engine.worker.service import EngineWorker
from jobs.model import EngineInfo, Job, JobState
from jobs.queue import JobQueue
from tests.kit.samples import reload

ROOT = Path(__file__).parent.parent.parent
RELEASES = {"0.1.0": "2f6707f800c80c1db205f9e60322406cbec437e8"}
"""The commit of each release; `releases/make_*.py` runs with its code."""
INFO = EngineInfo("today", "here", "cpu", "", "1", 1)
HOUR_SECONDS = 3600.0


def test_latest_changelog_release_has_an_upgrade_test() -> None:
    released = re.findall(
        r"^## \[([\d.]+)\] - \d{4}", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert released[0] in RELEASES


@pytest.fixture(params=sorted(RELEASES))
def old_installation(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[Path, dict[str, int | list[int]]]:
    """The data folder of a release whose machine lost power, and its jobs by name."""
    commit = RELEASES[request.param]
    archive = subprocess.run(
        ["git", "archive", commit],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if archive.returncode != 0:
        pytest.skip("this checkout has no history to take the release from")
    code, data = tmp_path / "code", tmp_path / "data"
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(code, filter="data")
    script = Path(__file__).parent / "releases" / f"make_{request.param.replace('.', '_')}.py"
    made = subprocess.run(
        [sys.executable, script, data],
        cwd=code,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    known: dict[str, int | list[int]] = json.loads(made.stdout.splitlines()[-1])
    return data, known


@asynccontextmanager
async def engine(queue: JobQueue, settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(EngineWorker(queue, JobPainter(settings), INFO).run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)


async def get_job(queue: JobQueue, job_id: int) -> Job:
    job = await reload(queue, job_id)
    assert job.unreadable is None
    return job


async def test_upgrade_from_each_release_loses_nothing(
    old_installation: tuple[Path, dict[str, int | list[int]]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    data, known = old_installation
    named = {name: number for name, number in known.items() if isinstance(number, int)}
    waiting = known["waiting"]
    assert isinstance(waiting, list)
    monkeypatch.setattr("jobs.execution.reaper.AWAKE_SECONDS", 0.5)
    settings = load_settings(
        _env_file=None, atelier_data_dir=data, atelier_network="lite", atelier_device="cpu"
    )
    # The upgraded bot starts an hour later.
    async with await JobQueue.open(settings, clock=lambda: time.time() + HOUR_SECONDS) as queue:
        assert list((data / "before-migrations").iterdir()), "a copy was made first"
        states = {name: (await get_job(queue, number)).state for name, number in named.items()}
        assert states == {
            "done": JobState.DONE,
            "failed": JobState.FAILED,
            "cancelled": JobState.CANCELLED,
            "half_painted": JobState.RUNNING,
        }
        picture = (await get_job(queue, named["done"])).result_key
        assert picture is not None
        assert (await queue.store.get(picture)).startswith(b"\x89PNG")
        assert [intake.payload for intake in await queue.intakes.pending()] == [{"of": "0.1.0"}]
        places = await queue.positions.get_many(waiting)
        assert [places[number].place for number in waiting] == [1, 2]
        with caplog.at_level(logging.INFO):
            async with engine(queue, settings), asyncio.timeout(240):
                ids = [named["half_painted"], *waiting]
                while not all([(await get_job(queue, number)).state.ended for number in ids]):
                    await asyncio.sleep(0.2)
        for number in ids:
            job = await get_job(queue, number)
            assert job.state is JobState.DONE, job.failure
            assert job.result_key is not None
            assert (await queue.store.get(job.result_key)).startswith(b"\x89PNG")
        half = await get_job(queue, named["half_painted"])
        # Its checkpoint is of another version, so it restarts, which is logged.
        restarts = [line for line in caplog.messages if f"job {half.id}: starts over: " in line]
        assert half.attempts == 2
        assert len(restarts) == 1
        assert len(restarts[0].partition("starts over: ")[2]) > 20
        assert half.report is not None
        assert OTHER_VERSION in half.report.notes  # which the card shows
        undelivered = {job.id for job in await queue.deliveries.due()}
        assert undelivered >= {*named.values(), *waiting}
