"""SQLite connections that go to their thread once a statement.

A connection of aiosqlite has a thread of its own, and SQLAlchemy goes there for the cursor, for the
statement, for its rows and for the cursor's end. Each way is two changes of threads: more than most
statements take, and on a busy machine a wait for a processor each, with the writers' lock held.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

import aiosqlite

_BEGIN, _BEGIN_WRITING = "BEGIN", "BEGIN IMMEDIATE"


class SqliteConnection(aiosqlite.Connection):
    """A connection whose statements are run and read in one go."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Prepare it; to await it opens the file. The arguments are those of `sqlite3.connect`."""
        super().__init__(lambda: sqlite3.connect(*arguments, **options), iter_chunk_size=64)
        self._thread.daemon = True  # as SQLAlchemy would have it
        self._under_way = 0
        """What the thread was given and has not done, also for who waits for it no more."""
        self._begins = False
        self._writes = True

    def cursor(self) -> "SqliteCursor":  # type: ignore[override]  # all that SQLAlchemy asks of one
        """A cursor; it is none of SQLite's yet."""
        return SqliteCursor(self)

    async def run(self, statement: str, parameters: Any, *, many: bool) -> "_Answer":
        """Run a statement in the thread and bring all that it returns."""
        if statement == _BEGIN:  # which does nothing before the statement that follows
            self._begins, self._writes = True, False
            return _Answer()
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
            finally:
                self._under_way -= 1

        self._under_way += 1
        answer: _Answer = await self._execute(work)  # type: ignore[no-untyped-call]
        return answer

    async def commit(self) -> None:
        """Commit, where there is something to commit."""
        if not self._is_clean():
            await super().commit()

    async def rollback(self) -> None:
        """Roll back, where there is something to roll back.

        Nobody waits for the end of what only read: whatever comes next on this connection, comes
        after it.
        """
        if self._is_clean():
            return
        if self._writes:
            await super().rollback()
        else:
            self._tx.put_nowait((None, self._conn.rollback))

    def _is_clean(self) -> bool:
        """Whether no transaction is open, or about to be."""
        self._begins = False
        return not self._under_way and not self.in_transaction


class _Answer:
    """What a statement returned."""

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
    """What SQLAlchemy asks of aiosqlite's cursor, without a way to the thread but `execute`."""

    arraysize = 1

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection
        self._answer = _Answer()

    async def __aenter__(self) -> "SqliteCursor":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to do: SQLite's own is closed."""

    @property
    def description(self) -> Any:
        """The columns, as the DB-API has them; None where there are none."""
        return self._answer.description

    @property
    def rowcount(self) -> int:
        """How many rows were changed; -1 where that is not known."""
        return self._answer.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The number of the row that was inserted last."""
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
        """Nothing to do: SQLite's own is closed."""
