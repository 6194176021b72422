"""Backups of a running SQLite installation, and restoring them."""

import asyncio
import errno
import io
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from filelock import FileLock

from jobs.cli import restoring
from jobs.cli.settle_restored import UNKNOWN_NUMBERS, settle
from jobs.db.liveness import BOT_LOCK
from jobs.queue import JobQueue
from tests.jobs.conftest import run, use_folder
from tests.jobs.db.backed_up import (
    add_data,
    change_after_backup,
    check_restored_after_a_kill,
    check_restored_data,
    find_no_room,
)
from tests.kit.samples import FakeClock, Storage, claim_job, paint_report, reload, submit_job

DAY = 86_400.0
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """The data folder of the command line, with a name that needs quoting in a URL."""
    folder = tmp_path / "my böt #1 50%"
    return use_folder(folder, monkeypatch)


async def add_held_picture(storage: Storage) -> str:
    """Add a picture that is held by an open intake."""
    async with await JobQueue.open(storage.settings()) as queue:
        await queue.intakes.open(77, 4, {})
        held_key = await queue.store.put(b"on its way", "png")
        await queue.intakes.hold_pictures(77, [held_key])
    return held_key


def test_backup_holds_the_database_and_its_referenced_pictures(
    storage: Storage, tmp_path: Path
) -> None:
    result, style = asyncio.run(add_data(storage))
    held_key = asyncio.run(add_held_picture(storage))
    code, output = run("backup", str(tmp_path / "copy.tar"))
    assert code == 0
    assert "the database and 3 pictures" in output
    with tarfile.open(tmp_path / "copy.tar") as archive:
        pictures = {f"pictures/{key}" for key in (result, style, held_key)}
        assert set(archive.getnames()) >= {"atelier.sqlite3", *pictures}
    assert stat.S_IMODE((tmp_path / "copy.tar").stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".backup-*"))


KILL_WHILE_COPYING = """
import os, runpy, signal, sys, tarfile

tarfile.open = lambda *_: os.kill(os.getpid(), signal.SIGTERM)
sys.argv = ["-m", "backup", "copy.tar"]
runpy.run_module("jobs", run_name="__main__", alter_sys=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that can be handled")
def test_terminated_backup_leaves_no_database_copy(storage: Storage, tmp_path: Path) -> None:
    """As by a systemd timer with a time limit."""
    asyncio.run(add_data(storage))
    ended = subprocess.run(
        [sys.executable, "-c", KILL_WHILE_COPYING],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (-signal.SIGTERM, "Stopped.\n")
    assert list(tmp_path.iterdir()) == [storage.folder]


def test_overlong_backup_file_name_is_reported(
    storage: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(add_data(storage))
    assert run("backup", "x" * 300)[0] == 1
    assert "cannot be written: File name too long." in capsys.readouterr().err


def test_commits_do_not_restart_a_running_backup(storage: Storage, tmp_path: Path) -> None:
    """A busy writer would restart a copy in steps for ever."""
    asyncio.run(add_data(storage))
    steps = tmp_path / "steps"
    connection = sqlite3.connect(storage.sqlite_file)
    connection.execute("CREATE TABLE filler (data BLOB)")
    connection.executemany("INSERT INTO filler VALUES (?)", [(bytes(4000),)] * 3000)
    connection.commit()
    done = Event()

    def commit_continuously() -> int:
        connection_of_writer = sqlite3.connect(storage.sqlite_file, timeout=30)
        commits = 0
        while not done.is_set():
            connection_of_writer.execute("UPDATE jobs SET user_name = ?", (str(commits),))
            connection_of_writer.commit()
            commits += 1
        connection_of_writer.close()
        return commits

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(commit_continuously)
        try:
            assert run("backup", "--database-only", str(steps))[0] == 0
        finally:
            done.set()
        assert writing.result() > 0
    connection.close()


def test_restore_brings_back_data_without_repeating_jobs_or_deliveries(
    storage: Storage, tmp_path: Path
) -> None:
    result, _ = asyncio.run(add_data(storage))
    run("backup", str(tmp_path / "copy.tar"))
    asyncio.run(change_after_backup(storage))
    for picture in (storage.folder / "pictures").rglob("*.png"):
        picture.unlink()
    code, output = run("restore", str(tmp_path / "copy.tar"))
    assert code == 0
    assert "Ended 1 waiting job" in output
    assert "1 member who had it erased after the backup" in output
    assert list(storage.folder.glob("atelier.sqlite3.replaced-*"))
    asyncio.run(check_restored_data(storage, result))


def words_broken(database: bytes) -> bytes:
    """A database whose tables are described by what is not even text."""
    return database.replace(b"CREATE TABLE", b"CREATE T\xa5BLE")


@pytest.mark.parametrize("damage", [lambda _: b"damaged", words_broken])
def test_restore_over_a_damaged_database_skips_job_numbers(
    storage: Storage, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    asyncio.run(add_data(storage))
    run("backup", str(tmp_path / "copy.tar"))
    storage.sqlite_file.write_bytes(damage(storage.sqlite_file.read_bytes()))
    assert run("list")[0] == 1
    assert run("restore", str(tmp_path / "copy.tar"))[0] == 0
    assert asyncio.run(next_job_id(storage)) == 2 + UNKNOWN_NUMBERS + 1


async def next_job_id(storage: Storage) -> int:
    async with await JobQueue.open(storage.settings()) as queue:
        return (await submit_job(queue, 9)).id


def test_restore_is_refused_while_the_bot_runs(
    storage: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(add_data(storage))
    run("backup", str(tmp_path / "copy.tar"))
    with FileLock(storage.folder / BOT_LOCK):
        assert run("restore", str(tmp_path / "copy.tar"))[0] == 1
    assert "The bot is running" in capsys.readouterr().err


async def test_restore_is_refused_while_an_engine_runs(
    storage: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would keep using the renamed database, and take no job from the restored one."""
    await add_data(storage)
    await asyncio.to_thread(run, "backup", str(tmp_path / "copy.tar"))
    async with await JobQueue.open(storage.settings()) as engine:
        await engine.positions.overview(None)
        assert (await asyncio.to_thread(run, "restore", str(tmp_path / "copy.tar")))[0] == 1
    assert "please stop the bot and all engines first" in capsys.readouterr().err
    assert (await asyncio.to_thread(run, "restore", str(tmp_path / "copy.tar")))[0] == 0


