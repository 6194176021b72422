"""Restores into PostgreSQL that are refused or end halfway."""

import asyncio
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench import postgres
from jobs.cli import restoring
from jobs.db import postgres_copying
from jobs.db.migrate import known_revisions
from jobs.queue import JobQueue
from tests.jobs.conftest import run
from tests.jobs.db.backed_up import (
    add_data,
    change_after_backup,
    check_restored_after_a_kill,
    execute,
    fetch_value,
    find_no_room,
)
from tests.kit.samples import Storage

pytestmark = pytest.mark.skipif(
    postgres.find_binaries() is None, reason="PostgreSQL is not installed"
)


@pytest.mark.parametrize("name", ["atelier", "studio"])
def test_restore_is_refused_while_the_database_is_in_use(
    empty_database: Storage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    asyncio.run(add_data(empty_database))
    run("backup", str(tmp_path / "copy.tar"))
    named = f"{empty_database.database_url}?application_name={name}"
    monkeypatch.setenv("ATELIER_DATABASE_URL", named)

    async def restore_while_in_use() -> int:
        settings = Storage(empty_database.folder, named).settings()
        async with await JobQueue.open(settings) as queue:
            await queue.jobs.get(1)
            return (await asyncio.to_thread(run, "restore", str(tmp_path / "copy.tar")))[0]

    assert asyncio.run(restore_while_in_use()) == 1
    assert "stop the bot and all engines" in capsys.readouterr().err


def test_restoring_an_unreadable_dump_changes_nothing(
    empty_database: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(add_data(empty_database))
    dump = tmp_path / "copy.dump"
    assert run("backup", "--database-only", str(dump))[0] == 0
    # Cut in the last compressed rows: newer versions of pg_dump repeat the contents after them.
    dump.write_bytes(dump.read_bytes().rpartition(b"x\x9c")[0])
    assert run("restore", str(dump))[0] == 1
    assert "pg_restore failed" in capsys.readouterr().err
    assert asyncio.run(fetch_value(empty_database, "SELECT count(*) FROM jobs")) == 2
    dump.write_bytes(b"nothing of ours")
    assert run("restore", str(dump))[0] == 1
    assert "contains no database" in capsys.readouterr().err
    assert asyncio.run(fetch_value(empty_database, "SELECT count(*) FROM jobs")) == 2


def test_restore_cut_off_by_an_outage_tells_where_the_database_before_is(
    empty_database: Storage,
    postgres_server: postgres.Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asyncio.run(add_data(empty_database))
    dump = tmp_path / "copy.dump"
    assert run("backup", "--database-only", str(dump))[0] == 0
    name = str(empty_database.database_url).rpartition("/")[2]
    admit = f"ALTER DATABASE {name} ALLOW_CONNECTIONS"
    load = postgres_copying.load

    async def load_in_an_outage(url: sa.URL, source: Path) -> None:
        await postgres_copying.clear(url)
        await postgres_server.execute(f"{admit} false")
        await load(url, source)

    with monkeypatch.context() as patch:
        patch.setattr(postgres_copying, "load", load_in_an_outage)
        assert run("restore", str(dump))[0] == 1
    (aside,) = (empty_database.folder / "before-restores").iterdir()
    assert f"The database that was there before is in {aside}" in capsys.readouterr().err
    asyncio.run(postgres_server.execute(f"{admit} true"))
    assert run("restore", str(aside))[0] == 0
    assert asyncio.run(fetch_value(empty_database, "SELECT count(*) FROM jobs")) == 2


def test_interrupted_restore_leaves_the_database_as_it_was(
    empty_database: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(add_data(empty_database))
    dump = tmp_path / "copy.dump"
    assert run("backup", "--database-only", str(dump))[0] == 0
    with monkeypatch.context() as patch:

        async def load_until_interrupted(url: sa.URL, _source: Path) -> None:
            patch.undo()
            await postgres_copying.clear(url)
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()

        patch.setattr(postgres_copying, "load", load_until_interrupted)
        with pytest.raises(KeyboardInterrupt):
            run("restore", str(dump))
    assert asyncio.run(fetch_value(empty_database, "SELECT count(*) FROM jobs")) == 2


def test_killed_restore_is_completed_before_the_database_is_used(
    empty_database: Storage, tmp_path: Path
) -> None:
    check_restored_after_a_kill(empty_database, tmp_path / "copy.dump")


def test_backup_of_a_newer_version_is_refused_before_anything_is_changed(
    empty_database: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump, url = tmp_path / "copy.dump", str(empty_database.database_url)
    asyncio.run(add_data(empty_database))
    asyncio.run(execute(url, "UPDATE alembic_version SET version_num = '0999'"))
    assert run("backup", "--database-only", str(dump))[0] == 0
    newest = known_revisions()[-1]
    asyncio.run(execute(url, f"UPDATE alembic_version SET version_num = '{newest}'"))
    assert run("restore", str(dump))[0] == 1
    assert "The backup has schema 0999" in capsys.readouterr().err
    assert asyncio.run(fetch_value(empty_database, "SELECT count(*) FROM jobs")) == 2
    assert not (empty_database.folder / "before-restores").exists()


def test_restore_that_cannot_be_settled_changes_nothing(
    empty_database: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(add_data(empty_database))
    assert run("backup", "--database-only", str(tmp_path / "copy.dump"))[0] == 0
    asyncio.run(change_after_backup(empty_database))
    monkeypatch.setattr(restoring, "settle", find_no_room)
    assert run("restore", str(tmp_path / "copy.dump"))[0] == 1
    assert asyncio.run(fetch_value(empty_database, "SELECT count(*) FROM jobs")) == 4
