"""Data to back up, what happens after the backup, and what a restore makes of both."""

import io
from typing import Any

import asyncpg
from rich.console import Console

from jobs.cli import commands
from jobs.model import JobState
from jobs.queue import JobQueue
from tests.kit.samples import Storage, claim_job, paint_report, submit_job


def run(*arguments: str) -> tuple[int, str]:
    """Run `python -m jobs`; returns its exit status and output."""
    text = io.StringIO()
    code = commands.main(arguments, Console(file=text, width=300))
    return code, text.getvalue()


async def add_data(storage: Storage) -> tuple[str, str]:
    """Add a finished picture of user 1, a queued job of user 2 and a style of user 3."""
    async with await JobQueue.open(storage.settings()) as queue:
        await submit_job(queue, 1)
        result = await queue.store.put(b"the result", "png")
        await queue.claims.finish(await claim_job(queue), result, paint_report())
        await submit_job(queue, 2)
        style = await queue.store.put(b"a style", "png")
        await queue.styles.save("user", 3, "Mine", style, 3)
    return result, style


async def change_after_backup(storage: Storage) -> None:
    """Add two more jobs, and erase user 3, after the backup."""
    async with await JobQueue.open(storage.settings()) as queue:
        assert [(await submit_job(queue, 4)).id for _ in range(2)] == [3, 4]
        await queue.privacy.erase_user(3)


async def check_restored_data(storage: Storage, result: str) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        done, waited = await queue.jobs.get(1), await queue.jobs.get(2)
        assert done is not None
        assert waited is not None
        assert await queue.store.get(result) == b"the result"
        assert waited.state is JobState.CANCELLED
        assert "restored" in [event.kind for event in await queue.jobs.history(2)]
        assert await queue.deliveries.due() == []
        assert await queue.claims.claim("engine") is None
        assert await queue.styles.visible_to(3, None) == []
        assert (await submit_job(queue, 1)).id == 5


async def fetch_value(storage: Storage, statement: str) -> Any:
    """The result of a statement in a storage's PostgreSQL database."""
    address = (storage.database_url or "").replace("+asyncpg", "")
    connection = await asyncpg.connect(address)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def execute(url: str, statements: str) -> None:
    """Carry out statements in the PostgreSQL database of this address."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute(statements)
    finally:
        await connection.close()