@pytest.mark.parametrize("content", [b"", b"nothing of ours", b"SQLite format 3\0"])
def test_restoring_an_invalid_file_changes_nothing(
    storage: Storage, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(add_data(storage))
    (tmp_path / "other").write_bytes(content)
    assert run("restore", str(tmp_path / "other"))[0] == 1
    assert "contains no database" in capsys.readouterr().err
    assert asyncio.run(next_job_id(storage)) == 3


def test_restoring_a_backup_of_a_newer_version_changes_nothing(
    storage: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(add_data(storage))
    copy = tmp_path / "copy.sqlite3"
    assert run("backup", "--database-only", str(copy))[0] == 0
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    assert run("restore", str(copy))[0] == 1
    assert "The backup has schema 0999" in capsys.readouterr().err
    assert asyncio.run(next_job_id(storage)) == 3


@pytest.mark.parametrize("is_new", [False, True])
def test_restore_that_cannot_be_settled_changes_nothing(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_new: bool
) -> None:
    """As where there is no room to migrate a backup of an earlier version."""
    asyncio.run(add_data(storage))
    assert run("backup", "--database-only", str(tmp_path / "copy.sqlite3"))[0] == 0
    asyncio.run(change_after_backup(storage))
    if is_new:
        storage.sqlite_file.unlink()
    before = list(storage.folder.glob("atelier.sqlite3*"))
    monkeypatch.setattr(restoring, "settle", find_no_room)
    assert run("restore", str(tmp_path / "copy.sqlite3"))[0] == 1
    assert list(storage.folder.glob("atelier.sqlite3*")) == before
    if not is_new:
        assert asyncio.run(next_job_id(storage)) == 5


def test_killed_restore_is_completed_before_the_database_is_used(
    storage: Storage, tmp_path: Path
) -> None:
    check_restored_after_a_kill(storage, tmp_path / "copy.sqlite3")


def other_tar(tmp_path: Path, entry: tarfile.TarInfo) -> Path:
    """A tar with one file, of which nothing is there but the header."""
    (tmp_path / "other.tar").write_bytes(entry.tobuf() + bytes(1024))
    return tmp_path / "other.tar"


def tar_entry(name: str, **fields: object) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (tar_entry("project/requirements"), "it contains 'project/requirements'"),
        (tar_entry("a.png", type=tarfile.SYMTYPE, linkname="a.png"), "it contains 'a.png'"),
        (tar_entry("a.png", type=tarfile.LNKTYPE, linkname="b.png"), "it contains 'a.png'"),
        (tar_entry(f"pictures/{'0' * 64}.png", size=1 << 60), "unexpected end of data"),
    ],
)
def test_tar_of_something_else_is_no_backup(
    storage: Storage,
    tmp_path: Path,
    entry: tarfile.TarInfo,
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = other_tar(tmp_path, entry)
    assert run("restore", str(other))[0] == 1
    assert capsys.readouterr().err.strip() == f"{other} cannot be read as a backup: {reason}."


def test_full_disk_during_restore_is_not_reported_as_a_damaged_backup(
    storage: Storage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asyncio.run(add_data(storage))
    run("backup", str(tmp_path / "copy.tar"))

    def raise_disk_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("jobs.cli.restoring.shutil.copyfileobj", raise_disk_full)
        assert run("restore", str(tmp_path / "copy.tar"))[0] == 1
    assert "There is no room to restore " in capsys.readouterr().err
    assert asyncio.run(next_job_id(storage)) == 3


def test_restore_refuses_a_modified_picture(
    storage: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(add_data(storage))
    run("backup", str(tmp_path / "copy.tar"))
    forged = tmp_path / "forged.tar"
    with tarfile.open(tmp_path / "copy.tar") as old, tarfile.open(forged, "w") as new:
        for entry in old:
            data = old.extractfile(entry)
            assert data is not None
            content = data.read().replace(b"the result", b"the RESULT")
            new.addfile(entry, io.BytesIO(content))
    assert run("restore", str(forged))[0] == 1
    assert "is not what it was" in capsys.readouterr().err


async def test_nothing_is_deleted_for_a_day_after_a_restore(
    queue: JobQueue, clock: FakeClock
) -> None:
    """With both databases; PostgreSQL is restored by pg_restore."""
    job = await submit_job(queue, 1)
    result = await queue.store.put(b"x", "png")
    await queue.claims.finish(await claim_job(queue), result, paint_report())
    clock.advance(100 * DAY)
    await settle(queue)
    assert (await queue.retention.gc()).expired_jobs == 0
    assert (await reload(queue, job)).result_key == result
    assert (await submit_job(queue, 2)).id == job.id + UNKNOWN_NUMBERS + 1
    clock.advance(DAY + 1)
    assert (await queue.retention.gc()).expired_jobs == 1
