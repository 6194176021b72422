"""How changes are noticed on SQLite, also where the file cannot be read for a while."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobs.db.database import Database
from jobs.db.listeners import Listeners
from jobs.outcomes import QueueUnavailableError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "a.sqlite3"
    write(made, "CREATE TABLE t (n INTEGER)")
    return made


@pytest.fixture
async def listeners(file: Path) -> AsyncIterator[Listeners]:
    opened = Listeners(Database(f"sqlite+aiosqlite:///{file}"))
    yield opened
    await opened.close()


def write(file: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


async def test_a_change_is_noticed_once(listeners: Listeners, file: Path) -> None:
    assert await listeners.wait(0.0), "what was before is not known"
    assert not await listeners.wait(0.0)
    write(file, "INSERT INTO t VALUES (1)")
    assert await listeners.wait(5.0)
    assert not await listeners.wait(0.0)


async def test_a_file_that_cannot_be_read_is_unavailable_until_it_can(
    listeners: Listeners, file: Path
) -> None:
    assert await listeners.wait(0.0)
    whole = file.read_bytes()
    file.write_bytes(b"something else. " * 512)
    for _ in range(2):
        with pytest.raises(QueueUnavailableError, match="The database cannot be used"):
            await listeners.wait(1.0)
    file.write_bytes(whole)
    assert await listeners.wait(0.0), "what was meanwhile is not known"
    write(file, "INSERT INTO t VALUES (1)")
    assert await listeners.wait(5.0)


async def test_a_file_that_is_no_database_is_unavailable_from_the_first_question_on(
    tmp_path: Path,
) -> None:
    (tmp_path / "none").write_bytes(b"something else. " * 512)
    listeners = Listeners(Database(f"sqlite+aiosqlite:///{tmp_path / 'none'}"))
    with pytest.raises(QueueUnavailableError, match="The database cannot be used"):
        await listeners.wait(0.0)
    await listeners.close()
