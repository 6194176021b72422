"""Engine and bot as small as can be: real processes on the real queue, with nothing to paint."""

import asyncio
import logging
import os
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from common.options import PaintOptions
from common.settings import Settings
from common.store import PictureMissing, StorageUnavailable
from jobs.model import Claim, EngineInfo, Job, PaintReport, Progress
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome, QueueUnavailable
from jobs.queue import JobQueue
from tests.chaos.discord import Caller
from tests.jobs.samples import submission

LEASE_SECONDS = 3.0
CHECKPOINT_BYTES = 20_000
UNAVAILABLE = (QueueUnavailable, StorageUnavailable)
T = TypeVar("T")


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Do it until the disk has room and the database answers."""
    while True:
        try:
            return await attempt()
        except UNAVAILABLE:
            await asyncio.sleep(0.2)


def engine(settings: dict[str, Any], name: str, steps: int, step_seconds: float) -> None:
    """The engine process; it ends when it is killed."""
    logging.disable()
    asyncio.run(_engine(Settings(_env_file=None, **settings), name, steps, step_seconds))


async def _engine(settings: Settings, name: str, steps: int, step_seconds: float) -> None:
    queue = await patiently(lambda: JobQueue.open(settings))
    info = EngineInfo(name, "host", "cpu", "lite", "0", os.getpid())
    await patiently(lambda: queue.engines.register(info))
    while True:
        claim = await patiently(lambda: queue.claims.claim(name, lease_seconds=LEASE_SECONDS))
        if claim is None:
            await patiently(lambda: queue.wait_for_work(1.0))
        else:
            await _paint(queue, claim, steps, step_seconds)


async def _paint(queue: JobQueue, claim: Claim, steps: int, step_seconds: float) -> None:
    first = await _resume(queue, claim)
    for step in range(first, steps):
        await asyncio.sleep(step_seconds)
        match await patiently(lambda s=step: _say(queue, claim, s)):  # type: ignore[misc] # mypy cannot infer a lambda with a default
            case LeaseLost():
                return
            case LeaseHeld(cancel_requested=True):
                await patiently(lambda: queue.claims.cancelled(claim))
                return
    result = f"painting of {claim.job.id}".encode()
    key = await patiently(lambda: queue.store.put(result, "png"))
    report = PaintReport("lite", "cpu", "fp32", 1, 1, steps * step_seconds, steps, 0)
    await patiently(lambda: queue.claims.finish(claim, key, report))


async def _resume(queue: JobQueue, claim: Claim) -> int:
    if claim.checkpoint_key is None:
        return 0
    key = claim.checkpoint_key
    try:
        checkpoint = await patiently(lambda: queue.store.get(key))
    except PictureMissing:
        return 0
    assert len(checkpoint) == CHECKPOINT_BYTES, "a checkpoint is whole or not there"
    name, step = checkpoint.rstrip(b".").decode().split()
    assert name == f"job-{claim.job.id}", "a checkpoint is of its own job"
    return int(step)


async def _say(queue: JobQueue, claim: Claim, step: int) -> LeaseOutcome:
    if step % 2:
        data = f"job-{claim.job.id} {step}".encode().ljust(CHECKPOINT_BYTES, b".")
        key = await queue.store.put(data, "bin")
        if isinstance(lost := await queue.claims.save_checkpoint(claim, key), LeaseLost):
            return lost
    await queue.claims.renew(claim, LEASE_SECONDS)
    return await queue.claims.report_progress(claim, Progress(step, 100, step / 100))


def bot(settings: dict[str, Any], port: int) -> None:
    """The bot process; it ends when it is killed."""
    logging.disable()
    asyncio.run(_bot(Settings(_env_file=None, **settings), port))


async def _bot(settings: Settings, port: int) -> None:
    discord = await Caller.connect(port)
    queue = await patiently(lambda: JobQueue.open(settings))
    while True:
        try:
            await _intake(queue, discord)
            for job in await queue.deliveries.due(limit=20):
                await _deliver(queue, discord, job)
            await queue.claims.reap()
            await queue.wait_for_change(0.2)
        except UNAVAILABLE:
            await asyncio.sleep(0.2)


async def _intake(queue: JobQueue, discord: Caller) -> None:
    for payload in await discord("pending"):
        number = payload["interaction_id"]
        await queue.intakes.open(number, payload["user_id"], payload)
        await discord("acknowledge", interaction_id=number)
    for intake in await queue.intakes.pending():
        await _dawdle()
        await queue.submissions.submit(
            submission(
                intake.payload["user_id"],
                intake.payload["guild_id"],
                interaction_id=intake.interaction_id,
                options=PaintOptions(size_px=intake.payload["size_px"]),
            )
        )


async def _deliver(queue: JobQueue, discord: Caller, job: Job) -> None:
    message_id = job.reply.message_id
    if message_id is None:
        message_id = await discord("post", nonce=f"atelier-{job.id}", content="queued")
        await _dawdle()
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
    await _dawdle()
    await queue.deliveries.mark_delivered(job.id, how="edit", message_id=message_id)


async def _dawdle() -> None:
    """Widen the gap between what is done and what is noted, for kills to fall into."""
    await asyncio.sleep(random.uniform(0, 0.02))


def lock(database: Path, seconds: float) -> None:
    """Another program that keeps SQLite's write lock to itself."""
    connection = sqlite3.connect(database, timeout=60, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    time.sleep(seconds)
    connection.execute("ROLLBACK")
    connection.close()
