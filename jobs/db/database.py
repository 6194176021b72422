"""One door to the database: transactions, locks, the one clock, and its change signal.

SQLite and PostgreSQL differ here, in `jobs.db.connecting` and nowhere else: in how a writing
transaction begins, in how one waits for the other, and in how a change is noticed.
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

from common.timings import Timings
from jobs.db.addresses import parse_address
from jobs.db.asynchronous import AsyncConnection
from jobs.db.connecting import begin_writing, create_engine, plainly, time_statements, translated
from jobs.outcomes import DatabaseLockedError, QueueUnavailableError

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

Clock = Callable[[], float]
Record: TypeAlias = sa.Row[*tuple[Any, ...]]
"""A row of any table; its columns are named by the schema."""

READ, WRITE = "read", "write"

LONG_WAIT_SECONDS = 5.0
"""What is to be written seldom waits so long for its turn, unless another program holds all up."""

QUEUED_TOPIC = "atelier_queued"
"""PostgreSQL's channel that wakes engines."""
CHANGED_TOPIC = "atelier_changed"
"""PostgreSQL's channel that wakes the delivery."""
CANCELLED_TOPIC = "atelier_cancelled"
"""PostgreSQL's channel that tells an engine to stop painting a job, whose id goes with it."""


_POSTGRES_NOW = sa.func.extract("epoch", sa.func.clock_timestamp())


def lock_number(name: str) -> int:
    """The 64-bit number of a named advisory lock."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A connection inside a writing transaction, and the time at which it began."""

    connection: AsyncConnection
    now: float
    """Seconds since 1970 of the one clock that all leases are judged by."""
    postgres: bool

    async def execute(self, statement: sa.Executable, values: Any = None) -> sa.CursorResult[Any]:
        """What came of a statement."""
        return await self.connection.execute(statement, values)

    async def scalar(self, statement: sa.Executable) -> Any:
        """The first value of the first row, or None."""
        return await self.connection.scalar(statement)

    async def scalars(self, statement: sa.Executable) -> Sequence[Any]:
        """The first value of each row."""
        return (await self.connection.scalars(statement)).all()

    async def all(self, statement: sa.Executable) -> Sequence[Record]:
        """The rows."""
        return (await self.connection.execute(statement)).all()

    async def one_or_none(self, statement: sa.Executable) -> Record | None:
        """The only row, if there is one."""
        return (await self.connection.execute(statement)).one_or_none()

    async def replace(self, table: sa.Table, same: Mapping[str, Any], **values: Any) -> Record:
        """Insert a row, in the place of any that says the same in these columns; the new one."""
        where = [table.c[name] == value for name, value in same.items()]
        await self.execute(sa.delete(table).where(*where))
        inserted = sa.insert(table).values(**same, **values).returning(table)
        return (await self.execute(inserted)).one()

    async def lock(self, *names: str) -> None:
        """Hold these named locks until the transaction ends (in order, so none can deadlock).

        SQLite has one writer at a time, which is lock enough.
        """
        if self.postgres:
            for number in sorted(lock_number(name) for name in names):
                await self.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))

    def insert(self, table: sa.Table) -> "PostgresInsert | SqliteInsert":
        """An insertion that may say what to do about a row that is there already."""
        # The dialect that is not used stays out of memory.
        if self.postgres:
            from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415

            return insert(table)
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert  # noqa: PLC0415

        return sqlite_insert(table)

    async def notify(self, *topics: str, about: str = "") -> None:
        """Wake those who wait for these topics, once the transaction is committed.

        Args:
            topics: what happened.
            about: to what; see `jobs.db.listeners`.
        """
        if self.postgres:
            await self.execute(sa.select(*self.notifications(*topics, about=about)))

    def notifications(self, *topics: str, about: str = "") -> list[sa.ColumnElement[Any]]:
        """As `notify`, to be made by a statement that returns something."""
        if not self.postgres:
            return []
        return [sa.func.pg_notify(topic, about).label(topic) for topic in topics]


def heard_of(column: sa.ColumnElement[float], now: Any, seconds: float) -> sa.ColumnElement[bool]:
    """Whether a time that somebody wrote as a sign of life is a recent one.

    One that is yet to come was written before the clock was put back, and says nothing any more.
    """
    return sa.and_(column > now - seconds, column < now + seconds)


