"""An engine announces its start before it loads slow libraries."""

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.settings import Settings
from engine.worker.start_announcement import announce_start
from jobs.queue import JobQueue
from tests.kit.forked import ForkServer


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ATELIER_DATABASE_URL", "")
    monkeypatch.setenv("DISCORD_TOKEN", "")
    monkeypatch.chdir(tmp_path)
    return Settings(_env_file=None, atelier_data_dir=tmp_path)


async def is_starting(settings: Settings) -> bool:
    async with await JobQueue.open(settings) as queue:
        return (await queue.positions.overview(None)).engine_starting


def is_starting_sync(settings: Settings) -> bool:
    import asyncio  # noqa: PLC0415 - the announcement has a loop of its own

    return asyncio.run(is_starting(settings))


def test_failed_start_withdraws_its_announcement(settings: Settings) -> None:
    assert not is_starting_sync(settings)
    with announce_start([]) as start:
        assert is_starting_sync(settings)
        start.status = 2
    assert not is_starting_sync(settings)
    with pytest.raises(RuntimeError), announce_start([]):
        raise RuntimeError
    assert not is_starting_sync(settings)


def test_start_with_status_zero_leaves_its_announcement(settings: Settings) -> None:
    assert not is_starting_sync(settings)
    with announce_start([]) as start:
        start.status = 0
    assert is_starting_sync(settings)


def test_version_flag_announces_no_start(settings: Settings) -> None:
    assert not is_starting_sync(settings)
    with announce_start(["--version"]):
        assert not is_starting_sync(settings)


def test_missing_database_is_not_created_and_does_not_prevent_a_start(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the bot creates the database; the engine logs that it cannot announce itself."""
    caplog.set_level(logging.INFO)
    with announce_start([]) as start:
        start.status = 0
    assert "nobody is told that an engine starts" in caplog.text
    assert not list(settings.atelier_data_dir.glob("*.sqlite3*"))


@pytest.mark.parametrize(
    ("address", "status"),
    [("postgresql://a:b@127.0.0.1:9/c", 1), ("mysql://host/name", 2)],
    ids=["unreachable database", "invalid setting"],
)
def test_exit_status_tells_whether_another_start_may_help(
    address: str, status: int, tmp_path: Path, fork_server: ForkServer
) -> None:
    overrides = {"ATELIER_DATA_DIR": str(tmp_path), "ATELIER_DEVICE": "cpu"}
    environment = os.environ | overrides | {"ATELIER_DATABASE_URL": address}
    process = fork_server.start(["engine"], cwd=tmp_path, env=environment)
    assert process.wait(timeout=120) == status


def test_announcing_does_not_load_torch() -> None:
    script = "import sys, engine.worker.start_announcement; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "open files"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_system_error_while_announcing_does_not_prevent_a_start(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: OSError,
    reason: str,
) -> None:
    """For example if no file handles are left."""

    async def raise_error(*_: object, **__: object) -> None:
        raise error

    assert settings.database_url
    monkeypatch.setattr(JobQueue, "open", raise_error)
    caplog.set_level(logging.INFO)
    with announce_start([]) as start:
        start.status = 1
    assert [line.endswith(reason) for line in caplog.messages] == [True] * 2
