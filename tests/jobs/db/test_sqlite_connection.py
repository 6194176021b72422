"""SQLite connections: one thread hop per statement, and no transaction left open."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.db import connecting
from jobs.db.database import Database
from jobs.db.sqlite_connection import SqliteConnection
from jobs.outcomes import QueueUnavailableError

TABLE = sa.Table(
    "t", sa.MetaData(), sa.Column("n", sa.Integer, primary_key=True), sa.Column("x", sa.Text)
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.sqlite3")) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)")
    opened = Database(f"sqlite+aiosqlite:///{tmp_path / 'a.sqlite3'}")
    yield opened
    await opened.close()


async def numbers(database: Database) -> list[int]:
    async with database.read() as connection:
        return list(await connection.scalars(sa.select(TABLE.c.n).order_by(TABLE.c.n)))


async def test_each_statement_takes_one_round_trip_to_the_thread(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    round_trips: list[Any] = []
    execute: Any = SqliteConnection._execute

    async def count_round_trip(self: SqliteConnection, work: Any, *arguments: Any) -> Any:
        round_trips.append(work)
        return await execute(self, work, *arguments)

    assert await numbers(database) == []  # opens the connection
    monkeypatch.setattr(SqliteConnection, "_execute", count_round_trip)
    assert await numbers(database) == []
    assert len(round_trips) == 1
    round_trips.clear()
    async with database.write() as transaction:
        inserted = await transaction.connection.execute(sa.insert(TABLE).values(x="a"))
        assert inserted.inserted_primary_key == (1,)
        changed = await transaction.connection.execute(sa.update(TABLE).values(x="b"))
        assert changed.rowcount == 1
    assert len(round_trips) == 4  # with the transaction's begin and end
    assert await numbers(database) == [1]


async def test_read_transaction_sees_one_snapshot(database: Database) -> None:
    async with database.read() as connection:
        count = sa.select(sa.func.count()).select_from(TABLE)
        assert await connection.scalar(count) == 0
        async with database.write() as transaction:
            await transaction.connection.execute(sa.insert(TABLE), [{"x": "a"}, {"x": "b"}])
        assert await connection.scalar(count) == 0
    assert await numbers(database) == [1, 2]


async def test_failed_write_is_rolled_back_and_the_connection_stays_usable(
    database: Database,
) -> None:
    async def write_twice() -> None:
        async with database.write() as transaction:
            for _ in range(2):
                await transaction.connection.execute(sa.insert(TABLE).values(n=1))

    with pytest.raises(sa.exc.IntegrityError):
        await write_twice()
    assert await numbers(database) == []

    async def read_nothing() -> None:
        async with database.read() as connection:
            await connection.execute(sa.text("SELECT nothing FROM"))

    with pytest.raises(QueueUnavailableError, match="syntax error"):
        await read_nothing()
    async with database.write() as transaction:
        await transaction.connection.execute(sa.insert(TABLE).values(n=2))
    assert await numbers(database) == [2]


async def test_cancelled_wait_for_a_lock_leaves_no_lock(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The connection's thread waits as long for the lock.
    monkeypatch.setattr(connecting, "BUSY_TIMEOUT_SECONDS", 1.0)
    other = Database(f"sqlite+aiosqlite:///{tmp_path / 'a.sqlite3'}")

    async def write(number: int) -> None:
        async with other.write() as transaction:
            await transaction.connection.execute(sa.insert(TABLE).values(n=number))

    async with database.write() as transaction:
        await transaction.connection.execute(sa.insert(TABLE).values(n=1))
        waiting = asyncio.create_task(write(2))
        await asyncio.sleep(0.2)  # its thread waits for this transaction
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wait_for(write(3), 10)
    async with database.write() as transaction:
        await transaction.connection.execute(sa.insert(TABLE).values(n=4))
    assert await numbers(database) == await numbers(other) == [1, 3, 4]
    await other.close()
