"""Databases in which another program has tables of the names that Atelier's have."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench import postgres
from jobs.db.other_programs import TABLES
from jobs.outcomes import DatabaseAddressError
from jobs.queue import JobQueue
from tests.jobs.conftest import run
from tests.jobs.db.backed_up import add_data, execute, fetch_value
from tests.kit.samples import Storage

needs_postgres = pytest.mark.skipif(
    postgres.find_binaries() is None, reason="PostgreSQL is not installed"
)
ITS_REVISION = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32)); "
    "INSERT INTO alembic_version VALUES ('9f3b1c0d2e4a')"
)
ITS_JOBS = "CREATE TABLE jobs (title VARCHAR(32)); INSERT INTO jobs VALUES ('baker')"
of_another_program = pytest.mark.parametrize("statements", [ITS_REVISION, ITS_JOBS])


async def check_refused(storage: Storage) -> None:
    with pytest.raises(DatabaseAddressError, match="tables of another program"):
        await JobQueue.open(storage.settings())


@of_another_program
def test_sqlite_file_of_another_program_is_refused(tmp_path: Path, statements: str) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.executescript(statements)
    asyncio.run(check_refused(Storage(tmp_path, f"sqlite:///{tmp_path / 'other.db'}")))


@needs_postgres
@of_another_program
def test_postgresql_database_of_another_program_is_refused(
    empty_database: Storage, statements: str
) -> None:
    asyncio.run(execute(str(empty_database.database_url), statements))
    asyncio.run(check_refused(empty_database))


@needs_postgres
def test_restore_refuses_a_database_of_another_program(
    empty_database: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(add_data(empty_database))
    assert run("backup", "--database-only", str(tmp_path / "copy.dump"))[0] == 0
    ours = ", ".join(TABLES)
    asyncio.run(execute(str(empty_database.database_url), f"DROP TABLE {ours}; {ITS_JOBS}"))
    assert run("restore", str(tmp_path / "copy.dump"))[0] != 0
    assert "tables of another program, such as jobs" in capsys.readouterr().err
    assert asyncio.run(fetch_value(empty_database, "SELECT title FROM jobs")) == "baker"


@needs_postgres
def test_restore_into_a_schema_of_its_own_drops_nothing_elsewhere(
    empty_database: Storage, tmp_path: Path
) -> None:
    """Although the other schema is in the search path, as `public` is by default."""
    empty_schema = "DROP SCHEMA IF EXISTS atelier CASCADE; CREATE SCHEMA atelier"
    asyncio.run(execute(str(empty_database.database_url), empty_schema))
    asyncio.run(add_data(empty_database))
    assert run("backup", "--database-only", str(tmp_path / "copy.dump"))[0] == 0
    its_jobs = f"{empty_schema}; SET search_path = public; {ITS_JOBS}"
    asyncio.run(execute(str(empty_database.database_url), its_jobs))
    assert run("restore", str(tmp_path / "copy.dump"))[0] == 0
    assert asyncio.run(fetch_value(empty_database, "SELECT title FROM public.jobs")) == "baker"


@needs_postgres
def test_backup_has_tables_that_are_not_in_the_first_schema_of_the_search_path(
    empty_database: Storage, tmp_path: Path
) -> None:
    """As a bot finds them, although its user was given an empty schema since."""
    asyncio.run(add_data(empty_database))
    asyncio.run(execute(str(empty_database.database_url), "CREATE SCHEMA atelier"))
    assert run("backup", "--database-only", str(tmp_path / "copy.dump"))[0] == 0
    asyncio.run(execute(str(empty_database.database_url), "DELETE FROM picture_uses"))
    assert run("restore", str(tmp_path / "copy.dump"))[0] == 0
    assert asyncio.run(fetch_value(empty_database, "SELECT count(*) FROM picture_uses")) > 0
