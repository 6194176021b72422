"""Who is told to stop stops, whatever does not answer: nobody has to be killed."""

import asyncio
import sys

import asyncpg
import pytest
import sqlalchemy as sa

from bench import postgres
from bench.proxy import proxy_to
from sandbox.bot_process import STOP_WITHIN_SECONDS
from tests.kit.databases import postgres_server as postgres_server  # noqa: PLC0414 - a fixture
from tests.kit.installation import Installation

pytestmark = pytest.mark.slow


async def registered(url: sa.URL) -> None:
    """Wait until an engine is known."""
    connection = await asyncpg.connect(
        host=url.host, port=url.port, user=url.username, database=url.database
    )
    try:
        async with asyncio.timeout(90):
            while not await connection.fetchval("SELECT count(*) FROM engines"):
                await asyncio.sleep(0.2)
    finally:
        await connection.close()


@pytest.mark.parametrize("what", ["bot", "engine"])
async def test_a_database_that_answers_nothing_holds_up_no_shutdown(
    installation: Installation, postgres_server: postgres.Server, what: str
) -> None:
    await postgres_server.execute(f"CREATE DATABASE stopping_{what}")
    url = sa.make_url(postgres_server.url(f"stopping_{what}"))
    assert url.host is not None
    async with proxy_to(url.host, url.port or 5432) as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port)
        external = {
            "ATELIER_ENGINE": "external",
            "ATELIER_DATABASE_URL": through.render_as_string(hide_password=False),
        }
        async with installation.bot(external) as bot:
            process = bot._process
            if what == "engine":
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "engine"), env=installation.environment(external)
                )
                await registered(url)
            proxy.silence()
            process.terminate()
            code = await asyncio.wait_for(process.wait(), STOP_WITHIN_SECONDS)
            assert code == 0
            proxy.mend()
