"""Notices changes that other processes make to the queue.

On SQLite one connection polls `PRAGMA data_version` every 30 ms: a number in the file's shared
memory that changes with each commit. It takes no lock and reads no page. On PostgreSQL the server
sends a NOTIFY, and nothing is polled.
"""

import asyncio
import contextlib
from typing import Any

import aiosqlite

from jobs.db.addresses import connect_arguments, keep_alive
from jobs.db.connecting import sqlite_unusable
from jobs.db.database import CHANGED_TOPIC, QUEUED_TOPIC, Database
from jobs.db.postgres_errors import translating_asyncpg_errors
from jobs.db.sqlite_connection import SqliteConnection
from jobs.outcomes import QueueUnavailableError

SILENCE_SECONDS = 25.0
"""A connection that received nothing for this long is checked."""
ANSWER_SECONDS = 5.0
_PARTS = 4
"""Number of fields of a notification: connection, process, topic, payload."""
_ANYTHING = "*"
"""Payload that stands for any notification missed while not listening."""


async def listen(database: Database, *topics: str) -> "_Notifications | _DataVersion":
    """Begin to listen; changes from now on are noticed.

    Raises:
        QueueUnavailableError: when the database cannot be reached.
    """
    listener: _Notifications | _DataVersion
    if database.postgres:
        listener = _Notifications(database, topics or (CHANGED_TOPIC, QUEUED_TOPIC))
    else:
        listener = _DataVersion(str(database.url.database))
    await listener.connect()
    return listener


class _DataVersion:
    """Polls SQLite's data version on a connection that never writes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: SqliteConnection | None = None
        self._version: int | None = None
        """The last version seen by this connection; versions of other connections are not
        comparable."""

    async def connect(self) -> None:
        """Read the version after which changes are noticed."""
        self._version = await self._poll(0.0)

    async def wait(self, timeout_seconds: float, about: str | None) -> bool:  # noqa: ARG002 - a number says nothing of what
        known, self._version = self._version, await self._poll(timeout_seconds)
        return self._version != known

    async def _poll(self, seconds: float) -> int:
        """The version, as soon as it is another one, or after this time."""
        try:
            if self._connection is None:
                connection = SqliteConnection(self._path, isolation_level=None)
                await connection
                self._connection = connection
            return await self._connection.data_version(self._version, seconds)
        except aiosqlite.Error as error:
            await self.close()  # a new connection may find the file usable again
            raise sqlite_unusable(error) from error

    async def close(self) -> None:
        connection, self._connection, self._version = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(aiosqlite.Error):
                await connection.close()


class _Notifications:
    """Listens on PostgreSQL channels, on a separate connection."""

    def __init__(self, database: Database, topics: tuple[str, ...]) -> None:
        self._url = database.url
        self._topics = topics
        self._changed = asyncio.Event()
        self._about: set[str] = set()
        self._answered_at = float("-inf")
        self._connection: Any = None

    async def connect(self) -> None:
        with translating_asyncpg_errors() as asyncpg:
            connection = await asyncpg.connect(**connect_arguments(self._url))
            try:
                keep_alive(connection)
                # Later notifications are lost: wake the waiter, which connects again.
                connection.add_termination_listener(self._on_notification)
                for topic in self._topics:
                    await connection.add_listener(topic, self._on_notification)
            except BaseException:
                connection.terminate()  # a connection that is not listening must not be used
                raise
            self._connection = connection
        # Notifications may have been missed meanwhile.
        self._on_notification()

    def _on_notification(self, *said: object) -> None:
        """Record a notification: connection, process, topic, payload."""
        self._about.add(str(said[3]) if len(said) == _PARTS else _ANYTHING)
        self._answered_at = asyncio.get_running_loop().time()
        self._changed.set()

    async def wait(self, timeout_seconds: float, about: str | None) -> bool:
        if self._connection is None or self._connection.is_closed():
            await self.connect()
        try:
            async with asyncio.timeout(timeout_seconds):
                while True:
                    await self._changed.wait()
                    self._changed.clear()
                    heard, self._about = self._about, set()
                    if about is None or not heard.isdisjoint({about, _ANYTHING}):
                        return True
        except TimeoutError:
            await self._check_connection()
            return False

    async def _check_connection(self) -> None:
        """Check the connection after a while without notifications."""
        now = asyncio.get_running_loop().time()
        if now - self._answered_at < SILENCE_SECONDS:
            return
        try:
            await self._connection.execute("SELECT 1", timeout=ANSWER_SECONDS)
            self._answered_at = now
        except Exception as error:
            # The connection is unusable.
            self._connection.terminate()
            raise QueueUnavailableError("The database does not answer.") from error

    async def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                await self._connection.close(timeout=2.0)


class Listeners:
    """The listeners of one process, opened when first needed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: dict[tuple[str, ...], _Notifications | _DataVersion] = {}
        self._opening = asyncio.Lock()

    async def wait(self, timeout_seconds: float, *topics: str, about: str | None = None) -> bool:
        """Wait for a change since the last call; False on timeout.

        Args:
            timeout_seconds: how long to wait.
            topics: to wait for; none: any.
            about: ignore changes with another payload.
        """
        async with self._opening:
            listener = self._open.get(topics)
            if listener is None:
                listener = await listen(self._database, *topics)
                self._open[topics] = listener
                # Changes before the first call are unknown: better one check too many than a missed
                # change.
                return True
        return await listener.wait(timeout_seconds, about)

    async def close(self) -> None:
        """Stop listening."""
        for listener in self._open.values():
            await listener.close()
        self._open.clear()
