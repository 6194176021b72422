"""Noticing changes on SQLite, also after the file was unreadable."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jobs.db.database import Database
from jobs.db.listeners import Listeners
from jobs.db.sqlite_connection import POLL_SECONDS, SqliteConnection
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
    assert await listeners.wait(0.0), "changes before the first wait are unknown"
    assert not await listeners.wait(0.0)
    write(file, "INSERT INTO t VALUES (1)")
    assert await listeners.wait(5.0)
    assert not await listeners.wait(0.0)


async def test_event_loop_wakes_only_at_a_change(
    listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    executions: list[object] = []
    execute: Any = SqliteConnection._execute

    async def count_execution(connection: SqliteConnection, work: object) -> object:
        executions.append(work)
        return await execute(connection, work)

    assert await listeners.wait(0.0)
    monkeypatch.setattr(SqliteConnection, "_execute", count_execution)
    assert not await listeners.wait(5 * POLL_SECONDS)
    assert len(executions) == 1


async def test_cancelled_wait_blocks_no_other_and_misses_no_change(
    listeners: Listeners, file: Path
) -> None:
    assert await listeners.wait(0.0)
    waiting = asyncio.create_task(listeners.wait(60.0))
    await asyncio.sleep(2 * POLL_SECONDS)
    waiting.cancel()
    write(file, "INSERT INTO t VALUES (1)")
    async with asyncio.timeout(20.0):
        assert await listeners.wait(60.0)


async def test_close_does_not_wait_for_a_pending_wait(listeners: Listeners) -> None:
    assert await listeners.wait(0.0)
    waiting = asyncio.create_task(listeners.wait(60.0))
    await asyncio.sleep(2 * POLL_SECONDS)
    async with asyncio.timeout(20.0):
        await listeners.close()
        await waiting


async def test_unreadable_file_is_unavailable_until_readable_again(
    listeners: Listeners, file: Path
) -> None:
    assert await listeners.wait(0.0)
    whole = file.read_bytes()
    file.write_bytes(b"something else. " * 512)
    for _ in range(2):
        with pytest.raises(QueueUnavailableError, match="The database cannot be used"):
            await listeners.wait(1.0)
    file.write_bytes(whole)
    assert await listeners.wait(0.0), "changes in the meantime are unknown"
    write(file, "INSERT INTO t VALUES (1)")
    assert await listeners.wait(5.0)


async def test_non_database_file_is_unavailable_from_the_first_wait(
    tmp_path: Path,
) -> None:
    (tmp_path / "none").write_bytes(b"something else. " * 512)
    listeners = Listeners(Database(f"sqlite+aiosqlite:///{tmp_path / 'none'}"))
    with pytest.raises(QueueUnavailableError, match="The database cannot be used"):
        await listeners.wait(0.0)
    await listeners.close()