class Database:
    """The connections of one process to one database."""

    def __init__(self, url: str, clock: Clock | None = None, *, patient: bool = False) -> None:
        """Prepare the connections; none is made yet.

        Args:
            url: an address as the settings have it.
            clock: instead of the database's.
            patient: whether statements may take as long as they do, as a migration's.
        """
        self.url = parse_address(url)
        self.postgres = self.url.get_backend_name() == "postgresql"
        self._clock = clock
        # In one process SQLite's writers queue here, in order, and not in its busy handler,
        # which lets the unlucky starve.
        self._writer = asyncio.Lock()
        self.engine = create_engine(self.url, patient=patient)
        self.statement_times = Timings()
        """Of all statements, by their first word, such as `select`."""
        self.transaction_times = Timings()
        """Of `read` and `write` from the wish for one to its end, with what is done in between."""
        time_statements(self.engine.sync_engine, self.statement_times)
        self.write_troubles = 0
        """How often something could not be written, or had to wait long. To read may go on all
        the while: on a full disk, beside a program that holds SQLite's lock, on a standby."""

    @property
    def place(self) -> str:
        """Where it is, as a person is told: a file, or an address without its password."""
        file = None if self.postgres else self.url.database
        return file or self.url.render_as_string()

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    async def now_in(self, connection: AsyncConnection) -> float:
        """As `now`, asked on a connection that is open already."""
        # Engines on other machines have other clocks, so PostgreSQL's own decides. All users
        # of a SQLite file share a machine and so its clock.
        if self._clock is not None:
            return self._clock()
        if self.postgres:
            return float((await connection.execute(sa.select(_POSTGRES_NOW))).scalar_one())
        return time.time()

    async def _begun(self, connection: AsyncConnection, *, precious: bool) -> float:
        """Say what kind of transaction it is, and hear the time, in one statement."""
        asked: list[sa.ColumnElement[Any]] = []
        if self._clock is None:
            asked.append(_POSTGRES_NOW)
        if not precious:
            asked.append(sa.func.set_config("synchronous_commit", "off", True))
        if not asked:
            return await self.now_in(connection)
        row = (await connection.execute(sa.select(*asked))).one()
        return float(row[0]) if self._clock is None else self._clock()

    def machine_now(self) -> float:
        """The same of this machine's clock, which may differ: for what is said of the near future.

        What is expected in two minutes is expected in two minutes by every clock.
        """
        return (self._clock or time.time)()

    async def now(self) -> float:
        """Seconds since 1970 of the one clock."""
        if self._clock is not None or not self.postgres:
            return self.machine_now()
        async with self.read_now() as (_, now):
            return now

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A reading transaction, which sees one moment of the database (on SQLite).

        Raises:
            QueueUnavailableError: when the database cannot be reached.
        """
        with self.transaction_times.measured(READ):
            async with translated(), self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def read_now(self) -> AsyncIterator[tuple[AsyncConnection, float]]:
        """As `read`, with the time of the one clock."""
        async with self.read() as connection:
            yield connection, await self.now_in(connection)

    async def all(self, statement: sa.Executable) -> Sequence[Record]:
        """The rows, in a reading transaction of their own."""
        async with self.read() as connection:
            return (await connection.execute(statement)).all()

    async def one_or_none(self, statement: sa.Executable) -> Record | None:
        """The only row, if there is one, in a reading transaction of its own."""
        async with self.read() as connection:
            return (await connection.execute(statement)).one_or_none()

    async def scalars(self, statement: sa.Executable) -> Sequence[Any]:
        """The first value of each row, in a reading transaction of their own."""
        async with self.read() as connection:
            return (await connection.scalars(statement)).all()

    async def execute(self, statement: sa.Executable, *, precious: bool = True) -> int:
        """Write by one statement, which is a transaction of its own; how many rows it changed."""
        async with self.write(precious=precious) as transaction:
            return (await transaction.execute(statement)).rowcount

    @asynccontextmanager
    async def write(self, *, precious: bool = True) -> AsyncIterator[Transaction]:
        """A writing transaction: committed at the end, rolled back on any error.

        What is not `precious` (a heartbeat, a percentage) need not be on PostgreSQL's disk when
        it is committed: a crash of the server may undo it, never tear it. Transactions that
        notify commit one after the other, so it matters how long each takes.

        Raises:
            QueueUnavailableError: when the database is locked, full or unreachable. Nothing was
                written, unless the connection broke in the very act of committing; all
                operations of the queue may therefore be repeated.
        """
        asked_at = time.monotonic()
        with self.transaction_times.measured(WRITE):
            try:
                async with self._writing(precious=precious) as transaction:
                    if time.monotonic() - asked_at > LONG_WAIT_SECONDS:
                        self.write_troubles += 1
                    yield transaction
            except QueueUnavailableError:
                self.write_troubles += 1
                raise

    async def try_to_write(self, seconds: float) -> None:
        """See whether a SQLite database can be written, as what reads it does not tell.

        Args:
            seconds: how long to wait for others who write.

        Raises:
            DatabaseLockedError: when another program writes all the while.
            QueueUnavailableError: when it cannot be written for another reason.
        """
        if self.postgres:
            return
        try:
            await asyncio.to_thread(begin_writing, self.place, seconds)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise DatabaseLockedError(self.place) from error
            raise QueueUnavailableError(
                f"The database cannot be used at the moment: {plainly(error)}"
            ) from error

    @asynccontextmanager
    async def _writing(self, *, precious: bool) -> AsyncIterator[Transaction]:
        if self.postgres:
            async with translated(), self.engine.begin() as connection:
                now = await self._begun(connection, precious=precious)
                yield Transaction(connection, now, postgres=True)
            return
        async with self._writer, translated(), self.engine.connect() as connection:
            writing = await connection.execution_options(atelier_write=True)
            async with writing.begin():
                yield Transaction(writing, await self.now_in(writing), postgres=False)
