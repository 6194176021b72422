import asyncio
import contextlib
import io
import os
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from jobs.cli import commands as cli
from jobs.management.administration import Block
from jobs.management.audit import COMMAND_LINE
from jobs.model import Progress
from jobs.queue import JobQueue
from tests.kit.other_user import without_access
from tests.kit.samples import (
    RESULT,
    Storage,
    claim_job,
    delete_for_good,
    engine_info,
    failure,
    paint_report,
    reload,
    submit_job,
)


@pytest.fixture(scope="session")
def filled_folder(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a queued, a failed and a finished job, copied for each test."""
    folder = tmp_path_factory.mktemp("filled")
    shutil.copy(sqlite_template, folder)
    asyncio.run(add_jobs(Storage(folder, None)))
    return folder


@pytest.fixture
def storage(filled_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("ATELIER_DATABASE_URL", raising=False)
    shutil.copytree(filled_folder, tmp_path / "data")
    return Storage(tmp_path / "data", None)


async def add_jobs(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        jobs = [await submit_job(queue, user) for user in (1, 2, 3)]
        claim = await claim_job(queue)
        await queue.claims.report_progress(claim, Progress(3, 10, 0.3, 60.0))
        await queue.claims.finish(claim, RESULT, paint_report())
        await queue.claims.fail(await claim_job(queue), failure())
        assert len(jobs) == 3


def run(*arguments: str, width: int = 160) -> tuple[int, str]:
    text = io.StringIO()
    code = cli.main(arguments, Console(file=text, width=width))
    return code, text.getvalue()


def test_list_shows_jobs_and_filters_by_state_and_user(storage: Storage) -> None:
    code, text = run("list")
    assert code == 0
    assert [line.split()[1] for line in text.splitlines()[2:5]] == ["queued", "failed", "done"]
    assert "1 waiting, 0 being painted, 0 engines alive." in text
    of_state, of_user = run("list", "--state", "done")[1], run("list", "--user", "2")[1]
    assert ("done" in of_state, "failed" in of_state) == (True, False)
    assert "user 1" in text
    assert ("user 2" in of_user, "user 1" in of_user) == (True, False)
    assert "There is no such job." in run("list", "--user", "77")[1]


@pytest.mark.parametrize(("width", "has_server"), [(80, False), (160, True)])
def test_a_list_fits_its_console(storage: Storage, width: int, has_server: bool) -> None:
    asyncio.run(start_a_job(storage))
    text = run("list", width=width)[1]
    lines = text.splitlines()[:5]
    assert max(map(len, lines)) <= width
    assert [line.split()[0] for line in lines[2:5]] == ["4", "3", "2"]
    assert lines[2].split()[1:3] == ["running", "30%"]
    assert "a name that is quit…" in lines[2]
    assert "~" in lines[2]
    assert ("1234567890123456789" in text) == has_server


def test_wide_list_has_style_and_duration_columns(storage: Storage) -> None:
    lines = run("list", width=200)[1].splitlines()
    assert lines[0].split() == [
        *("id", "state", "place", "user", "size", "queued", "ends"),
        *("style", "waited", "painted", "shown", "server"),
    ]
    (done,) = [line for line in lines if " done " in line]
    assert done.count(" s ") == 2


async def start_a_job(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        await queue.engines.register(engine_info())
        await queue.jobs.cancel(3, 3)
        await submit_job(queue, 4, 1234567890123456789, user_name="a name that is quite long, too")
        await queue.claims.report_progress(await claim_job(queue), Progress(3, 10, 0.3, 600.0))


def test_show_describes_a_job_without_its_token(
    storage: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run("show", "2")
    assert code == 0
    assert "ran out of memory" in text
    assert "claimed" in text
    assert "style starry-night" in text
    assert "256 px, standard" in text
    assert "token" not in text
    assert "expected" not in text
    assert "not known: no engine" in run("show", "3")[1]
    done = run("show", "1")[1]
    assert "256 × 192 px in 12.0 s with lite on cpu" in done
    assert "progress" not in done
    assert run("show", "77")[0] == 1
    assert "There is no job 77." in capsys.readouterr().err


def test_retry_and_cancel_report_success_or_the_reason(
    storage: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("retry", "1")[0] == 1
    assert "Job 1 is done; only failed and cancelled" in capsys.readouterr().err
    assert run("retry", "77")[0] == 1
    assert "There is no job 77." in capsys.readouterr().err
    assert run("retry", "2") == (0, "Job 2 has been queued again.\n")
    assert run("cancel", "2") == (0, "Job 2 was cancelled.\n")
    assert run("cancel", "2") == (0, "Job 2 was already cancelled.\n")
    assert run("cancel", "1")[0] == 1
    assert "Job 1 has already ended: done." in capsys.readouterr().err
    assert run("cancel", "77")[0] == 1
    asyncio.run(delete_pictures(storage))
    assert run("retry", "2")[0] == 1
    assert "its pictures have been deleted" in capsys.readouterr().err


async def delete_pictures(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        await delete_for_good(queue, 2, 2)


def test_erased_job_is_listed_and_shown_as_erased(storage: Storage) -> None:
    asyncio.run(erase_user(storage))
    (row,) = [line for line in run("list", width=200)[1].splitlines() if "(erased)" in line]
    assert "512 standard" not in row  # the defaults, which nobody asked for
    assert "itself" not in row
    code, text = run("show", "1")
    assert code == 0
    assert "the row is deleted a day later" in text
    assert "another version" not in text


async def erase_user(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        await queue.privacy.erase_user(1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "0"),
        ("show", "-1"),
        ("cancel", "abc"),
        ("retry", str(2**63)),
        ("list", "--user", str(10**20)),
        ("list", "--limit", "0"),
    ],
)
def test_invalid_ids_and_limits_are_reported(
    storage: Storage, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(*arguments)
    assert "is not a number of 1 or more" in capsys.readouterr().err


def test_gc_reports_deleted_files(storage: Storage) -> None:
    code, text = run("gc", "--trust-clock")
    assert code == 0
    assert text.startswith("Deleted the pictures of 0 jobs: 0 files (0.0 MB) and ")


DAY_SECONDS = 86_400.0


@pytest.mark.parametrize(
    ("off_seconds", "expected"),
    [
        (0.0, None),
        (-600.0, None),
        (-400 * DAY_SECONDS, "is 400 days ahead of Discord's"),
        (3 * 3600.0, "is 180 minutes behind Discord's"),
    ],
)
def test_gc_deletes_nothing_while_the_clock_is_wrong(
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    off_seconds: float,
    expected: str | None,
) -> None:
    """With a clock far ahead, all pictures would count as expired."""
    assert asyncio.run(finished_pictures(storage)) == 1
    with serve_clock(time.time() + off_seconds) as address:
        monkeypatch.setenv("DISCORD_API_URL", address)
        code, text = run("gc")
    if expected is None:
        assert (code, text.partition(" ")[0]) == (0, "Deleted")
    else:
        error = capsys.readouterr().err
        assert (code, text) == (1, "")
        assert "Nothing is deleted." in error
        assert expected in error
    assert asyncio.run(finished_pictures(storage)) == 1


def test_gc_without_an_answer_of_discord_needs_trust_in_the_clock(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve_clock(time.time()) as address:
        pass  # the server is closed again
    monkeypatch.setenv("DISCORD_API_URL", address)
    assert run("gc") == (1, "")
    assert "add --trust-clock" in capsys.readouterr().err
    assert run("gc", "--trust-clock")[0] == 0


async def finished_pictures(storage: Storage) -> int:
    async with await JobQueue.open(storage.settings()) as queue:
        job = await reload(queue, 1)
        return int(job.pictures_deleted_at is None)


@contextlib.contextmanager
def serve_clock(seconds: float) -> Iterator[str]:
    """Serve Discord's API with this time as date; the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.end_headers()

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(seconds, usegmt=True)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/v10"
        finally:
            server.shutdown()
            thread.join()


DATABASE_COMMANDS = [("list",), ("show", "1"), ("retry", "1"), ("cancel", "1"), ("gc",)]


@pytest.mark.parametrize("arguments", [*DATABASE_COMMANDS, ("backup", "copy.sqlite3")])
def test_missing_database_is_reported_and_not_created(
    storage: Storage,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "elsewhere"))
    assert run(*arguments)[0] == 1
    assert "There is no database at " in capsys.readouterr().err
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("arguments", DATABASE_COMMANDS)
@pytest.mark.parametrize(
    ("schema", "expected"), [("0001", "needs"), ("9999", "Start the newer version again")]
)
def test_database_of_another_version_is_reported_and_left_unchanged(
    storage: Storage,
    arguments: tuple[str, ...],
    schema: str,
    expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with contextlib.closing(sqlite3.connect(storage.sqlite_file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (schema,))
    assert run(*arguments)[0] == 1
    error = capsys.readouterr().err
    assert f"The database has schema {schema}" in error
    assert expected in error
    with contextlib.closing(sqlite3.connect(storage.sqlite_file)) as connection:
        left = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert left == [(schema,)]
    assert run("backup", "--database-only", "copy.sqlite3")[0] == 0


def test_database_without_tables_is_reported(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty.sqlite3").touch()
    monkeypatch.setenv("ATELIER_DATABASE_URL", "sqlite:///empty.sqlite3")
    assert run("list")[0] == 1
    assert "has no tables yet" in capsys.readouterr().err


def test_invalid_database_url_is_reported_without_its_value(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATELIER_DATABASE_URL", "secret nonsense")
    for arguments in (("list",), ("backup", "x")):
        assert run(*arguments)[0] == 1
        error = capsys.readouterr().err
        assert "ATELIER_DATABASE_URL is not the address of a database" in error
        assert "secret" not in error


@pytest.mark.parametrize(
    ("file", "expected"), [("data", "is a folder"), ("file/copy", "cannot be written")]
)
def test_unwritable_backup_path_is_reported(
    storage: Storage, file: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").touch()
    assert run("backup", file)[0] == 1
    assert expected in capsys.readouterr().err


def test_backup_works_while_the_database_is_in_use(
    storage: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    busy = sqlite3.connect(storage.sqlite_file, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    busy.execute("DELETE FROM jobs")
    copy = tmp_path / "copies" / "atelier.sqlite3"
    assert run("backup", "--database-only", str(copy))[0] == 0
    busy.execute("ROLLBACK")
    busy.close()
    copied = sqlite3.connect(copy)
    assert copied.execute("SELECT count(*) FROM jobs").fetchone() == (3,)
    copied.close()
    assert run("backup", "--database-only", str(copy))[0] == 1
    assert "already exists" in capsys.readouterr().err


def test_backup_of_an_unreachable_postgresql_is_reported(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reachable one is tested in `tests/jobs/db/test_postgres_backups.py`."""
    monkeypatch.setenv("ATELIER_DATABASE_URL", "postgresql://u@127.0.0.1:1/d")
    assert run("backup", "x")[0] == 1
    assert "The database cannot be reached" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [("status",), *DATABASE_COMMANDS, ("backup", "x"), ("restore", "backup.tar")]
)
def test_data_folder_of_another_user_is_reported(
    storage: Storage, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """The bot may run as a service user, and the owner use another account."""
    os.chdir("/")  # a folder that the other user may read
    with without_access(storage.folder):
        code, output = run(*arguments)
    assert code == 1
    output += capsys.readouterr().err
    assert "Permission denied): run this as the user who runs the bot." in " ".join(output.split())


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(
    storage: Storage,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ATELIER_DATABASE_URL", address)
    for arguments in (("list",), ("backup", "x"), ("restore", "x")):
        assert run(*arguments)[0] == 1
        assert "ATELIER_DATABASE_URL names no file" in capsys.readouterr().err


def test_invalid_settings_are_reported(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATELIER_MAX_PER_DAY", "many")
    assert run("list")[0] == 2
    assert "ATELIER_MAX_PER_DAY" in capsys.readouterr().err


def test_the_operator_blocks_pauses_and_clears_everywhere(storage: Storage) -> None:
    assert run("block", "7") == (0, "7 is blocked everywhere.\n")
    assert run("block", "7")[1] == "7 was already blocked everywhere.\n"
    assert run("block", "7", "--server", "5")[1] == "7 is blocked in server 5.\n"
    assert run("unblock", "7")[1] == "7 may paint again everywhere.\n"
    assert run("unblock", "7")[1] == "7 was not blocked everywhere.\n"
    assert "is paused" in run("pause")[1]
    assert ", paused" in run("list")[1]
    assert run("resume")[1] == "The queue is running again everywhere.\n"
    assert run("resume", "--server", "5")[1] == "The queue was not paused in server 5.\n"
    assert run("clear", "--server", "77")[1] == "0 waiting jobs cancelled in server 77.\n"
    assert run("clear")[1] == "1 waiting job cancelled everywhere.\n"
    assert "operator" in run("show", "3")[1]


def test_a_block_has_a_reason_and_an_end(storage: Storage) -> None:
    code, output = run("block", "7", "--reason", " too  many  cats ", "--lasts", "3 days")
    assert code == 0
    assert re.fullmatch(
        r"7 is blocked everywhere until \d{4}-\d\d-\d\d \d\d:\d\d UTC\. "
        r"They see: too many cats\n",
        output,
    )
    (block,) = asyncio.run(all_blocks(storage))
    assert block.reason == "too many cats"
    assert block.until is not None
    assert timedelta(days=2.9) < block.until - datetime.now(UTC) <= timedelta(days=3)
    # The new block replaces the first.
    assert "is blocked" in run("block", "7", "--reason", "dogs, too")[1]
    (block,) = asyncio.run(all_blocks(storage))
    assert (block.reason, block.until) == ("dogs, too", None)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--lasts", "soon"), "'soon' is not a length of time"),
        (("--lasts", "0h"), "'0h' is not a length of time"),
        (("--lasts", "9999w"), "'9999w' is not a length of time"),
        (("--reason", " "), "a reason must have 1 to 200 characters"),
        (("--reason", "x" * 201), "a reason must have 1 to 200 characters"),
    ],
)
def test_block_with_an_invalid_length_or_reason_is_refused(
    storage: Storage, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], expected: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("block", "7", *arguments)
    assert ended.value.code == 2
    assert expected in capsys.readouterr().err


def test_bot_owner_cannot_be_blocked(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_OWNER_IDS", "7,8")
    assert run("block", "7")[0] == 1
    assert asyncio.run(all_blocks(storage)) == []


async def all_blocks(storage: Storage) -> list[Block]:
    async with await JobQueue.open(storage.settings()) as queue:
        return await queue.blocks.all(None)


def test_operator_actions_are_audited(storage: Storage) -> None:
    run("block", "7")
    run("cancel", "3")
    run("retry", "3")
    assert asyncio.run(audited_actions(storage)) == ["retry", "remove", "block"]


async def audited_actions(storage: Storage) -> list[str]:
    async with await JobQueue.open(storage.settings()) as queue:
        places = [await queue.audit.read(where) for where in (None, 5)]
    entries = sorted((entry for found in places for entry in found), key=lambda entry: -entry.id)
    assert {entry.user_id for entry in entries} == {COMMAND_LINE}
    return [entry.action for entry in entries]
