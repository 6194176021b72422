"""Backing up and restoring PostgreSQL with a real server and its own programs."""

import asyncio
import itertools
import sqlite3
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from bench import postgres
from jobs.db import postgres_copying, schema
from jobs.db.migrate import known_revisions
from jobs.outcomes import QueueError
from jobs.queue import JobQueue
from tests.jobs.conftest import run
from tests.jobs.db.backed_up import (
    add_data,
    change_after_backup,
    check_restored_data,
    execute,
    fetch_value,
)
from tests.kit.old_databases import copy_to_postgresql, make_version
from tests.kit.samples import Storage, claim_job, submit_job

pytestmark = pytest.mark.skipif(
    postgres.find_binaries() is None, reason="PostgreSQL is not installed"
)
_numbers = itertools.count()


def test_restore_is_complete_and_repeats_no_delivery_or_job_number(
    empty_database: Storage, tmp_path: Path
) -> None:
    result, _ = asyncio.run(add_data(empty_database))
    asyncio.run(fetch_value(empty_database, "CREATE TABLE of_another_program (x int)"))
    code, output = run("backup", str(tmp_path / "copy.tar"))
    assert (code, "the database and 2 pictures" in output) == (0, True), output
    with tarfile.open(tmp_path / "copy.tar") as archive:
        assert set(archive.getnames()) >= {"atelier.dump", f"pictures/{result}"}
    assert stat.S_IMODE((tmp_path / "copy.tar").stat().st_mode) == 0o600
    asyncio.run(fetch_value(empty_database, "DROP TABLE of_another_program"))
    asyncio.run(change_after_backup(empty_database))
    for picture in (empty_database.folder / "pictures").rglob("*.png"):
        picture.unlink()
    code, output = run("restore", str(tmp_path / "copy.tar"))
    assert code == 0
    assert "Ended 1 waiting job" in output
    assert "1 member who had it erased after the backup" in output
    assert list((empty_database.folder / "before-restores").glob("atelier-*.dump"))
    asyncio.run(check_restored_database(empty_database, result))


async def check_restored_database(storage: Storage, result: str) -> None:
    await check_restored_data(storage, result)
    with pytest.raises(asyncpg.PostgresError, match="cannot change from done to running"):
        await fetch_value(storage, "UPDATE jobs SET state = 'running' WHERE id = 1 RETURNING 1")


STRUCTURE = """
SELECT string_agg(name, ',' ORDER BY name) FROM (
    SELECT relname FROM pg_class WHERE relkind IN ('r', 'i', 'S') UNION ALL
    SELECT tgname FROM pg_trigger UNION ALL SELECT conname FROM pg_constraint
) AS named(name) WHERE name !~ '^(RI_|pg_toast)'
"""
"""Names of all tables, indexes, sequences, triggers and constraints."""


@pytest.fixture
def tenant(
    empty_database: Storage, postgres_server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Storage]:
    """A user with a schema of its own, in which another program has what it may not read."""
    role = f"tenant_{next(_numbers)}"
    statements = (
        f"CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET statement_timeout = '1ms'; "
        f'CREATE SCHEMA "its own" AUTHORIZATION {role}; '
        f'ALTER ROLE {role} SET search_path = "its own"; '
        'CREATE TABLE "its own"."of another" (id serial PRIMARY KEY); '
        'INSERT INTO "its own"."of another" DEFAULT VALUES; '
        """CREATE FUNCTION "its own".of_another() RETURNS int LANGUAGE sql AS 'SELECT 1'"""
    )
    url = str(empty_database.database_url)
    asyncio.run(execute(url, statements))
    theirs = url.replace("atelier@", f"{role}@")
    monkeypatch.setenv("ATELIER_DATABASE_URL", theirs)
    yield Storage(empty_database.folder, theirs)
    asyncio.run(execute(url, 'DROP SCHEMA "its own" CASCADE'))
    asyncio.run(postgres_server.execute(f"DROP ROLE {role}"))


