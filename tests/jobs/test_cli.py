import asyncio
import io
import sqlite3
from pathlib import Path

import pytest
from rich.console import Console

from jobs import cli
from jobs.queue import JobQueue
from tests.jobs.samples import RESULT, Place, accepted, claimed, failure, report


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("ATELIER_DATABASE_URL", raising=False)
    place = Place(tmp_path / "data", None)
    asyncio.run(_fill(place))
    return place


async def _fill(place: Place) -> None:
    async with await JobQueue.open(place.settings()) as queue:
        jobs = [await accepted(queue, user) for user in (1, 2, 3)]
        await queue.finish(await claimed(queue), RESULT, report())
        await queue.fail(await claimed(queue), failure())
        assert len(jobs) == 3


def run(*arguments: str) -> tuple[int, str]:
    text = io.StringIO()
    code = cli.main(arguments, Console(file=text, width=160))
    return code, text.getvalue()


def test_list(place: Place) -> None:
    code, text = run("list")
    assert code == 0
    assert [line.split()[1] for line in text.splitlines()[3:6]] == ["queued", "failed", "done"]
    assert "1 waiting, 0 being painted, 0 engines alive." in text
    assert "failed" not in run("list", "--state", "done")[1]
    assert "user 1" not in run("list", "--user", "2")[1]


def test_show(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run("show", "2")
    assert code == 0
    assert "ran out of memory" in text
    assert "claimed" in text
    assert "token" not in text
    assert run("show", "77")[0] == 1
    assert "There is no job 77." in capsys.readouterr().err


def test_retry_and_cancel(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("retry", "1")[0] == 1
    assert "only failed and cancelled" in capsys.readouterr().err
    assert run("retry", "2") == (0, "Job 2 is queued again.\n")
    assert run("cancel", "2") == (0, "Job 2 is cancelled.\n")
    assert run("cancel", "2") == (0, "Job 2 has ended already: cancelled.\n")
    assert run("cancel", "77")[0] == 1


def test_gc(place: Place) -> None:
    code, text = run("gc")
    assert code == 0
    assert "0 files" in text


def test_backup_while_it_is_in_use(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    busy = sqlite3.connect(place.sqlite_file, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    busy.execute("DELETE FROM jobs")
    copy = tmp_path / "copies" / "atelier.sqlite3"
    assert run("backup", str(copy))[0] == 0
    busy.execute("ROLLBACK")
    busy.close()
    copied = sqlite3.connect(copy)
    assert copied.execute("SELECT count(*) FROM jobs").fetchone() == (3,)
    copied.close()
    assert run("backup", str(copy))[0] == 1
    assert "is there already" in capsys.readouterr().err


def test_backup_of_postgresql(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATELIER_DATABASE_URL", "postgresql://u@h/d")
    assert run("backup", "x")[0] == 1
    assert "pg_dump" in capsys.readouterr().err


def test_bad_settings(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATELIER_MAX_PER_DAY", "many")
    assert run("list")[0] == 2
    assert "ATELIER_MAX_PER_DAY" in capsys.readouterr().err
