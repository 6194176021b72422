"""A minimal bot, and a program that locks the database, as processes for the tests to kill."""

import asyncio
import logging
import random
import sqlite3
import time
from pathlib import Path
from typing import Any

from bench.children.pausing_engine import UNAVAILABLE, patiently
from common.options import PaintOptions
from common.settings import Settings
from jobs.execution import reaper
from jobs.model import Job
from jobs.queue import JobQueue
from tests.kit.samples import submission
from tests.whole.tiny_discord import Client


def run_bot(settings: dict[str, Any], port: int) -> None:
    """Run the bot process until it is killed."""
    logging.disable()
    reaper.AWAKE_SECONDS = 1.0  # engines have short leases and the bot short runs
    asyncio.run(_bot(Settings(_env_file=None, **settings), port))


async def _bot(settings: Settings, port: int) -> None:
    discord = await Client.connect(port)
    queue = await patiently(lambda: JobQueue.open(settings))
    while True:
        try:
            await _intake(queue, discord)
            for job in await queue.deliveries.due(limit=20):
                await _deliver(queue, discord, job)
            await queue.reaper.reap()
            await queue.wait_for_change(0.2)
        except UNAVAILABLE:
            await asyncio.sleep(0.2)


async def _intake(queue: JobQueue, discord: Client) -> None:
    for payload in await discord("pending"):
        number = payload["interaction_id"]
        await queue.intakes.open(number, payload["user_id"], payload)
        await discord("acknowledge", interaction_id=number)
    for intake in await queue.intakes.pending():
        await short_pause()
        await queue.submissions.submit(
            submission(
                intake.payload["user_id"],
                intake.payload["guild_id"],
                interaction_id=intake.interaction_id,
                options=PaintOptions(size_px=intake.payload["size_px"]),
            )
        )


async def _deliver(queue: JobQueue, discord: Client, job: Job) -> None:
    message_id = job.reply.message_id
    if message_id is None:
        message_id = await discord("post", nonce=f"atelier-{job.id}", content="queued")
        await short_pause()
        await queue.deliveries.set_message(job.id, 77, message_id)
    if not job.state.ended:
        await discord("edit", message_id=message_id, content=f"revision {job.revision}")
        await queue.deliveries.mark_shown(job.id, job.revision)
        return
    await queue.deliveries.count_attempt(job.id)
    content = job.state.value
    if job.result_key is not None:
        content += " " + (await queue.store.get(job.result_key)).decode()
    await discord("edit", message_id=message_id, content=content)
    await short_pause()
    await queue.deliveries.mark_delivered(job.id, how="edit", message_id=message_id)


async def short_pause() -> None:
    """Widen the gap between an action and its record, where a kill does harm."""
    await asyncio.sleep(random.uniform(0, 0.02))


def lock(database: Path, seconds: float) -> None:
    """Hold SQLite's write lock, as another program may."""
    connection = sqlite3.connect(database, timeout=60, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    time.sleep(seconds)
    connection.execute("ROLLBACK")
    connection.close()
