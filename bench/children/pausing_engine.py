"""An engine that pauses instead of painting: a real process on the real queue.

It holds leases, reports progress, saves checkpoints and resumes from them like the real engine. It
survives a full disk and an unreachable database; it ends when it is killed.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from common.settings import Settings
from common.store import PictureMissingError, StorageUnavailableError
from jobs.model import Claim, EngineInfo, PaintReport, Progress
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome, QueueUnavailableError
from jobs.queue import JobQueue

LEASE_SECONDS = 3.0
CHECKPOINT_BYTES = 20_000
UNAVAILABLE = (QueueUnavailableError, StorageUnavailableError)
T = TypeVar("T")


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Retry until the disk has space and the database answers."""
    while True:
        try:
            return await attempt()
        except UNAVAILABLE:
            await asyncio.sleep(0.2)


def run(settings: dict[str, Any], name: str, steps: int, step_seconds: float) -> None:
    """The process: work until it is killed."""
    logging.disable()
    asyncio.run(_work(Settings(_env_file=None, **settings), name, steps, step_seconds))


async def _work(settings: Settings, name: str, steps: int, step_seconds: float) -> None:
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
    except PictureMissingError:
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
    await queue.claims.renew(claim)
    return await queue.claims.report_progress(claim, Progress(step, 100, step / 100))
