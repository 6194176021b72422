"""SQLite connections that need one round trip to their thread per statement.

An aiosqlite connection has a thread of its own. SQLAlchemy would go there separately for the
cursor, the statement, its rows and closing the cursor. Each round trip is two thread switches,
which take longer than most statements, and on a busy machine may wait for a processor, all with the
write lock held.
"""

import sqlite3
import threading
import time
from collections.abc import Sequence
from typing import Any

import aiosqlite

POLL_SECONDS = 0.03
_BEGIN, _BEGIN_WRITING = "BEGIN", "BEGIN IMMEDIATE"


class SqliteConnection(aiosqlite.Connection):
    """A connection that runs each statement and fetches its rows in one call."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Prepare it; awaiting it opens the file. The arguments are those of `sqlite3.connect`."""
        super().__init__(lambda: sqlite3.connect(*arguments, **options), iter_chunk_size=64)
        self._thread.daemon = True  # as SQLAlchemy sets it
        self._under_way = 0
        """Calls that the thread has not finished, including those whose waiter was cancelled."""
        self._begins = False
        self._writes = True
        self._waits: set[threading.Event] = set()
        """Set where nobody waits any more for another data version."""

    def cursor(self) -> "SqliteCursor":  # type: ignore[override]  # all that SQLAlchemy asks of one
        """A cursor; no SQLite cursor is opened yet."""
        return SqliteCursor(self)

    def begin(self) -> None:
        """Begin a transaction, which may read, with the next statement."""
        self._begins, self._writes = True, False

    async def run(self, statement: str, parameters: Any, *, many: bool) -> "_Answer":
        """Run a statement in the thread and fetch its result."""
        self._writes |= statement == _BEGIN_WRITING
        begins, self._begins = self._begins, False

        def work() -> _Answer:
            try:
                if begins:
                    self._conn.execute(_BEGIN)
                cursor = self._conn.cursor()
                try:
                    (cursor.executemany if many else cursor.execute)(statement, parameters)
                    rows = cursor.fetchall() if cursor.description else []
                    return _Answer(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
                finally:
                    cursor.close()
            except UnicodeDecodeError as error:  # SQLite quotes a damaged file in its message
                raise sqlite3.DatabaseError("database disk image is malformed") from error
            finally:
                self._under_way -= 1

        self._under_way += 1
        answer: _Answer = await self._execute(work)  # type: ignore[no-untyped-call]
        return answer

    async def data_version(self, known: int | None, seconds: float) -> int:
        """The number that changes with each commit, once it is not the known one.

        The thread polls by itself: asking it each time would wake the event loop each time.

        Args:
            known: the number that is waited out.
            seconds: after which the known one is returned, too.
        """
        nobody_waits = threading.Event()
        self._waits.add(nobody_waits)

        def look() -> int:
            deadline = time.monotonic() + seconds
            while True:
                ((version,),) = self._conn.execute("PRAGMA data_version")
                left = deadline - time.monotonic()
                if version != known or left <= 0 or nobody_waits.wait(min(POLL_SECONDS, left)):
                    return int(version)

        try:
            version: int = await self._execute(look)  # type: ignore[no-untyped-call]
        finally:
            self._waits.discard(nobody_waits)
            nobody_waits.set()
        return version

    async def close(self) -> None:
        """Close it; who waits for another data version gets the known one."""
        for each in self._waits:
            each.set()
        await super().close()

    async def commit(self) -> None:
        """Commit, if there is something to commit."""
        if not self._is_clean():
            await super().commit()

    async def rollback(self) -> None:
        """Roll back, if there is something to roll back.

        After a read-only transaction it is not waited for: later statements on this connection run
        after it anyway.
        """
        if self._is_clean():
            return
        if self._writes:
            await super().rollback()
        else:
            self._tx.put_nowait((None, self._conn.rollback))

    def _is_clean(self) -> bool:
        """Whether no transaction is open or about to begin."""
        self._begins = False
        return not self._under_way and not self.in_transaction


class _Answer:
    """The result of a statement."""

    def __init__(
        self,
        rows: Sequence[Any] = (),
        description: Any = None,
        rowcount: int = -1,
        lastrowid: int | None = None,
    ) -> None:
        self.rows = rows
        self.description = description
        self.rowcount = rowcount
        self.lastrowid = lastrowid


class SqliteCursor:
    """The part of aiosqlite's cursor that SQLAlchemy uses; only `execute` goes to the thread."""

    arraysize = 1

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection
        self._answer = _Answer()

    async def __aenter__(self) -> "SqliteCursor":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to do: SQLite's cursor is closed already."""

    @property
    def description(self) -> Any:
        """The columns as in the DB-API; None if there are none."""
        return self._answer.description

    @property
    def rowcount(self) -> int:
        """Number of changed rows; -1 if unknown."""
        return self._answer.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The ID of the last inserted row."""
        return self._answer.lastrowid

    async def execute(self, statement: str, parameters: Any = ()) -> "SqliteCursor":
        """Run a statement."""
        self._answer = await self._connection.run(statement, parameters, many=False)
        return self

    async def executemany(self, statement: str, parameters: Any) -> "SqliteCursor":
        """Run a statement with each of these parameters."""
        self._answer = await self._connection.run(statement, parameters, many=True)
        return self

    async def fetchall(self) -> Sequence[Any]:
        """All rows."""
        return self._answer.rows

    async def close(self) -> None:
        """Nothing to do: SQLite's cursor is closed already."""
