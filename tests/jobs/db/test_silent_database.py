"""PostgreSQL on a connection that stays open without answers: errors within our own timeouts."""

import asyncio
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from bench import postgres
from bench.proxy import proxy_to
from jobs.db import addresses, listeners
from jobs.db.database import Database
from jobs.outcomes import QueueUnavailableError
from jobs.queue import JobQueue
from tests.kit.samples import Storage, submit_job


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "STATEMENT_SECONDS", 0.5)
    monkeypatch.setattr(addresses, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(listeners, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(listeners, "ANSWER_SECONDS", 0.5)


async def test_silent_database_raises_until_the_connection_recovers(
    storage: Storage,
) -> None:
    assert storage.database_url is not None
    url = sa.make_url(storage.database_url)
    assert url.host is not None
    async with proxy_to(url.host, url.port or 5432) as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port)
        proxied = Storage(storage.folder, through.render_as_string(hide_password=False))
        async with await JobQueue.open(proxied.settings()) as queue:
            job = await submit_job(queue)
            for _ in range(3):
                await queue.wait_for_work(0.1)
            proxy.silence()
            async with asyncio.timeout(20):  # each of the four calls has its own timeout
                with pytest.raises(QueueUnavailableError):
                    await queue.jobs.get(job.id)
                with pytest.raises(QueueUnavailableError):
                    await queue.jobs.cancel(job.id, 1)
                claims = (queue.claims.claim("engine") for _ in range(20))
                for outcome in await asyncio.gather(*claims, return_exceptions=True):
                    assert isinstance(outcome, QueueUnavailableError)
                with pytest.raises(QueueUnavailableError):
                    await wait_until_woken(queue)
            proxy.mend()
            assert await queue.claims.claim("engine") is not None
            await queue.wait_for_work(0.5)


async def test_connection_that_failed_to_listen_is_not_reused_as_listener(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert storage.database_url is not None
    asyncpg = pytest.importorskip("asyncpg")
    opened: list[Any] = []
    connect, add_listener = asyncpg.connect, asyncpg.Connection.add_listener

    async def record_connection(*arguments: Any, **options: Any) -> Any:
        opened.append(await connect(*arguments, **options))
        return opened[-1]

    async def raise_timeout(*_: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(asyncpg, "connect", record_connection)
    async with await JobQueue.open(storage.settings()) as queue:
        monkeypatch.setattr(asyncpg.Connection, "add_listener", raise_timeout)
        with pytest.raises(QueueUnavailableError):
            await queue.wait_for_work(0.1)
        assert opened[-1].is_closed()
        monkeypatch.setattr(asyncpg.Connection, "add_listener", add_listener)
        await queue.wait_for_work(0.1)
        monkeypatch.setattr(asyncpg.Connection, "add_listener", raise_timeout)
        opened[-1].terminate()
        with pytest.raises(QueueUnavailableError):
            await wait_until_woken(queue)
        with pytest.raises(QueueUnavailableError):
            await wait_until_woken(queue)  # it has not started to listen meanwhile
        monkeypatch.setattr(asyncpg.Connection, "add_listener", add_listener)
        await queue.wait_for_work(0.1)
        await submit_job(queue)
        await wait_until_woken(queue)


async def wait_until_woken(queue: JobQueue) -> None:
    while not await queue.wait_for_work(0.5):
        pass


async def test_session_has_the_configured_server_limits(
    template: postgres.Server, storage: Storage
) -> None:
    assert isinstance(template, postgres.Server)
    async with (
        await JobQueue.open(storage.settings()) as queue,
        queue.database.read() as connection,
    ):
        for name, value in addresses._SERVER_LIMITS.items():
            shown = await connection.scalar(sa.text(f"SHOW {name}"))
            assert str(shown).removesuffix("s") == value.removesuffix("s"), name


LIMITS = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")


async def test_bot_sessions_have_timeouts_and_migration_sessions_do_not(storage: Storage) -> None:
    assert storage.database_url is not None
    async with await JobQueue.open(storage.settings()) as queue:
        assert "0" not in await session_settings(queue.database, LIMITS)
    without_timeouts = Database(storage.database_url, without_timeouts=True)
    assert set(await session_settings(without_timeouts, LIMITS)) == {"0"}
    await without_timeouts.close()


async def session_settings(database: Database, names: Sequence[str]) -> list[str]:
    async with database.read() as connection:
        return [str(await connection.scalar(sa.text(f"SHOW {name}"))) for name in names]


def test_connect_timeout_of_the_address_is_used() -> None:
    url = "postgresql://u@h/d"
    waits = [
        addresses.connect_arguments(addresses.parse_address(url + query))["timeout"]
        for query in ("?connect_timeout=3", "?connect_timeout=0", "")
    ]
    assert waits == [3.0, addresses.CONNECT_SECONDS, addresses.CONNECT_SECONDS]


@pytest.mark.skipif(sys.platform != "linux", reason="socket options differ by system")
async def test_connection_socket_uses_keepalive_and_user_timeout(storage: Storage) -> None:
    async with (
        await JobQueue.open(storage.settings()) as queue,
        queue.database.read() as connection,
    ):
        raw: Any = await connection.get_raw_connection()
        found = raw.driver_connection._transport.get_extra_info("socket")
        assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60
        assert 0 < found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 60_000


async def test_only_non_durable_writes_skip_synchronous_commit(
    template: postgres.Server, storage: Storage
) -> None:
    assert isinstance(template, postgres.Server)
    name = sa.make_url(storage.database_url or "").database
    # The tests' server has it off, to be fast.
    await template.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
    async with await JobQueue.open(storage.settings()) as queue:
        for durable in (False, True, False, True):
            async with queue.database.write(durable=durable) as transaction:
                shown = await transaction.scalar(sa.text("SHOW synchronous_commit"))
                assert shown == ("on" if durable else "off")


@pytest.mark.parametrize("limit", LIMITS)
async def test_timeouts_set_by_the_address_raise_queue_unavailable(
    storage: Storage, limit: str
) -> None:
    address = f"{storage.database_url}?options=-c%20{limit}%3D200ms"
    strict = Storage(storage.folder, address)
    async with (
        await JobQueue.open(storage.settings()) as other,
        await JobQueue.open(strict.settings()) as queue,
    ):
        job = await submit_job(queue)
        async with other.database.write() as transaction:
            await transaction.execute(sa.text("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
            is_idle = limit.startswith("idle")
            work = sleep_in_a_transaction(queue) if is_idle else queue.jobs.cancel(job.id, 1)
            with pytest.raises(QueueUnavailableError):
                await work
        assert await queue.claims.claim("engine") is not None


async def sleep_in_a_transaction(queue: JobQueue) -> None:
    async with queue.database.write() as transaction:
        time.sleep(0.5)  # noqa: ASYNC251 - blocks the whole process, as a sleeping laptop
        await transaction.execute(sa.text("SELECT 1"))
