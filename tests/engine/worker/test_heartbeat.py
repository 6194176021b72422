"""What an engine asks of the database, over and over."""

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
from tests.engine.worker.conftest import Poster
from tests.engine.worker.working import INFO, worker


async def test_idle_or_uneventful_engine_makes_no_database_queries(
    queue: JobQueue, settings: Settings, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, lets_go = asyncio.Event(), False
    loop = asyncio.get_running_loop()

    def long_iteration(*_: object) -> object:
        loop.call_soon_threadsafe(begun.set)
        while not lets_go:
            time.sleep(0.05)
        raise OSError(errno.EIO, "over")

    monkeypatch.setattr(JobPainter, "_paint", long_iteration)
    monkeypatch.setattr(JobPainter, "idle", lambda *_: None)
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 100.0)
    said: list[str] = []
    sa.event.listen(
        queue.database.engine.sync_engine,
        "before_cursor_execute",
        lambda *got: said.append(got[2]),
    )
    try:
        async with worker(queue, settings):
            await asyncio.sleep(2.5)  # registering itself is a change, of which one is heard once
            said.clear()
            await asyncio.sleep(2)
            assert said == [], "without a job"
            await poster.post()
            await asyncio.wait_for(begun.wait(), 30)
            await asyncio.sleep(2.5)  # as is the claim
            said.clear()
            await asyncio.sleep(3)
            quiet = list(said)
            lets_go = True
    finally:
        lets_go = True
    assert quiet == [], "within an iteration"


async def test_unexpected_error_does_not_stop_the_heartbeat(
    queue: JobQueue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 0.05)
    beats, again, beat = 0, asyncio.Event(), queue.engines.heartbeat

    async def stumbles(engine_id: str, *, memory_used_bytes: int | None = None) -> bool:
        nonlocal beats
        beats += 1
        if beats == 1:
            raise RuntimeError("an internal error of the database")
        again.set()
        return await beat(engine_id, memory_used_bytes=memory_used_bytes)

    monkeypatch.setattr(queue.engines, "heartbeat", stumbles)
    async with worker(queue, settings), asyncio.timeout(30):
        await again.wait()


async def test_largest_size_rises_when_memory_becomes_free(
    queue: JobQueue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 0.05)
    free = 2**20
    monkeypatch.setattr(devices, "free_memory_bytes", lambda _: free)
    monkeypatch.setattr(JobPainter, "idle", lambda *_: None)

    async def told() -> list[int]:
        return [one.info.largest_px for one in (await queue.health.ask(ask_store=False)).engines]

    async with worker(queue, settings), asyncio.timeout(30):
        while await told() != [64]:
            await asyncio.sleep(0.02)
        free = 2**30
        while await told() != [3520]:
            await asyncio.sleep(0.02)


def test_only_large_size_changes_and_new_networks_are_news() -> None:
    assert not is_worth_announcing(replace(INFO, largest_px=3520), replace(INFO, largest_px=3000))
    assert is_worth_announcing(replace(INFO, largest_px=3520), replace(INFO, largest_px=1024))
    assert is_worth_announcing(replace(INFO, networks=("lite",)), INFO)
