"""Data to back up, what happens after the backup, and what a restore makes of both."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from jobs.model import JobState
from jobs.outcomes import QueueError
from jobs.queue import JobQueue
from tests.jobs.conftest import run
from tests.kit.samples import Storage, claim_job, paint_report, submit_job

ROOT = Path(__file__).resolve().parents[3]


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


async def find_no_room(*_: object) -> None:
    """In place of `settle`."""
    raise QueueError("There is no room.")


_KILLED_RESTORE = """
import os, sys
from jobs.cli import commands, restoring
restoring.settle = lambda *_: os._exit(9)
commands.main(["restore", sys.argv[1]])
"""


def restore_and_die(file: Path) -> None:
    """Restore a backup by a process that is killed once the database is replaced."""
    command = [sys.executable, "-c", _KILLED_RESTORE, str(file)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 9


def check_restored_after_a_kill(storage: Storage, copy: Path) -> None:
    """Nobody opens what a killed restore left, and another restore completes it."""
    asyncio.run(add_data(storage))
    assert run("backup", "--database-only", str(copy))[0] == 0
    asyncio.run(change_after_backup(storage))
    restore_and_die(copy)
    refused = "A restore into this database was cut off .* run it again, with the same backup, or "
    with pytest.raises(QueueError, match=refused) as refusal:
        asyncio.run(add_data(storage))
    restore_and_die(copy)  # what was there before is still the database of the first one
    with pytest.raises(QueueError) as again:
        asyncio.run(add_data(storage))
    assert str(again.value) == str(refusal.value)
    assert Path(str(refusal.value).partition("backup, or ")[2].partition(", which")[0]).is_file()
    assert run("restore", str(copy))[0] == 0

    async def next_number() -> int:
        async with await JobQueue.open(storage.settings()) as queue:
            waited = await queue.jobs.get(2)
            assert waited is not None
            assert waited.state is JobState.CANCELLED
            return (await submit_job(queue, 1)).id

    assert asyncio.run(next_number()) > 4
