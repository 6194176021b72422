"""The command line of the queue, for the person who runs the bot."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jobs import schema
from jobs.backup import backup
from jobs.model import Job, JobState
from jobs.outcomes import (
    AlreadyEnded,
    Cancelled,
    CancelRequested,
    NoSuchJob,
    NotYours,
    QueueError,
)
from jobs.queue import JobQueue
from jobs.records import J, job_from_row
from jobs.settings import Settings, SettingsError, load_settings
from jobs.store import StorageUnavailable

_SHORT = frozenset({"id", "state", "place", "size", "queued", "ready", "shown", "when", "what"})


def build_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(prog="python -m jobs", description="Atelier's queue.")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="the newest jobs, or those of one state")
    listing.add_argument("--state", choices=[state.value for state in JobState])
    listing.add_argument("--user", type=int, metavar="ID")
    listing.add_argument("--limit", type=int, default=25)
    for name, text in (
        ("show", "all that is known of a job, and its history"),
        ("retry", "queue a failed or cancelled job once more"),
        ("cancel", "cancel a job"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("job_id", type=int)
    commands.add_parser("gc", help="delete what was kept long enough and what nobody needs")
    copy = commands.add_parser("backup", help="copy the SQLite database while it is in use")
    copy.add_argument("file", type=Path)
    return parser


def main(arguments: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run a command; 0 when it did what was asked, 1 when it could not, 2 for bad settings."""
    asked = build_parser().parse_args(arguments)
    output = console or Console()
    try:
        settings = load_settings()
    except SettingsError as error:
        _complain(str(error))
        return 2
    try:
        if asked.command == "backup":
            size = backup(settings, asked.file)
            output.print(f"Copied {size:,} bytes to {asked.file}.", markup=False)
            return 0
        return asyncio.run(_run(asked, settings, output))
    except (QueueError, StorageUnavailable) as error:
        _complain(str(error))
        return 1


async def _run(asked: argparse.Namespace, settings: Settings, console: Console) -> int:
    commands: dict[str, Callable[[JobQueue, argparse.Namespace, Console], Awaitable[int]]] = {
        "list": _list,
        "show": _show,
        "retry": _retry,
        "cancel": _cancel,
        "gc": _gc,
    }
    async with await JobQueue.open(settings) as queue:
        return await commands[asked.command](queue, asked, console)


async def _list(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    statement = sa.select(schema.jobs).order_by(J.id.desc()).limit(asked.limit)
    if asked.state is not None:
        statement = statement.where(J.state == asked.state)
    if asked.user is not None:
        statement = statement.where(J.user_id == asked.user)
    async with queue.database.read() as connection:
        jobs = [job_from_row(row) for row in (await connection.execute(statement)).all()]
    standings = await queue.standings([j.id for j in jobs if j.state is JobState.QUEUED])
    table = _table("id", "state", "place", "user", "server", "size", "queued", "ready", "shown")
    for job in jobs:
        standing = standings.get(job.id)
        ready = job.ended_at or (standing.ready_at if standing is not None else None)
        table.add_row(
            str(job.id),
            _state(job),
            "" if standing is None else str(standing.place),
            escape(job.user_name),
            str(job.guild_id or "private"),
            f"{job.options.size_px} {job.options.quality}",
            _brief(job.created_at),
            _brief(ready),
            _brief(job.delivered_at),
        )
    console.print(table)
    overview = await queue.overview(None)
    console.print(
        f"{overview.waiting} waiting, {overview.running} being painted, "
        f"{overview.engines_alive} engines alive{', paused' if overview.paused else ''}."
    )
    return 0


async def _show(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    job = await queue.get(asked.job_id)
    if job is None:
        return _missing(asked.job_id)
    table = _table("of the job", "")
    for name in Job.__slots__:
        # The message's token would let a reader of the screen write as the bot.
        value = getattr(job, name)
        if value is None or name == "target":
            continue
        text = _when(value) if isinstance(value, datetime) else str(value)
        table.add_row(name.replace("_", " "), escape(text))
    console.print(table)
    history = _table("when", "what", "who", "details")
    for event in await queue.history(job.id):
        details = ", ".join(f"{key}={value}" for key, value in event.details.items())
        history.add_row(_when(event.at), event.kind, event.actor, escape(details))
    console.print(history)
    return 0


async def _retry(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    if await queue.retry(asked.job_id) is None:
        _complain(
            f"Job {asked.job_id} cannot be queued again: only failed and cancelled jobs can, as "
            "long as their pictures are kept."
        )
        return 1
    console.print(f"Job {asked.job_id} is queued again.")
    return 0


async def _cancel(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    match await queue.remove(asked.job_id):
        case Cancelled():
            console.print(f"Job {asked.job_id} is cancelled.")
        case CancelRequested():
            console.print(f"Job {asked.job_id} is being painted; its engine has been told to stop.")
        case AlreadyEnded(job):
            console.print(f"Job {asked.job_id} has ended already: {job.state.value}.")
        case NoSuchJob() | NotYours():
            return _missing(asked.job_id)
    return 0


async def _gc(queue: JobQueue, _: argparse.Namespace, console: Console) -> int:
    counts = await queue.gc()
    console.print(
        f"{counts.expired_jobs} jobs gave up their pictures, {counts.files} files "
        f"({counts.bytes / 1e6:.1f} MB) and {counts.rows} rows were deleted."
    )
    return 0


def _missing(job_id: int) -> int:
    _complain(f"There is no job {job_id}.")
    return 1


def _complain(sentence: str) -> None:
    Console(stderr=True, soft_wrap=True).print(sentence, markup=False, highlight=False)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _SHORT)
    return table


def _state(job: Job) -> str:
    if job.state is JobState.RUNNING and job.progress is not None:
        return f"running {job.progress.fraction:.0%}"
    return job.state.value


def _when(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _brief(moment: datetime | None) -> str:
    """The time of today, or the day of another."""
    if moment is None:
        return ""
    here = moment.astimezone(UTC)
    same_day = here.date() == datetime.now(UTC).date()
    return f"{here:%H:%M:%S}" if same_day else f"{here:%d %b %y}"
