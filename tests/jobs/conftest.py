"""What cleanups spare, and the command line on a data folder."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from jobs.cli import commands
from jobs.privacy import retention
from tests.kit.samples import Storage


@pytest.fixture
def delete_new_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let cleanups delete files without a grace period."""
    for name in ("SOON_SECONDS", "WORKING_SOON_SECONDS"):
        monkeypatch.setattr(f"jobs.core.{name}", -1.0)
    monkeypatch.setattr(retention, "GRACE_SECONDS", -1e12)


def use_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """Let the command line find its data in this folder."""
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("ATELIER_DATA_DIR", str(folder))
    monkeypatch.delenv("ATELIER_DATABASE_URL", raising=False)
    return Storage(folder, None)


def run(*arguments: str, width: int = 300) -> tuple[int, str]:
    """Run `python -m jobs`; returns its exit status and output."""
    text = io.StringIO()
    code = commands.main(arguments, Console(file=text, width=width))
    return code, text.getvalue()
