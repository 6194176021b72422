"""Connection poolers before PostgreSQL: those that can be used, and those that are refused."""

import asyncio
import re

import pytest
import sqlalchemy as sa

from bench import postgres
from jobs.db.addresses import STARTUP_SETTINGS
from jobs.outcomes import DatabaseAddressError, is_transient
from jobs.queue import JobQueue
from tests.jobs.db.pgbouncer import running_pgbouncer
from tests.kit.samples import Storage, claim_job, submit_job


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


def through(port: int, storage: Storage) -> Storage:
    url = sa.make_url(storage.database_url or "").set(port=port)
    return Storage(storage.folder, url.render_as_string(hide_password=False))


async def test_session_pooler_that_ignores_what_the_refusal_names_is_used(
    storage: Storage, postgres_server: postgres.Server
) -> None:
    with (
        running_pgbouncer(postgres_server, "session") as port,
        pytest.raises(DatabaseAddressError, match="ignore_startup_parameters = ") as refusal,
    ):
        await JobQueue.open(through(port, storage).settings())
    named = re.search(r"ignore_startup_parameters = ([\w, ]+)", str(refusal.value))
    assert named is not None
    with running_pgbouncer(postgres_server, "session", named[1]) as port:
        async with await JobQueue.open(through(port, storage).settings()) as queue:
            while await queue.wait_for_work(0.01):
                pass
            waiting = asyncio.create_task(queue.wait_for_work(20))
            job = await submit_job(queue)
            assert await waiting
            assert (await claim_job(queue)).job.id == job.id


@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_pooler_that_shares_connections_is_refused_when_the_queue_is_opened(
    storage: Storage, postgres_server: postgres.Server, mode: str
) -> None:
    """With few connections it would work for a while, and lose notifications from the start."""
    with running_pgbouncer(postgres_server, mode, ", ".join(STARTUP_SETTINGS)) as port:
        expected = "a pooler, such as PgBouncer.*let it pool sessions"
        with pytest.raises(DatabaseAddressError, match=expected) as refusal:
            await JobQueue.open(through(port, storage).settings())
    assert not is_transient(refusal.value), "only another address helps"


async def test_connection_shared_by_a_pooler_is_refused_by_name(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        job = await submit_job(queue)
        await queue.jobs.get(job.id)
        async with queue.database.read() as connection:
            # As on a connection that a pooler shares.
            await connection.exec_driver_sql("DEALLOCATE ALL")
        with pytest.raises(DatabaseAddressError, match="a pooler, such as PgBouncer"):
            await asyncio.gather(*(queue.jobs.get(job.id) for _ in range(2)))
