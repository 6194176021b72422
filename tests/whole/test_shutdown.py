"""SIGTERM stops bot and engine although the database does not answer."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator

import asyncpg
import pytest
import sqlalchemy as sa

from bench import postgres
from bench.proxy import proxy_to
from sandbox.bot_process import STOP_WITHIN_SECONDS
from tests.kit.installation import EXTERNAL_ENGINE, Installation

pytestmark = pytest.mark.slow


async def wait_for_engine(url: sa.URL) -> None:
    """Wait until an engine is registered."""
    connection = await asyncpg.connect(
        host=url.host, port=url.port, user=url.username, database=url.database
    )
    try:
        async with asyncio.timeout(90):
            while not await connection.fetchval("SELECT count(*) FROM engines"):
                await asyncio.sleep(0.2)
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def running(
    program: str, installation: Installation, database: str
) -> AsyncIterator[Process]:
    """Start the bot or an engine with this database."""
    changes = EXTERNAL_ENGINE | {"ATELIER_DATABASE_URL": database}
    if program == "bot":
        async with installation.bot(changes) as bot:
            yield bot._process
        return
    engine = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "engine"), env=installation.environment(changes)
    )
    try:
        await wait_for_engine(sa.make_url(database))
        yield engine
    finally:
        with contextlib.suppress(ProcessLookupError):
            engine.kill()


@pytest.mark.parametrize("program", ["bot", "engine"])
async def test_silent_database_does_not_delay_shutdown(
    installation: Installation, postgres_server: postgres.Server, program: str
) -> None:
    name = f"stopping_{program}"
    await postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE atelier_template")
    url = sa.make_url(postgres_server.url(name))
    assert url.host is not None
    async with proxy_to(url.host, url.port or 5432) as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port)
        database = through.render_as_string(hide_password=False)
        async with running(program, installation, database) as process:
            proxy.silence()
            process.terminate()
            assert await asyncio.wait_for(process.wait(), STOP_WITHIN_SECONDS) == 0
            proxy.mend()
