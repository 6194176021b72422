"""What a killed engine left behind goes at the next start."""

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
from tests.engine.worker.conftest import Poster
from tests.engine.worker.working import ended, worker
from tests.kit.samples import delete_for_good

NOBODY = 2**22 + 1  # more than the system gives


def test_sweep_removes_leftovers_and_keeps_files_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, data = tmp_path / "tmp", tmp_path / "data"
    for folder in (temporary, data / "styles", data / "statistics"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (temporary / f"atelier-{NOBODY}-film").mkdir()
    (temporary / f"atelier-{NOBODY}-film" / "film.mp4").write_bytes(b"half")
    (temporary / "atelier-of-somebody-else").mkdir()
    # A container that was killed starts again with the same numbers.
    (temporary / f"atelier-{os.getpid()}-film").mkdir()
    of_the_living = temporary / f"atelier-{os.getppid()}-film"
    of_the_living.mkdir()
    for path in (
        data / "styles" / "scan.jpg.part",
        data / "statistics" / ".new-a",
        data / "statistics" / "old.statistics",
    ):
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    just_begun = data / "styles" / "other.jpg.part"
    just_begun.write_bytes(b"x")
    fresh = data / "statistics" / "new.statistics"
    fresh.write_bytes(b"x")
    assert delete_stale_files(Settings(_env_file=None, atelier_data_dir=data)) == 5
    left = {path for path in tmp_path.rglob("*") if path.is_file() or "atelier-" in path.name}
    assert left == {
        just_begun,
        fresh,
        of_the_living,
        temporary / "atelier-of-somebody-else",
    }
    with scratch_folder() as mine:
        assert Path(mine).name.startswith(f"atelier-{os.getpid()}-"), "it is told by its number"


async def test_style_statistics_are_deleted_with_their_picture(
    queue: JobQueue, settings: Settings, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "TIDY_SECONDS", 0.1)
    kept = settings.atelier_data_dir / "statistics"

    def known() -> set[str]:
        # What lies in no folder is of the engine's own trial.
        return {path.parent.name for path in kept.rglob("*.statistics")} - {kept.name}

    async with worker(queue, settings):
        first = await ended(queue, await poster.post(user_id=1))
        (style,) = [each.picture for each in first.inputs.styles]
        itself = PaintInputs(content=first.inputs.content, styles=(StyleInput(is_content=True),))
        await ended(queue, await poster.submit(itself, user_id=2))
        assert known() == {style, first.inputs.content}
        await delete_for_good(queue, first.id, 1)
        await _until(lambda: known() == {first.inputs.content})
        await queue.privacy.erase_user(2)
        await _until(lambda: known() == set())


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.05)
