import tempfile
from pathlib import Path

import pytest

from engine import scratch


def test_missing_temporary_folder_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert scratch.scratch_problem() is None
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert "gone (No such file" in (scratch.scratch_problem() or "")
