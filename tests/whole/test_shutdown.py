"""SIGTERM stops bot and engine although the database does not answer."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest

from bench import postgres
from bench.proxy import proxy_to
from sandbox.bot_process import STOP_WITHIN_SECONDS
from tests.kit.forked import ROOT, ForkServer
from tests.kit.installation import EXTERNAL_ENGINE, Installation

pytestmark = pytest.mark.slow


async def wait_for_engine(database: str) -> None:
    """Wait until an engine is registered."""
    connection = await asyncpg.connect(database.replace("+asyncpg", ""))
    try:
        async with asyncio.timeout(90):
            while not await connection.fetchval("SELECT count(*) FROM engines"):
                await asyncio.sleep(0.2)
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def running(
    program: str, installation: Installation, fork_server: ForkServer, database: str
) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Start the bot or an engine with this database.

    What is yielded sends SIGTERM and returns the exit status; it kills what does not exit in time.
    """
    changes = EXTERNAL_ENGINE | {"ATELIER_DATABASE_URL": database}
    if program == "bot":
        async with installation.bot(changes) as bot:
            yield bot.stop
        return
    engine = fork_server.start(["engine"], cwd=ROOT, env=installation.environment(changes))

    async def stop_engine() -> int:
        engine.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(engine.wait, STOP_WITHIN_SECONDS)

    try:
        await wait_for_engine(database)
        yield stop_engine
    finally:
        engine.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("program", ["bot", "engine"])
async def test_silent_database_does_not_delay_shutdown(
    installation: Installation,
    fork_server: ForkServer,
    postgres_server: postgres.Server,
    program: str,
) -> None:
    name = f"stopping_{program}"
    await postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE atelier_template")
    async with proxy_to("127.0.0.1", postgres_server.port) as proxy:
        database = replace(postgres_server, port=proxy.port).url(name)
        async with running(program, installation, fork_server, database) as stop:
            proxy.silence()
            assert await stop() == 0
            proxy.mend()
