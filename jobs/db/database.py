"""Access to the database: transactions, locks, its clock and change notifications.

The differences between SQLite and PostgreSQL are handled here and in `jobs.db.connecting` only: how
a writing transaction begins, how writers wait for each other, and how changes are noticed.
"""

import asyncio
import hashlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from common.logs import redacted
from common.timings import Timings
from jobs.db.addresses import parse_address
from jobs.db.asynchronous import AsyncConnection
from jobs.db.connecting import (
    begin_writing,
    create_engine,
    sqlite_unusable,
    time_statements,
    translated,
)
from jobs.outcomes import DatabaseLockedError, QueueUnavailableError

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

Clock = Callable[[], float]
Row: TypeAlias = sa.Row[*tuple[Any, ...]]
"""A row of any table, with its columns as attributes."""

READ, WRITE = "read", "write"

LONG_WAIT_SECONDS = 5.0
"""A write that waits this long counts as trouble: probably another program holds the lock."""

QUEUED_TOPIC = "atelier_queued"
"""PostgreSQL channel that wakes engines."""
CHANGED_TOPIC = "atelier_changed"
"""PostgreSQL channel that wakes the delivery."""
CANCELLED_TOPIC = "atelier_cancelled"
"""PostgreSQL channel that tells an engine to stop painting; the payload is the job's ID."""


_POSTGRES_NOW = sa.func.extract("epoch", sa.func.clock_timestamp())


def lock_number(name: str) -> int:
    """The 64-bit key of a named advisory lock."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A writing transaction, and the time at which it began."""

    connection: AsyncConnection
    now: float
    """The database's time in seconds since 1970, by which leases are judged."""
    postgres: bool

    async def execute(self, statement: sa.Executable, values: Any = None) -> sa.CursorResult[Any]:
        """Run a statement."""
        return await self.connection.execute(statement, values)

    async def scalar(self, statement: sa.Executable) -> Any:
        """The first value of the first row, or None."""
        return await self.connection.scalar(statement)

    async def scalars(self, statement: sa.Executable) -> Sequence[Any]:
        """The first value of each row."""
        return (await self.connection.scalars(statement)).all()

    async def all(self, statement: sa.Executable) -> Sequence[Row]:
        """All rows."""
        return (await self.connection.execute(statement)).all()

    async def one_or_none(self, statement: sa.Executable) -> Row | None:
        """The only row, if there is one."""
        return (await self.connection.execute(statement)).one_or_none()

    async def replace(self, table: sa.Table, same: Mapping[str, Any], **values: Any) -> Row:
        """Replace the rows with these values in the columns `same` by one; returns it."""
        where = [table.c[name] == value for name, value in same.items()]
        await self.execute(sa.delete(table).where(*where))
        inserted = sa.insert(table).values(**same, **values).returning(table)
        return (await self.execute(inserted)).one()

    async def lock(self, *names: str) -> None:
        """Hold these named locks until the transaction ends; sorted, so they cannot deadlock.

        On SQLite nothing is needed: there is one writer at a time.
        """
        if self.postgres and names:
            # In one statement, whose columns are evaluated from left to right.
            numbers = sorted({lock_number(name) for name in names})
            locks = (sa.func.pg_advisory_xact_lock(number) for number in numbers)
            await self.execute(sa.select(*locks))

    def insert(self, table: sa.Table) -> "PostgresInsert | SqliteInsert":
        """An INSERT that supports ON CONFLICT."""
        # Do not load the other dialect.
        if self.postgres:
            from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415

            return insert(table)
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert  # noqa: PLC0415

        return sqlite_insert(table)

    async def notify(self, *topics: str, about: str = "") -> None:
        """Notify listeners of these topics when the transaction commits.

        Args:
            topics: what happened.
            about: payload; see `jobs.db.listeners`.
        """
        if self.postgres:
            await self.execute(sa.select(*self.notifications(*topics, about=about)))

    def notifications(self, *topics: str, about: str = "") -> list[sa.ColumnElement[Any]]:
        """As `notify`, as columns for another statement's RETURNING."""
        if not self.postgres:
            return []
        return [sa.func.pg_notify(topic, about).label(topic) for topic in topics]


def seen_recently(
    column: sa.ColumnElement[float], now: Any, seconds: float
) -> sa.ColumnElement[bool]:
    """A condition: a heartbeat is recent.

    One in the future was written before the clock was set back, and does not count.
    """
    return sa.and_(column > now - seconds, column < now + seconds)


