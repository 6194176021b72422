"""Creates database connections, times their statements, and translates the drivers' errors."""

import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.timings import FAILED, OK, Timings
from jobs.db.addresses import connect_arguments, keep_alive
from jobs.db.asynchronous import AsyncEngine, create_async_engine
from jobs.db.postgres_errors import READ_ONLY, explained, lost, unreachable
from jobs.outcomes import QueueUnavailableError

BUSY_TIMEOUT_SECONDS = 30.0
"""How long a SQLite transaction waits for the lock of another process."""

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""SQLite's errors; of a damaged file it quotes what need not be UTF-8, which Python decodes."""

CACHE_KIB = 256
"""Page cache of each SQLite connection, in KiB."""

POOL_SECONDS = 15.0
"""How long a coroutine waits for a free connection of the pool."""


UNCHECKED_SECONDS = 10.0
"""A connection that was used within this time is not checked before its next use."""
_USED_AT = "atelier_used_at"
# No overflow: such connections are closed after each use, and opening one costs more than any
# statement. Last in, first out, so that an engine, which does one thing at a time, opens one or two
# of the ten.
_POOL: dict[str, Any] = {
    "hide_parameters": True,
    "pool_size": 10,
    "max_overflow": 0,
    "pool_use_lifo": True,
}


def time_statements(engine: sa.Engine, times: Timings) -> None:
    """Measure how long each statement takes, from sending it to its result."""

    def begins(*event: Any) -> None:
        event[4]._atelier_began = time.monotonic()  # noqa: SLF001 - the statement's own context

    def ends(*event: Any) -> None:
        _say(event[2], event[4], OK)

    def fails(error: sa.ExceptionContext) -> None:
        if error.statement is not None and error.execution_context is not None:
            _say(error.statement, error.execution_context, FAILED)

    def _say(statement: str, context: Any, outcome: str) -> None:
        began = getattr(context, "_atelier_began", None)
        if began is not None:
            operation = statement.split(None, 1)[0].lower()
            times.observe(operation, outcome, time.monotonic() - began)

    sa.event.listen(engine, "before_cursor_execute", begins)
    sa.event.listen(engine, "after_cursor_execute", ends)
    sa.event.listen(engine, "handle_error", fails)


def create_engine(url: sa.URL, *, without_timeouts: bool) -> AsyncEngine:
    """A pool of connections to a database; none is opened yet.

    Args:
        url: that `parse_address` returned.
        without_timeouts: whether statements run without timeouts, as a migration's.
    """
    if url.get_backend_name() == "postgresql":
        engine = create_async_engine(
            url.set(query={}),
            **_POOL,
            connect_args=connect_arguments(url, without_timeouts=without_timeouts),
            pool_timeout=POOL_SECONDS,
            # Whatever the server's default is: who waits for a lock has to see what was written
            # meanwhile.
            isolation_level="READ COMMITTED",
        )
        sa.event.listen(engine.sync_engine, "connect", _prepare_postgres)
        sa.event.listen(engine.sync_engine, "checkin", _note_use)
        sa.event.listen(engine.sync_engine, "checkout", _check_postgres)
        sa.event.listen(engine.sync_engine, "handle_error", _drop_read_only)
        return engine
    from jobs.db.sqlite_connection import SqliteConnection  # noqa: PLC0415 - its driver, too

    async def connected() -> Any:
        arguments, options = engine.dialect.create_connect_args(url)
        return await SqliteConnection(*arguments, timeout=BUSY_TIMEOUT_SECONDS, **options)

    engine = create_async_engine(url, **_POOL, async_creator=connected)
    sa.event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_postgres(dbapi_connection: Any, record: Any) -> None:
    keep_alive(dbapi_connection.driver_connection)
    _note_use(dbapi_connection, record)


def _note_use(_dbapi_connection: object, record: Any) -> None:
    record.info[_USED_AT] = time.monotonic()


def _check_postgres(dbapi_connection: Any, record: Any, _proxy: object) -> None:
    """Replace a connection that was lost in the pool.

    SQLAlchemy's own check (`pool_pre_ping`) takes three round trips before each transaction, which
    are most of its time where the server is far away. A server that ends closes its connections,
    which is known here; only one that was forgotten on the way has to be asked, and no router
    forgets one that was just used.

    Raises:
        sa.exc.InvalidatePoolError: it was lost, and so may be the others.
    """
    if dbapi_connection.driver_connection.is_closed():
        raise sa.exc.InvalidatePoolError
    if time.monotonic() - record.info[_USED_AT] > UNCHECKED_SECONDS:
        try:
            dbapi_connection.run_async(lambda connection: connection.fetchrow(";"))
        except TimeoutError:
            raise  # as the next one would
        except Exception as error:
            raise sa.exc.InvalidatePoolError from error


def _drop_read_only(context: sa.ExceptionContext) -> None:
    """Connect anew after a refused write: a connection stays read-only when its server is not."""
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True


def _prepare_sqlite(dbapi_connection: Any, _record: object) -> None:
    # The driver's own transaction handling is switched off: it begins transactions late, and a
    # reader that becomes a writer fails at once if another process has written meanwhile.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in (
        f"busy_timeout = {int(BUSY_TIMEOUT_SECONDS * 1000)}",
        "foreign_keys = ON",
        # An acknowledged job survives a power failure.
        "synchronous = FULL",
        # Per connection; the system caches the file for all of them.
        f"cache_size = -{CACHE_KIB}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def begin_writing(file: str, seconds: float) -> None:
    """Take SQLite's write lock and release it, with nothing written.

    Args:
        file: the database.
        seconds: how long to wait for the lock.

    Raises:
        sqlite3.OperationalError: when the lock is not available in that time, or the file cannot be
            written.
    """
    there = f"{Path(file).resolve().as_uri()}?mode=rw"  # does not create a missing file
    connection = sqlite3.connect(there, uri=True, timeout=seconds, isolation_level=None)
    with contextlib.closing(connection) as one:
        one.execute("BEGIN IMMEDIATE")
        one.execute("ROLLBACK")


def _begin_sqlite(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("atelier_write", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.connection.driver_connection.begin()  # type: ignore[union-attr]


_MEANINGS = {
    "disk I/O error": "its disk may be full, failing, or only to be read",
    "unable to open database file": "its folder may be closed to this user, or not to be written",
}
"""Likely causes of SQLite's error messages."""


def sqlite_reason(error: object) -> str:
    """SQLite's error message with its likely cause."""
    meaning = _MEANINGS.get(str(error))
    return f"{error} ({meaning})." if meaning else str(error)


def sqlite_unusable(error: object) -> QueueUnavailableError:
    """The error that a SQLite database cannot be used now, for this reason."""
    return QueueUnavailableError(
        f"The database cannot be used at the moment: {sqlite_reason(error)}"
    )


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Translate the drivers' errors about an unusable database into `QueueError`s."""
    try:
        yield
    except DBAPIError as error:
        cause = getattr(error.orig, "__cause__", None) or error.orig
        if (found := explained(cause or error)) is not None:
            raise found from error
        if error.connection_invalidated:
            raise lost(cause or error) from error
        if isinstance(error, OperationalError | InterfaceError):
            raise sqlite_unusable(error.orig) from error
        if type(error) is DatabaseError:
            # Not a subclass such as IntegrityError: SQLite's file is damaged.
            raise QueueUnavailableError(f"The database cannot be read: {error.orig}.") from error
        raise
    except PoolTimeoutError as error:
        raise QueueUnavailableError(
            "The database is too slow: all connections are in use."
        ) from error
    except (OSError, TimeoutError) as error:
        raise unreachable(error) from error
