"""Files left behind by a killed engine are deleted at the next start."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from common.options import PaintInputs, StyleInput
from common.settings import Settings
from engine.scratch import scratch_folder
from engine.worker import service
from engine.worker.stale_files import delete_stale_files
from jobs.queue import JobQueue
from tests.engine.worker.conftest import JobFactory
from tests.engine.worker.workers import running_worker, wait_ended
from tests.kit.samples import delete_for_good

UNUSED_PID = 2**22 + 1  # above the largest process ID


def test_sweep_removes_leftovers_and_keeps_files_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, data = tmp_path / "tmp", tmp_path / "data"
    for folder in (temporary, data / "styles", data / "statistics"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (temporary / f"atelier-{UNUSED_PID}-film").mkdir()
    (temporary / f"atelier-{UNUSED_PID}-film" / "film.mp4").write_bytes(b"half")
    (temporary / "atelier-of-somebody-else").mkdir()
    # A restarted container has the same process IDs.
    (temporary / f"atelier-{os.getpid()}-film").mkdir()
    of_live_process = temporary / f"atelier-{os.getppid()}-film"
    of_live_process.mkdir()
    for path in (
        data / "styles" / "scan.jpg.part",
        data / "statistics" / ".new-a",
        data / "statistics" / "old.statistics",
    ):
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    recent_download = data / "styles" / "other.jpg.part"
    recent_download.write_bytes(b"x")
    recent_statistics = data / "statistics" / "new.statistics"
    recent_statistics.write_bytes(b"x")
    assert delete_stale_files(Settings(_env_file=None, atelier_data_dir=data)) == 5
    remaining = {path for path in tmp_path.rglob("*") if path.is_file() or "atelier-" in path.name}
    assert remaining == {
        recent_download,
        recent_statistics,
        of_live_process,
        temporary / "atelier-of-somebody-else",
    }
    with scratch_folder() as own:
        assert Path(own).name.startswith(f"atelier-{os.getpid()}-"), "the name lacks the process ID"


async def test_style_statistics_are_deleted_with_their_picture(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "TIDY_SECONDS", 0.1)
    folder = settings.atelier_data_dir / "statistics"

    def pictures_with_statistics() -> set[str]:
        # Files outside a subfolder are of the engine's benchmark.
        return {path.parent.name for path in folder.rglob("*.statistics")} - {folder.name}

    async with running_worker(queue, settings):
        first = await wait_ended(queue, await job_factory.make(user_id=1))
        (style,) = [each.picture for each in first.inputs.styles]
        itself = PaintInputs(content=first.inputs.content, styles=(StyleInput(is_content=True),))
        await wait_ended(queue, await job_factory.make_with(itself, user_id=2))
        assert pictures_with_statistics() == {style, first.inputs.content}
        await delete_for_good(queue, first.id, 1)
        await _until(lambda: pictures_with_statistics() == {first.inputs.content})
        await queue.privacy.erase_user(2)
        await _until(lambda: pictures_with_statistics() == set())


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.05)