class Database:
    """One process's connections to a database."""

    def __init__(
        self, url: str, clock: Clock | None = None, *, without_timeouts: bool = False
    ) -> None:
        """Create the pool; no connection is opened yet.

        Args:
            url: database URL as in the settings.
            clock: replaces the database's clock, for tests.
            without_timeouts: whether statements run without timeouts, as a migration's.
        """
        self.url = parse_address(url)
        self.postgres = self.url.get_backend_name() == "postgresql"
        self._clock = clock
        # Within a process, SQLite's writers queue here in order, since its busy handler may starve
        # one.
        self._writer = asyncio.Lock()
        self.engine = create_engine(self.url, without_timeouts=without_timeouts)
        # At PostgreSQL's isolation level, each statement sees a snapshot of its own anyway; so
        # beginning and ending a transaction would only take two more round trips.
        self._reader = (
            self.engine.execution_options(isolation_level="AUTOCOMMIT")
            if self.postgres
            else self.engine
        )
        self.statement_times = Timings()
        """Durations of statements by their first word, such as `select`."""
        self.transaction_times = Timings()
        """Durations of `read` and `write`, including the wait for a connection or lock."""
        time_statements(self.engine.sync_engine, self.statement_times)
        self.write_troubles = 0
        """Number of writes that failed or waited long. Reads may work all the while: with a full
        disk, a program that holds SQLite's lock, or a standby."""

    @property
    def location(self) -> str:
        """Its location for display: a file, or a URL without the password."""
        file = None if self.postgres else self.url.database
        return file or redacted(self.url.render_as_string())

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    async def now_in(self, connection: AsyncConnection) -> float:
        """As `now`, on an open connection."""
        # Machines' clocks differ, so PostgreSQL's own decides. All users of a SQLite file are on
        # one machine.
        if self._clock is not None:
            return self._clock()
        if self.postgres:
            return float((await connection.execute(sa.select(_POSTGRES_NOW))).scalar_one())
        return time.time()

    async def _set_durability(self, connection: AsyncConnection, *, durable: bool) -> float:
        """Set the transaction's durability and read the clock, in one statement."""
        asked: list[sa.ColumnElement[Any]] = []
        if self._clock is None:
            asked.append(_POSTGRES_NOW)
        if not durable:
            asked.append(sa.func.set_config("synchronous_commit", "off", True))
        if not asked:
            return await self.now_in(connection)
        row = (await connection.execute(sa.select(*asked))).one()
        return float(row[0]) if self._clock is None else self._clock()

    def machine_now(self) -> float:
        """This machine's time, which may differ from the database's; for predictions.

        A prediction is an interval from now, so any clock will do.
        """
        return (self._clock or time.time)()

    async def now(self) -> float:
        """The database's time, in seconds since 1970."""
        if self._clock is not None or not self.postgres:
            return self.machine_now()
        async with self.read_now() as (_, now):
            return now

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """For statements that read, on SQLite of one snapshot.

        Raises:
            QueueUnavailableError: when the database cannot be reached.
        """
        with self.transaction_times.measured(READ):
            async with translated(), self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def read_now(self) -> AsyncIterator[tuple[AsyncConnection, float]]:
        """As `read`, with the database's time."""
        async with self.read() as connection:
            yield connection, await self.now_in(connection)

    async def all(self, statement: sa.Executable) -> Sequence[Row]:
        """All rows, in a reading transaction of its own."""
        async with self.read() as connection:
            return (await connection.execute(statement)).all()

    async def one_or_none(self, statement: sa.Executable) -> Row | None:
        """The only row, if there is one, in a reading transaction of its own."""
        async with self.read() as connection:
            return (await connection.execute(statement)).one_or_none()

    async def scalars(self, statement: sa.Executable) -> Sequence[Any]:
        """The first value of each row, in a reading transaction of its own."""
        async with self.read() as connection:
            return (await connection.scalars(statement)).all()

    async def execute(self, statement: sa.Executable, *, durable: bool = True) -> int:
        """Run one statement in its own writing transaction; returns the number of changed rows."""
        async with self.write(durable=durable) as transaction:
            return (await transaction.execute(statement)).rowcount

    @asynccontextmanager
    async def write(self, *, durable: bool = True) -> AsyncIterator[Transaction]:
        """A writing transaction: committed at the end, rolled back on any error.

        Args:
            durable: whether it must survive a crash of the server. A heartbeat or progress need
                not: without the wait for the disk (`synchronous_commit = off`) it commits sooner,
                and transactions that notify commit one after the other.

        Raises:
            QueueUnavailableError: when the database is locked, full or unreachable. Nothing was
                written, unless the connection broke while committing. All operations of the queue
                are therefore safe to repeat.
        """
        asked_at = time.monotonic()
        with self.transaction_times.measured(WRITE):
            try:
                async with self._writing(durable=durable) as transaction:
                    if time.monotonic() - asked_at > LONG_WAIT_SECONDS:
                        self.write_troubles += 1
                    yield transaction
            except QueueUnavailableError:
                self.write_troubles += 1
                raise

    async def try_to_write(self, seconds: float) -> None:
        """Check that a SQLite database can be written; reads do not show that.

        Args:
            seconds: how long to wait for the write lock.

        Raises:
            DatabaseLockedError: when another program holds the lock all the while.
            QueueUnavailableError: when it cannot be written for another reason.
        """
        if self.postgres:
            return
        try:
            await asyncio.to_thread(begin_writing, self.location, seconds)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise DatabaseLockedError(self.location) from error
            raise sqlite_unusable(error) from error

    @asynccontextmanager
    async def _writing(self, *, durable: bool) -> AsyncIterator[Transaction]:
        if self.postgres:
            async with translated(), self.engine.begin() as connection:
                now = await self._set_durability(connection, durable=durable)
                yield Transaction(connection, now, postgres=True)
            return
        async with self._writer, translated(), self.engine.connect() as connection:
            writing = await connection.execution_options(atelier_write=True)
            async with writing.begin():
                yield Transaction(writing, await self.now_in(writing), postgres=False)
