"""What a killed engine left behind goes at the next start."""

import os
import tempfile
from pathlib import Path

import pytest

from common.settings import Settings
from engine.scratch import scratch_folder
from engine.worker.leftovers import ABANDONED_SECONDS, sweep

NOBODY = 2**22 + 1  # more than the system gives


def test_what_was_left_goes_and_what_is_needed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, data = tmp_path / "tmp", tmp_path / "data"
    for folder in (temporary, data / "styles", data / "statistics"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (temporary / f"atelier-{NOBODY}-film").mkdir()
    (temporary / f"atelier-{NOBODY}-film" / "film.mp4").write_bytes(b"half")
    (temporary / "atelier-of-somebody-else").mkdir()
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
    assert ABANDONED_SECONDS > 0
    with scratch_folder() as mine:
        assert sweep(Settings(_env_file=None, atelier_data_dir=data)) == 4
        left = {path for path in tmp_path.rglob("*") if path.is_file() or "atelier-" in path.name}
        assert left == {
            just_begun,
            fresh,
            Path(mine),
            temporary / "atelier-of-somebody-else",
        }
