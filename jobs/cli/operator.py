"""The operator's commands for one server or all: blocks, pauses, clearing."""

import argparse

from rich.console import Console

from jobs.cli.tables import counted
from jobs.management.audit import COMMAND_LINE
from jobs.queue import JobQueue


async def block(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    """Block a user, until an end if one is given."""
    if asked.user_id in queue.settings.atelier_owner_ids:
        console.print(f"{asked.user_id} runs this bot (ATELIER_OWNER_IDS) and cannot be blocked.")
        return 1
    until = None if asked.lasts is None else await queue.now() + asked.lasts
    new = await queue.blocks.add(
        asked.server, asked.user_id, COMMAND_LINE, reason=asked.reason, until=until
    )
    said = "is blocked" if new else "was already blocked"
    end = "" if until is None else f" until {until:%Y-%m-%d %H:%M} UTC"
    why = "" if asked.reason is None else f" They see: {asked.reason}"
    console.print(
        f"{asked.user_id} {said} {_where(asked)}{end}.{why}", markup=False, highlight=False
    )
    return 0


async def unblock(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    """Unblock a user."""
    was = await queue.blocks.remove(asked.server, asked.user_id, COMMAND_LINE)
    said = "may paint again" if was else "was not blocked"
    console.print(f"{asked.user_id} {said} {_where(asked)}.")
    return 0


async def pause(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    """Start no more jobs."""
    new = await queue.pauses.pause(asked.server, COMMAND_LINE)
    said = "is paused" if new else "was already paused"
    more = "; waiting jobs keep their places" if new else ""
    console.print(f"The queue {said} {_where(asked)}{more}.")
    return 0


async def resume(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    """Start jobs again."""
    was = await queue.pauses.resume(asked.server, COMMAND_LINE)
    said = "is running again" if was else "was not paused"
    console.print(f"The queue {said} {_where(asked)}.")
    return 0


async def clear(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    """Cancel all waiting jobs."""
    cleared = await queue.clearings.clear(asked.server, COMMAND_LINE)
    console.print(f"{counted(len(cleared.job_ids), 'waiting job')} cancelled {_where(asked)}.")
    return 0


def _where(asked: argparse.Namespace) -> str:
    return "everywhere" if asked.server is None else f"in server {asked.server}"