def test_backup_of_a_schema_shared_with_another_program_is_restored_beside_it(
    tenant: Storage, empty_database: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Migrated, backed up and restored by a user whose statements have a strict time limit."""
    asyncio.run(add_data(tenant))
    before = asyncio.run(fetch_value(empty_database, STRUCTURE))
    dump = tmp_path / "copy.dump"
    assert run("backup", "--database-only", str(dump))[0] == 0, capsys.readouterr().err
    asyncio.run(execute(str(empty_database.database_url), 'DELETE FROM "its own".picture_uses'))
    assert run("restore", str(dump))[0] == 0, capsys.readouterr().err
    assert asyncio.run(fetch_value(empty_database, STRUCTURE)) == before
    count = 'SELECT (SELECT count(*) FROM "its own".picture_uses) > 0 AND count(*) = 1 FROM'
    assert asyncio.run(fetch_value(empty_database, f'{count} "its own"."of another"'))


@pytest.mark.parametrize(
    ("options", "limit"),
    [("", "0"), ("?options=-c%20statement_timeout%3D60s%20-cjit%3Don", "1min")],
)
def test_programs_run_with_the_limits_of_the_address_from_their_first_statement_on(
    tenant: Storage, tmp_path: Path, options: str, limit: str
) -> None:
    psql = [postgres_copying.program("psql"), "--tuples-only", "--no-align"]
    asked = "SELECT current_setting('statement_timeout') FROM pg_sleep(0.1)"
    with (tmp_path / "said").open("wb") as file:
        url = sa.make_url(f"{tenant.database_url}{options}")
        postgres_copying._run([*psql, f"--command={asked}"], url, file)
    assert (tmp_path / "said").read_text() == f"{limit}\n"


def test_backup_of_another_schema_is_refused_before_anything_is_changed(
    tenant: Storage,
    empty_database: Storage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asyncio.run(add_data(tenant))
    dump = tmp_path / "copy.dump"
    assert run("backup", "--database-only", str(dump))[0] == 0
    asyncio.run(add_data(empty_database))
    monkeypatch.setenv("ATELIER_DATABASE_URL", str(empty_database.database_url))
    assert run("restore", str(dump))[0] == 1
    assert "has its tables in the schema its own, and" in capsys.readouterr().err
    assert asyncio.run(fetch_value(empty_database, "SELECT count(*) FROM jobs")) == 2
    named = f"{empty_database.database_url}?search_path=%22its%20own%22,public"
    monkeypatch.setenv("ATELIER_DATABASE_URL", named)
    assert run("restore", str(dump))[0] == 0, capsys.readouterr().err


def test_database_that_cannot_be_backed_up_is_reported_in_a_sentence(
    empty_database: Storage,
    postgres_server: postgres.Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("backup", str(tmp_path / "copy.tar"))[0] == 1
    assert "has no tables yet" in capsys.readouterr().err
    asyncio.run(open_and_close(empty_database))
    url = str(empty_database.database_url)
    asyncio.run(postgres_server.execute("CREATE ROLE reads_nothing LOGIN"))
    monkeypatch.setenv("ATELIER_DATABASE_URL", url.replace("atelier@", "reads_nothing@"))
    assert run("backup", str(tmp_path / "copy.tar"))[0] == 1
    assert "permission denied for table" in capsys.readouterr().err
    assert not list(tmp_path.glob("copy*"))


def make_sqlite_backup(tmp_path: Path, *, revision: str | None = None) -> Path:
    """A backup of a SQLite database, or a database of a revision with a row in each table."""
    other = Storage(tmp_path / "sqlite", None)
    if revision is not None:
        other.folder.mkdir()
        make_version(revision, other)
        return other.sqlite_file
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_DATA_DIR", str(other.folder))
        patch.delenv("ATELIER_DATABASE_URL")
        asyncio.run(add_data(other))
        assert run("backup", str(tmp_path / "sqlite.tar"))[0] == 0
    return tmp_path / "sqlite.tar"


def test_sqlite_backup_is_restored_into_postgresql(empty_database: Storage, tmp_path: Path) -> None:
    backup = make_sqlite_backup(tmp_path)
    result, _ = asyncio.run(add_data(empty_database))
    asyncio.run(change_after_backup(empty_database))
    code, output = run("restore", str(backup))
    assert (code, "Ended 1 waiting job" in output) == (0, True), output
    asyncio.run(check_restored_database(empty_database, result))


def test_jobs_continue_after_a_move_from_sqlite_to_postgresql(
    empty_database: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = make_sqlite_backup(tmp_path)
    assert run("restore", "--move", str(backup)) == (0, "Restored 2 pictures.\n")

    async def check_jobs_continue() -> None:
        async with await JobQueue.open(empty_database.settings()) as queue:
            assert [job.id for job in await queue.deliveries.due()] == [1, 2]
            assert (await claim_job(queue)).job.id == 2
            assert len(await queue.styles.visible_to(3, None)) == 1
            assert (await submit_job(queue, 1)).id == 3

    asyncio.run(check_jobs_continue())
    assert run("restore", "--move", str(backup))[0] == 1
    assert "a move needs an empty one" in capsys.readouterr().err
    assert asyncio.run(fetch_value(empty_database, "SELECT count(*) FROM jobs")) == 3


def test_move_copies_every_sqlite_row_to_postgresql(
    empty_database: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.db.sqlite_to_postgres._AT_ONCE", 2)
    file = make_sqlite_backup(tmp_path, revision=known_revisions()[-1])
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE sqlite_sequence SET seq = 99 WHERE name = 'jobs'")
    connection.close()
    assert run("restore", "--move", str(file))[0] == 0

    async def rows(storage: Storage) -> dict[str, Any]:
        async with await JobQueue.open(storage.settings()) as queue:
            return {
                table.name: [tuple(row) for row in await queue.database.all(table.select())]
                for table in schema.metadata.sorted_tables
            }

    before, after = (
        asyncio.run(rows(each)) for each in (Storage(file.parent, None), empty_database)
    )
    assert {name: sorted(found, key=str) for name, found in after.items()} == {
        name: sorted(found, key=str) for name, found in before.items()
    }
    assert sum(bool(found) for found in after.values()) > 12
    assert asyncio.run(fetch_value(empty_database, "SELECT nextval('jobs_id_seq')")) == 100


def test_row_refused_by_postgresql_leaves_the_database_unchanged(
    empty_database: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = make_sqlite_backup(tmp_path, revision="0009")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE jobs SET user_name = ?", ["x" * 300])
    connection.close()
    asyncio.run(add_data(empty_database))
    assert run("restore", str(file))[0] == 1
    assert "PostgreSQL does not take what SQLite held: " in capsys.readouterr().err
    assert asyncio.run(fetch_value(empty_database, "SELECT count(*) FROM jobs")) == 2
    assert asyncio.run(fetch_value(empty_database, "SELECT max(user_name) FROM jobs")) != "x" * 300


def make_older_database(storage: Storage, tmp_path: Path) -> None:
    """Create the tables and rows of an older version in the database."""
    sqlite = Storage(tmp_path / "older", None)
    sqlite.folder.mkdir()
    make_version("0003", sqlite)
    asyncio.run(copy_to_postgresql(sqlite.sqlite_file, storage.database_url or "", "0003"))


async def open_and_close(storage: Storage, **changes: Any) -> None:
    async with await JobQueue.open(storage.settings(**changes)):
        pass


def test_copy_made_before_a_migration_can_be_restored(
    empty_database: Storage, tmp_path: Path
) -> None:
    make_older_database(empty_database, tmp_path)
    assert run("backup", "--database-only", str(tmp_path / "older.dump"))[0] == 0
    for _ in range(2):
        asyncio.run(open_and_close(empty_database))
    (copy,) = (empty_database.folder / "before-migrations").iterdir()
    assert copy.name.endswith("schema-0003.dump")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    asyncio.run(fetch_value(empty_database, "DELETE FROM jobs WHERE id = 1 RETURNING 1"))
    code, _ = run("restore", str(copy))
    assert code == 0
    assert asyncio.run(fetch_value(empty_database, "SELECT count(*) FROM jobs")) == 5


def test_migration_without_pg_dump_needs_the_migrate_without_copy_setting(
    empty_database: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_older_database(empty_database, tmp_path)
    monkeypatch.setattr(postgres_copying, "_DEBIANS", tmp_path / "nowhere")
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(QueueError, match=r"pg_dump is not installed.*MIGRATE_WITHOUT_COPY=true"):
        asyncio.run(open_and_close(empty_database))
    assert (
        asyncio.run(fetch_value(empty_database, "SELECT version_num FROM alembic_version"))
        == "0003"
    )
    asyncio.run(open_and_close(empty_database, atelier_migrate_without_copy=True))
    assert (
        asyncio.run(fetch_value(empty_database, "SELECT version_num FROM alembic_version")) > "0003"
    )


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+asyncpg://atelier:hunter2@db.example/atelier?sslmode=require",
        "postgresql+asyncpg:///atelier?user=atelier&password=hunter2&sslmode=require",
    ],
)
def test_password_is_not_passed_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    recorded: dict[str, Any] = {}

    def record_command(command: list[str], **options: Any) -> Any:
        recorded.update(options, command=command)
        raise OSError

    monkeypatch.setattr("jobs.db.postgres_copying.subprocess.run", record_command)
    url = sa.make_url(address)
    with pytest.raises(OSError, match=r"^$"):
        postgres_copying._run(["pg_dump"], url, None)
    assert "hunter2" not in " ".join(recorded["command"])
    assert "sslmode=require" in " ".join(recorded["command"])
    assert recorded["env"]["PGPASSWORD"] == "hunter2"
