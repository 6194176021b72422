"""Heartbeats and database queries of a running engine."""

import asyncio
import errno
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa

from common.settings import Settings
from engine.painting import devices
from engine.worker import service
from engine.worker.abilities import is_worth_announcing
from engine.worker.painter import JobPainter
from jobs.queue import JobQueue
from tests.engine.worker.conftest import JobFactory
from tests.engine.worker.workers import ENGINE_INFO, running_worker


async def none_for_a_while(statements: list[str]) -> None:
    """Wait until there are no new ones, once those of the last change have been made."""
    async with asyncio.timeout(30):
        while True:
            statements.clear()
            await asyncio.sleep(2.5)
            if not statements:
                return


async def test_idle_or_uneventful_engine_makes_no_database_queries(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, may_end = asyncio.Event(), False
    loop = asyncio.get_running_loop()

    def long_iteration(*_: object) -> object:
        loop.call_soon_threadsafe(started.set)
        while not may_end:
            time.sleep(0.05)
        raise OSError(errno.EIO, "over")

    monkeypatch.setattr(JobPainter, "_paint", long_iteration)
    monkeypatch.setattr(JobPainter, "idle", lambda *_: None)
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 100.0)
    statements: list[str] = []
    sa.event.listen(
        queue.database.engine.sync_engine,
        "before_cursor_execute",
        lambda *args: statements.append(args[2]),
    )
    try:
        async with running_worker(queue, settings):
            await none_for_a_while(statements)  # without a job
            await job_factory.make()
            await asyncio.wait_for(started.wait(), 30)
            await none_for_a_while(statements)  # within an iteration
    finally:
        may_end = True


async def test_unexpected_error_does_not_stop_the_heartbeat(
    queue: JobQueue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 0.05)
    calls, called_again, heartbeat = 0, asyncio.Event(), queue.engines.heartbeat

    async def fail_once(engine_id: str, *, memory_used_bytes: int | None = None) -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("an internal error of the database")
        called_again.set()
        return await heartbeat(engine_id, memory_used_bytes=memory_used_bytes)

    monkeypatch.setattr(queue.engines, "heartbeat", fail_once)
    async with running_worker(queue, settings), asyncio.timeout(30):
        await called_again.wait()


async def test_largest_size_rises_when_memory_becomes_free(
    queue: JobQueue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 0.05)
    free = 2**20
    monkeypatch.setattr(devices, "free_memory_bytes", lambda _: free)
    monkeypatch.setattr(JobPainter, "idle", lambda *_: None)

    async def largest_sizes() -> list[int]:
        return [
            engine.info.largest_px for engine in (await queue.health.ask(ask_store=False)).engines
        ]

    async with running_worker(queue, settings), asyncio.timeout(30):
        while await largest_sizes() != [64]:
            await asyncio.sleep(0.02)
        free = 2**30
        while await largest_sizes() != [3520]:
            await asyncio.sleep(0.02)


def test_only_large_size_changes_and_new_networks_are_news() -> None:
    assert not is_worth_announcing(
        replace(ENGINE_INFO, largest_px=3520), replace(ENGINE_INFO, largest_px=3000)
    )
    assert is_worth_announcing(
        replace(ENGINE_INFO, largest_px=3520), replace(ENGINE_INFO, largest_px=1024)
    )
    assert is_worth_announcing(replace(ENGINE_INFO, networks=("lite",)), ENGINE_INFO)
    assert is_worth_announcing(replace(ENGINE_INFO, weights=("lite:1a2b3c4d",)), ENGINE_INFO)
