"""How a process notices that others have changed the queue.

On SQLite one connection asks for `PRAGMA data_version` every 30 ms: a number in the file's
shared memory that changes when somebody commits. It takes no lock and reads no page. On
PostgreSQL the server sends a NOTIFY, and nothing is asked at all.
"""

import asyncio
import contextlib
from typing import Any

import aiosqlite

from jobs.db.addresses import connect_arguments, keep_alive, reaching
from jobs.db.connecting import plainly
from jobs.db.database import CHANGED_TOPIC, QUEUED_TOPIC, Database
from jobs.outcomes import QueueUnavailableError

POLL_SECONDS = 0.03
SILENCE_SECONDS = 25.0
"""A connection that told nothing for this time is asked whether it still can."""
ANSWER_SECONDS = 5.0
_PARTS = 4
"""Of a notification: connection, process, topic, what it is about."""
_ANYTHING = "*"
"""What may have been said where nobody listened."""


async def listen(database: Database, *topics: str) -> "_Notifications | _DataVersion":
    """Begin to listen; what changes from now on is noticed.

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
        self._connection: aiosqlite.Connection | None = None
        self._version: int | None = None
        """The last that was seen by this connection; another's says nothing."""

    async def connect(self) -> None:
        """Note the version from which on changes are noticed."""
        self._version = await self._ask()

    async def _ask(self) -> int:
        try:
            if self._connection is None:
                self._connection = await aiosqlite.connect(self._path, isolation_level=None)
            # In one go: each step of a cursor would be a walk to the connection's thread and back.
            rows = await self._connection.execute_fetchall("PRAGMA data_version")
        except aiosqlite.Error as error:
            await self.close()  # a new connection may find the file well again
            sentence = f"The database cannot be used at the moment: {plainly(error)}"
            raise QueueUnavailableError(sentence) from error
        return int(next(iter(rows))[0])

    async def wait(self, timeout_seconds: float, about: str | None = None) -> bool:  # noqa: ARG002 - a number says nothing of what
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        while True:
            version = await self._ask()
            if version != self._version:
                self._version = version
                return True
            left = deadline - loop.time()
            if left <= 0:
                return False
            await asyncio.sleep(min(POLL_SECONDS, left))

    async def close(self) -> None:
        connection, self._connection, self._version = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(aiosqlite.Error):
                await connection.close()


class _Notifications:
    """Listens on PostgreSQL's channels, on a connection of its own."""

    def __init__(self, database: Database, topics: tuple[str, ...]) -> None:
        self._url = database.url
        self._topics = topics
        self._changed = asyncio.Event()
        self._about: set[str] = set()
        self._heard_at = float("-inf")
        self._connection: Any = None

    async def connect(self) -> None:
        with reaching() as asyncpg:
            connection = await asyncpg.connect(**connect_arguments(self._url))
            try:
                keep_alive(connection)
                # What is said after that is not heard: who waits has to look, and connect again.
                connection.add_termination_listener(self._heard)
                for topic in self._topics:
                    await connection.add_listener(topic, self._heard)
            except BaseException:
                connection.terminate()  # one that hears nothing is not taken for one that does
                raise
            self._connection = connection
        # Whatever was said while nobody listened is taken as said.
        self._heard()

    def _heard(self, *said: object) -> None:
        """Note what was said: by which connection, process, on which topic, about what."""
        self._about.add(str(said[3]) if len(said) == _PARTS else _ANYTHING)
        self._heard_at = asyncio.get_running_loop().time()
        self._changed.set()

    async def wait(self, timeout_seconds: float, about: str | None = None) -> bool:
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
            await self._look()
            return False

    async def _look(self) -> None:
        """See whether the server is there, when it has said nothing for a while."""
        now = asyncio.get_running_loop().time()
        if now - self._heard_at < SILENCE_SECONDS:
            return
        try:
            await self._connection.execute("SELECT 1", timeout=ANSWER_SECONDS)
            self._heard_at = now
        except Exception as error:
            # Whatever it is: this connection tells nothing any more.
            self._connection.terminate()
            raise QueueUnavailableError("The database does not answer.") from error

    async def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                await self._connection.close(timeout=2.0)


class Listeners:
    """The listeners of one process, opened when they are first needed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: dict[tuple[str, ...], _Notifications | _DataVersion] = {}
        self._opening = asyncio.Lock()

    async def wait(self, timeout_seconds: float, *topics: str, about: str | None = None) -> bool:
        """Whether something changed since the last call; False when the time ran out first.

        Args:
            timeout_seconds: how long to wait.
            topics: of the change; none: any.
            about: leave out what is known to be about something else.
        """
        async with self._opening:
            listener = self._open.get(topics)
            if listener is None:
                listener = await listen(self._database, *topics)
                self._open[topics] = listener
                # What changed before this first question is not known: better asked once too
                # often than missed.
                return True
        return await listener.wait(timeout_seconds, about)

    async def close(self) -> None:
        """Stop listening."""
        for listener in self._open.values():
            await listener.close()
        self._open.clear()
