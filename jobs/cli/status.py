"""`python -m jobs status`: whether Atelier works, for people, health checks and alerts."""

import json
from collections.abc import Collection
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from common.settings import MIB
from jobs.cli.tables import counted
from jobs.health.state import Health
from jobs.health.troubles import Part, Trouble, troubles_in
from jobs.model import EngineInfo
from jobs.outcomes import QueueError
from jobs.queue import JobQueue
from jobs.scheduling.speeds import USUAL_SIZE_PX, usual_seconds

HEALTHY, ILL = 0, 1
GIB = 1024**3


async def status(
    queue: JobQueue, console: Console, *, parts: Collection[Part], quiet: bool, as_json: bool
) -> int:
    """Print the health. Returns 0, or 1 if one of these parts is unhealthy.

    Raises:
        QueueError: when the database itself cannot be read.
    """
    health = await queue.health.ask()
    troubles = [trouble for trouble in troubles_in(health) if trouble.part in parts]
    if as_json:
        console.print_json(json.dumps(as_plain(health, troubles)))
    elif quiet:
        for trouble in troubles:
            console.print(f"{trouble.name}: {trouble.sentence}", markup=False, highlight=False)
    else:
        console.print(_table(health, troubles))
        for trouble in troubles:
            console.print(str(trouble.sentence), markup=False, highlight=False)
    return ILL if troubles else HEALTHY


def unreadable(error: QueueError, console: Console, *, as_json: bool) -> int:
    """Print that the database cannot be read; returns the exit status."""
    if as_json:
        console.print_json(json.dumps({"healthy": False, "troubles": {"database": str(error)}}))
    else:
        console.print(f"database: {error}", markup=False, highlight=False)
    return ILL


def as_plain(health: Health, troubles: Collection[Trouble]) -> dict[str, Any]:
    """The health as JSON: without members, pictures or addresses."""
    return {
        "healthy": not troubles,
        "troubles": {trouble.name: str(trouble.sentence) for trouble in troubles},
        "at": health.at.isoformat(),
        "waiting": health.waiting,
        "running": health.running,
        "paused": health.paused_everywhere,
        "oldest_waiting_seconds": health.oldest_waiting_seconds,
        "failed_jobs": [job.id for job in health.failures],
        "free_mib": None if health.free_bytes is None else health.free_bytes // MIB,
        "store": health.store.problem or "works",
        "engine_starting": health.engine_starting,
        "engines": [
            {
                "id": engine.info.id,
                "host": engine.info.host,
                "device": engine.info.device,
                "network": engine.info.network,
                "version": engine.info.version,
                "networks": list(engine.info.networks),
                "usual_seconds": (seconds := usual_seconds(engine.info)) and round(seconds, 1),
                "memory_mib": _mib(engine.info.memory_bytes),
                "memory_used_mib": _mib(engine.info.memory_used_bytes),
                "largest_px": engine.info.largest_px,
                "job": None if engine.job is None else engine.job.id,
            }
            for engine in health.engines
        ],
        "bots": [
            {
                "id": bot.info.id,
                "version": bot.info.version,
                "gateway_seen": bot.gateway_seen and bot.gateway_seen.isoformat(),
                "latency_ms": bot.latency_seconds and round(bot.latency_seconds * 1000),
            }
            for bot in health.bots
        ],
    }


def _table(health: Health, troubles: Collection[Trouble]) -> Table:
    ill = {trouble.part for trouble in troubles}
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")

    def row(name: str, part: Part | None, text: str) -> None:
        bad = part in ill
        table.add_row(name, Text("fault" if bad else "ok", "red" if bad else "green"), Text(text))

    row("queue", None, _queue_words(health))
    for engine in health.engines:
        doing = "idle" if engine.job is None else f"painting job {engine.job.id}"
        info = engine.info
        networks = " and ".join(info.networks) or info.network
        where = f"{info.host} ({info.device})"
        row("engine", Part.ENGINE, f"{where}, {networks}: {doing}{_engine_words(info)}")
    if health.engine_starting:
        row("engine", Part.ENGINE, "starting")
    elif not health.engines:
        row("engine", Part.ENGINE, "none is running")
    for bot in health.bots:
        delay = "" if bot.latency_seconds is None else f", {bot.latency_seconds * 1000:.0f} ms away"
        row("bot", Part.BOT, f"{bot.info.host}, process {bot.info.pid}{delay}")
    if not health.bots:
        row("bot", Part.BOT, "none is running")
    row("store", Part.STORE, health.store.problem or "can write, read and delete")
    if health.free_bytes is not None:
        row("disk", Part.DISK, f"{health.free_bytes / GIB:.1f} GiB free")
    return table


def _engine_words(engine: EngineInfo) -> str:
    """An engine's speed and memory, as far as known."""
    words = ""
    if (seconds := usual_seconds(engine)) is not None:
        words += f"; {_seconds(seconds)} for {USUAL_SIZE_PX} px"
    if engine.memory_bytes is not None:
        used = engine.memory_used_bytes
        held = "" if used is None else f"{used / GIB:.1f} of "
        words += f"; {held}{engine.memory_bytes / GIB:.1f} GiB"
    return words


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _mib(size_bytes: int | None) -> int | None:
    return None if size_bytes is None else size_bytes // MIB


def _queue_words(health: Health) -> str:
    words = f"{counted(health.waiting, 'job')} waiting, {health.running} being painted"
    if health.oldest_waiting_seconds is not None:
        words += f", the oldest for {health.oldest_waiting_seconds / 60:.0f} min"
    if health.paused_everywhere:
        words += "; paused"
    if health.failures:
        words += (
            f"; failed in the last day: {', '.join(f'job {job.id}' for job in health.failures)}"
        )
    return words
