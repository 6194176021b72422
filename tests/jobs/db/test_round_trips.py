"""Round trips to a distant PostgreSQL per read and write, and lost connections."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from jobs.db import connecting
from jobs.db.database import Database, lock_number
from jobs.db.listeners import listen
from jobs.outcomes import QueueUnavailableError
from tests.kit.samples import Storage

pytestmark = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
ONE = sa.select(sa.literal(1))
READY = b"Z"
"""With this message the server ends each of its answers."""
SHUTDOWN = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"


@dataclass
class Proxy:
    """A proxy between the client and the database that counts answers and can reset connections."""

    address: str
    answers: int = 0
    """The number of the server's answers, each of which the client waited for."""
    connections: int = 0
    lost_connections: int = 0
    """The number of connections to reset at their next use, as by a restarted router."""
    ends_at_once: bool = False
    """Whether the server says right after it accepted a connection that it shuts down."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        port = urlsplit(self.address).port
        from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        answering = asyncio.create_task(self._answer(from_server, writer))
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if number <= self.lost_connections:
                    writer.transport.abort()
                    break
                to_server.write(data)
        answering.cancel()
        to_server.close()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(1)
        writer.write(first)  # the answer that it has no TLS
        while True:
            kind, length = await reader.readexactly(1), await reader.readexactly(4)
            body = await reader.readexactly(int.from_bytes(length) - 4)
            self.answers += kind == READY
            writer.write(kind + length + body)
            if kind == READY and self.ends_at_once:
                writer.write(b"E" + (len(SHUTDOWN) + 4).to_bytes(4) + SHUTDOWN)


@asynccontextmanager
async def through_proxy(storage: Storage) -> AsyncIterator[tuple[Database, Proxy]]:
    url = storage.settings().database_url
    proxy = Proxy(url)
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        database = Database(url.replace(f":{urlsplit(url).port}/", f":{port}/"))
        try:
            yield database, proxy
        finally:
            await database.close()


async def test_read_takes_one_round_trip_and_a_write_three_more_than_its_statements(
    storage: Storage,
) -> None:
    """With a server on another continent, each round trip adds a fraction of a second."""
    async with through_proxy(storage) as (database, proxy):

        async def round_trips_of_read() -> int:
            before = proxy.answers
            await database.all(ONE)
            return proxy.answers - before

        async def round_trips_of_write() -> int:
            before = proxy.answers
            async with database.write() as transaction:
                await transaction.execute(ONE)
                await transaction.execute(ONE)
            return proxy.answers - before

        await round_trips_of_read(), await round_trips_of_write()  # which prepare these statements
        assert await round_trips_of_read() == 1
        assert await round_trips_of_write() == 3 + 2, "its begin, the time, and its end"
        assert proxy.connections == 1


async def test_several_locks_take_one_round_trip_and_are_all_held(storage: Storage) -> None:
    names = [f"atelier-picture:{number}" for number in range(5)]
    free = sa.select(*(sa.func.pg_try_advisory_xact_lock(lock_number(name)) for name in names))
    theirs, round_trips = Database(storage.settings().database_url), 0
    async with through_proxy(storage) as (database, proxy), contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(theirs.close)
        for _ in range(2):  # the first prepares the statement
            async with database.write() as transaction:
                before = proxy.answers
                await transaction.lock(*names, names[0])
                round_trips = proxy.answers - before
                (held,) = await theirs.all(free)
                assert tuple(held) == (False,) * 5
        assert round_trips == 1
        (released,) = await theirs.all(free)
        assert tuple(released) == (True,) * 5


async def test_connection_lost_while_idle_is_replaced_without_an_error(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "UNCHECKED_SECONDS", 0.0)
    async with through_proxy(storage) as (database, proxy):
        await database.all(ONE)
        proxy.lost_connections = 1
        assert [tuple(row) for row in await database.all(ONE)] == [(1,)]
        assert proxy.connections == 2


async def test_connection_lost_in_use_is_an_error_once(storage: Storage) -> None:
    async with through_proxy(storage) as (database, proxy):
        await database.all(ONE)
        proxy.lost_connections = 1
        with pytest.raises(QueueUnavailableError, match="connection"):
            await database.all(ONE)
        assert [tuple(row) for row in await database.all(ONE)] == [(1,)]


async def test_connection_ended_as_it_begins_is_an_error_of_the_database(storage: Storage) -> None:
    """The driver raises an error of its own there, which once ended the engine."""
    async with through_proxy(storage) as (database, proxy):
        proxy.ends_at_once = True
        with pytest.raises(QueueUnavailableError, match="connection to the database was lost"):
            await listen(database)
        with pytest.raises(QueueUnavailableError, match="connection to the database was lost"):
            await database.all(ONE)
