"""PostgreSQL on a line that stays open and says nothing more: an error within our own limit."""

import asyncio
import time
from typing import Any

import pytest
import sqlalchemy as sa

from bench import postgres
from bench.proxy import proxy_to
from jobs.db import addresses, listeners
from jobs.outcomes import DatabaseAddressError, QueueUnavailableError
from jobs.queue import JobQueue
from tests.kit.samples import Place, accepted


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "STATEMENT_SECONDS", 0.5)
    monkeypatch.setattr(addresses, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(listeners, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(listeners, "ANSWER_SECONDS", 0.5)


async def test_a_silent_database_is_an_error_and_is_used_again_when_it_speaks(
    place: Place,
) -> None:
    assert place.database_url is not None
    url = sa.make_url(place.database_url)
    assert url.host is not None
    async with proxy_to(url.host, url.port or 5432) as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port)
        far = Place(place.folder, through.render_as_string(hide_password=False))
        async with await JobQueue.open(far.settings()) as queue:
            job = await accepted(queue)
            for _ in range(3):
                await queue.wait_for_work(0.1)
            proxy.silence()
            async with asyncio.timeout(20):  # each of the four has a limit of its own
                with pytest.raises(QueueUnavailableError):
                    await queue.jobs.get(job.id)
                with pytest.raises(QueueUnavailableError):
                    await queue.jobs.cancel(job.id, 1)
                claims = (queue.claims.claim("engine") for _ in range(20))
                for said in await asyncio.gather(*claims, return_exceptions=True):
                    assert isinstance(said, QueueUnavailableError)
                with pytest.raises(QueueUnavailableError):
                    await heard(queue)
            proxy.mend()
            assert await queue.claims.claim("engine") is not None
            await queue.wait_for_work(0.5)


async def test_a_connection_that_could_not_begin_to_listen_is_not_taken_for_one_that_does(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place.database_url is not None
    asyncpg = pytest.importorskip("asyncpg")
    opened: list[Any] = []
    connect, add_listener = asyncpg.connect, asyncpg.Connection.add_listener

    async def connected(*arguments: Any, **named: Any) -> Any:
        opened.append(await connect(*arguments, **named))
        return opened[-1]

    async def lost(*_: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(asyncpg, "connect", connected)
    async with await JobQueue.open(place.settings()) as queue:
        monkeypatch.setattr(asyncpg.Connection, "add_listener", lost)
        with pytest.raises(QueueUnavailableError):
            await queue.wait_for_work(0.1)
        assert opened[-1].is_closed()
        monkeypatch.setattr(asyncpg.Connection, "add_listener", add_listener)
        await queue.wait_for_work(0.1)
        monkeypatch.setattr(asyncpg.Connection, "add_listener", lost)
        opened[-1].terminate()
        with pytest.raises(QueueUnavailableError):
            await heard(queue)
        with pytest.raises(QueueUnavailableError):
            await heard(queue)  # it did not begin to listen meanwhile
        monkeypatch.setattr(asyncpg.Connection, "add_listener", add_listener)
        await queue.wait_for_work(0.1)
        await accepted(queue)
        await heard(queue)


async def heard(queue: JobQueue) -> None:
    while not await queue.wait_for_work(0.5):
        pass


async def test_the_server_gives_up_what_a_client_that_sleeps_holds(
    template: postgres.Server, place: Place
) -> None:
    assert isinstance(template, postgres.Server)
    async with await JobQueue.open(place.settings()) as queue, queue.database.read() as connection:
        for name, value in addresses._SERVER_LIMITS.items():
            said = await connection.scalar(sa.text(f"SHOW {name}"))
            assert str(said).removesuffix("s") == value.removesuffix("s"), name


@pytest.mark.parametrize(
    "limit", ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"]
)
async def test_limits_of_the_servers_owner_are_no_fault_of_the_queue(
    place: Place, limit: str
) -> None:
    address = f"{place.database_url}?options=-c%20{limit}%3D200ms"
    strict = Place(place.folder, address)
    async with (
        await JobQueue.open(place.settings()) as other,
        await JobQueue.open(strict.settings()) as queue,
    ):
        job = await accepted(queue)
        async with other.database.write() as transaction:
            await transaction.execute(sa.text("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
            is_idle = limit.startswith("idle")
            work = asleep_amid_a_transaction(queue) if is_idle else queue.jobs.cancel(job.id, 1)
            with pytest.raises(QueueUnavailableError):
                await work
        assert await queue.claims.claim("engine") is not None


async def asleep_amid_a_transaction(queue: JobQueue) -> None:
    async with queue.database.write() as transaction:
        time.sleep(0.5)  # noqa: ASYNC251 - the whole process, as a laptop does
        await transaction.execute(sa.text("SELECT 1"))


async def test_a_pooler_that_gives_each_transaction_a_connection_is_refused_by_name(
    place: Place,
) -> None:
    async with await JobQueue.open(place.settings()) as queue:
        job = await accepted(queue)
        async with queue.database.read() as connection:
            await connection.exec_driver_sql("DEALLOCATE ALL")  # as on a connection of another's
        with pytest.raises(DatabaseAddressError, match="a pooler, such as PgBouncer"):
            await asyncio.gather(*(queue.jobs.get(job.id) for _ in range(2)))


async def test_a_pooler_that_refuses_what_a_session_begins_with_is_named(place: Place) -> None:
    fields = b"SFATAL\0C08P01\0Munsupported startup parameter: plan_cache_mode\0\0"

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.read(4096)
        if asked[4:8] == (80877103).to_bytes(4):  # whether it speaks TLS
            writer.write(b"N")
            await reader.read(4096)
        writer.write(b"E" + (len(fields) + 4).to_bytes(4) + fields)
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        far = Place(place.folder, f"postgresql+asyncpg://atelier@127.0.0.1:{port}/atelier")
        with pytest.raises(DatabaseAddressError, match="ignore those startup parameters"):
            await JobQueue.open(far.settings())
