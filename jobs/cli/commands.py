"""The command line of the queue, for operators."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from rich.console import Console

from common.command_line import OneLineParser, replace_unencodable
from common.settings import Settings
from common.settings_loading import SettingsError, load_settings
from common.spans import parse_span
from common.store import StorageUnavailableError
from jobs.cli import backups, operator
from jobs.cli.ages import doubt_about_ages
from jobs.cli.status import status, unreadable
from jobs.cli.tables import WIDE, counted, history_table, job_table, list_table, wide_enough
from jobs.db import schema
from jobs.db.rows import J, job_from_row
from jobs.health.troubles import Part
from jobs.management.administration import REASON_LIMIT
from jobs.management.audit import COMMAND_LINE
from jobs.model import JobState
from jobs.outcomes import (
    AlreadyEnded,
    Cancelled,
    CancelRequested,
    NoSuchJob,
    NotYours,
    QueueError,
)
from jobs.queue import JobQueue

_LARGEST_ID = 2**63 - 1
_HELP = """It reads the bot's settings from the environment or .env: run it in the folder where you
start the bot, which may be running. All times are UTC."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = OneLineParser(prog="python -m jobs", description="Atelier's queue.", epilog=_HELP)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser(
        "list", help="list the newest jobs, or those of one state or user"
    )
    listing.add_argument("--state", choices=[state.value for state in JobState])
    listing.add_argument("--user", type=_id, metavar="ID", help="the user's Discord ID")
    listing.add_argument("--limit", type=_id, default=25, metavar="NUMBER", help="default: 25")
    for name, text in (
        ("show", "show all that is known about a job, and its history"),
        ("retry", "queue a failed or cancelled job again"),
        ("cancel", "cancel a waiting job, or stop one that is being painted"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("job_id", type=_id, metavar="ID", help="as `list` shows it")
    health = commands.add_parser("status", help="say whether everything works; exits with 1 if not")
    health.add_argument("--quiet", action="store_true", help="print only what is wrong")
    health.add_argument("--json", action="store_true", help="print JSON for other programs")
    health.add_argument(
        "--only",
        action="append",
        choices=[part.value for part in Part],
        help="check only this part; may be repeated",
    )
    clean = commands.add_parser(
        "gc", help="delete what has been kept long enough, and what nobody needs"
    )
    clean.add_argument(
        "--trust-clock",
        action="store_true",
        help="delete without comparing the clocks here with Discord's",
    )
    for name, text in (
        ("block", "stop somebody from painting"),
        ("unblock", "let somebody paint again"),
        ("pause", "start no more jobs until `resume`; running jobs go on"),
        ("resume", "let jobs start again"),
        ("clear", "cancel all waiting jobs; running jobs go on"),
    ):
        command = commands.add_parser(name, help=f"{text}; in one server, or everywhere")
        if name in {"block", "unblock"}:
            command.add_argument("user_id", type=_id, metavar="USER", help="a Discord ID")
        if name == "block":
            command.add_argument(
                "--reason", type=_reason, metavar="TEXT", help="why; they see this when refused"
            )
            command.add_argument(
                "--lasts",
                type=_span,
                metavar="SPAN",
                help="for how long, such as 12h, 3d or '2 weeks'; default: until `unblock`",
            )
        command.add_argument(
            "--server", type=_id, metavar="ID", help="a server's Discord ID; default: everywhere"
        )
    copy = commands.add_parser(
        "backup", help="copy the database and its pictures; the bot may be running"
    )
    copy.add_argument("file", type=Path, metavar="FILE", help="a new file")
    copy.add_argument(
        "--database-only",
        action="store_true",
        help="copy the database alone: SQLite as it is, PostgreSQL as pg_dump",
    )
    back = commands.add_parser(
        "restore", help="restore a backup; stop the bot and all engines first"
    )
    back.add_argument("file", type=Path, metavar="FILE", help="a file made by `backup`")
    back.add_argument(
        "--move",
        action="store_true",
        help="go on where the backup was made, waiting jobs included: into an empty database, from "
        "a backup made after the bot and all engines had been stopped",
    )
    commands.add_parser(
        "restored", help="after a pg_restore of PostgreSQL: do the rest of what `restore` does"
    )
    return parser


def _id(text: str) -> int:
    """A positive number: an ID or a count."""
    if not text.isdecimal() or not 1 <= int(text) <= _LARGEST_ID:
        raise argparse.ArgumentTypeError(f"{text} is not a number of 1 or more")
    return int(text)


def _span(text: str) -> timedelta:
    """A duration."""
    if (span := parse_span(text)) is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a length of time; write one such as 12h, 3d or '2 weeks'"
        )
    return span


def _reason(text: str) -> str:
    """A reason of a block, no longer than its limit."""
    reason = " ".join(text.split())
    if not 1 <= len(reason) <= REASON_LIMIT:
        raise argparse.ArgumentTypeError(f"a reason must have 1 to {REASON_LIMIT} characters")
    return reason


def main(arguments: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run a command. Returns 0 on success, 1 on failure, 2 for wrong settings."""
    replace_unencodable()
    asked = build_parser().parse_args(arguments)
    output = console or wide_enough(Console())
    try:
        settings = load_settings()
    except SettingsError as error:
        _complain(str(error))
        return 2
    try:
        if asked.command == "backup":
            return backups.make_backup(
                settings, asked.file, output, pictures=not asked.database_only
            )
        if asked.command == "restore":
            back = backups.restore_backup(settings, asked.file, output, moves=asked.move)
            return asyncio.run(back)
        return asyncio.run(_run(asked, settings, output))
    except (QueueError, StorageUnavailableError) as error:
        if asked.command == "status" and isinstance(error, QueueError):
            return unreadable(error, output, as_json=asked.json)
        _complain(str(error))
        return 1


async def _list(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    statement = sa.select(schema.jobs).order_by(J.id.desc()).limit(asked.limit)
    if asked.state is not None:
        statement = statement.where(J.state == asked.state)
    if asked.user is not None:
        statement = statement.where(J.user_id == asked.user)
    jobs = [job_from_row(row) for row in await queue.database.all(statement)]
    if jobs:
        positions = await queue.positions.get_many([job.id for job in jobs if not job.state.ended])
        console.print(list_table(jobs, positions, wide=console.width >= WIDE))
        console.print()
    elif asked.state is not None or asked.user is not None:
        console.print("There is no such job.")
    overview = await queue.positions.overview(None)
    console.print(
        f"{overview.waiting} waiting, {overview.running} being painted, "
        f"{counted(overview.engines_alive, 'engine')} alive{', paused' if overview.paused else ''}."
    )
    return 0


async def _show(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    job = await queue.jobs.get(asked.job_id)
    if job is None:
        return _missing(asked.job_id)
    console.print(job_table(job, await queue.positions.get(job.id)))
    console.print()
    console.print(history_table(await queue.jobs.history(job.id)))
    return 0


async def _retry(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    job = await queue.jobs.get(asked.job_id)
    if job is None:
        return _missing(asked.job_id)
    if await queue.jobs.retry(asked.job_id) is not None:
        console.print(f"Job {asked.job_id} has been queued again.")
        return 0
    if job.pictures_deleted_at is not None:
        _complain(f"Job {job.id} cannot be queued again: its pictures have been deleted.")
    else:
        _complain(
            f"Job {job.id} is {job.state.value}; only failed and cancelled jobs can be queued "
            "again."
        )
    return 1


async def _cancel(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    outcome = await queue.jobs.remove(asked.job_id, COMMAND_LINE)
    match outcome:
        case Cancelled():
            console.print(f"Job {asked.job_id} was cancelled.")
        case CancelRequested():
            console.print(f"Job {asked.job_id} is being painted; its engine has been told to stop.")
        case AlreadyEnded(job) if job.state is JobState.CANCELLED:
            console.print(f"Job {asked.job_id} was already cancelled.")
        case AlreadyEnded(job):
            _complain(f"Job {asked.job_id} has already ended: {job.state.value}.")
            return 1
        case NoSuchJob() | NotYours():
            return _missing(asked.job_id)
    return 0


async def _gc(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    if not asked.trust_clock and (doubt := await doubt_about_ages(queue)) is not None:
        _complain(f"Nothing is deleted. {doubt}")
        return 1
    counts = await queue.retention.gc()
    console.print(
        f"Deleted the pictures of {counted(counts.expired_jobs, 'job')}: "
        f"{counted(counts.files, 'file')} ({counts.bytes / 1e6:.1f} MB) and "
        f"{counted(counts.rows, 'row')} of the database.",
        markup=False,
    )
    return 0


async def _status(queue: JobQueue, asked: argparse.Namespace, console: Console) -> int:
    parts = [Part(name) for name in asked.only or Part]
    return await status(queue, console, parts=parts, quiet=asked.quiet, as_json=asked.json)


_COMMANDS: Mapping[str, Callable[[JobQueue, argparse.Namespace, Console], Awaitable[int]]] = {
    "list": _list,
    "show": _show,
    "retry": _retry,
    "cancel": _cancel,
    "gc": _gc,
    "status": _status,
    "block": operator.block,
    "unblock": operator.unblock,
    "pause": operator.pause,
    "resume": operator.resume,
    "clear": operator.clear,
    "restored": backups.settle_restored,
}


async def _run(asked: argparse.Namespace, settings: Settings, console: Console) -> int:
    async with await JobQueue.open(settings, may_migrate=False) as queue:
        return await _COMMANDS[asked.command](queue, asked, console)


def _missing(job_id: int) -> int:
    _complain(f"There is no job {job_id}.")
    return 1


def _complain(sentence: str) -> None:
    Console(stderr=True, soft_wrap=True).print(sentence, markup=False, highlight=False)
