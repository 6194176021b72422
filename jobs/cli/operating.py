"""What the operator decides for one server or for all: blocks, pauses, clearing."""

import argparse
from collections.abc import Awaitable, Callable, Mapping

from rich.console import Console

from jobs.changing.audit import COMMAND_LINE
from jobs.cli.tables import counted
from jobs.queue import JobQueue


async def block(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    """Refuse a user's submissions."""
    new = await queue.blocks.add(asked.server, asked.user_id, COMMAND_LINE)
    said = "is blocked" if new else "was blocked already"
    console.print(f"{asked.user_id} {said} {_where(asked)}.")
    return 0


async def unblock(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    """Allow a user again."""
    was = await queue.blocks.remove(asked.server, asked.user_id, COMMAND_LINE)
    said = "may paint again" if was else "was not blocked"
    console.print(f"{asked.user_id} {said} {_where(asked)}.")
    return 0


async def pause(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    """Start no more jobs."""
    new = await queue.pauses.pause(asked.server, COMMAND_LINE)
    said = "is paused; what waits keeps its place" if new else "was paused already"
    console.print(f"The queue {said} {_where(asked)}.")
    return 0


async def resume(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    """Start jobs again."""
    was = await queue.pauses.resume(asked.server, COMMAND_LINE)
    said = "goes on" if was else "was not paused"
    console.print(f"The queue {said} {_where(asked)}.")
    return 0


async def clear(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    """Cancel what waits."""
    cleared = await queue.clearings.clear(asked.server, COMMAND_LINE)
    console.print(f"{counted(len(cleared.job_ids), 'waiting job')} cancelled {_where(asked)}.")
    return 0


def _where(asked: argparse.Namespace) -> str:
    return "everywhere" if asked.server is None else f"in server {asked.server}"


COMMANDS: Mapping[str, Callable[[JobQueue, argparse.Namespace, Console], Awaitable[int]]] = {
    "block": block,
    "unblock": unblock,
    "pause": pause,
    "resume": resume,
    "clear": clear,
}
