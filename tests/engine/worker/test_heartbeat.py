"""What an engine asks of the database, over and over."""

import asyncio
import errno
import time

import pytest
import sqlalchemy as sa

from common.settings import Settings
from engine.worker import service
from engine.worker.painter import JobPainter
from jobs.queue import JobQueue
from tests.engine.worker.conftest import Poster
from tests.engine.worker.working import worker


async def test_an_idle_tick_asks_the_database_nothing(
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
    monkeypatch.setattr(service, "HEARTBEAT_SECONDS", 100.0)
    said: list[str] = []
    await poster.post()
    try:
        async with worker(queue, settings):
            await asyncio.wait_for(begun.wait(), 30)
            await asyncio.sleep(2.5)  # the claim itself is a change, of which one is heard once
            sa.event.listen(
                queue.database.engine.sync_engine,
                "before_cursor_execute",
                lambda *got: said.append(got[2]),
            )
            await asyncio.sleep(3)
            quiet = list(said)
            lets_go = True
    finally:
        lets_go = True
    assert quiet == []


async def test_an_error_that_nobody_foresaw_stops_no_heart(
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
