"""The commands for backups: making, restoring."""

import argparse
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from common.settings import Settings
from jobs.cli.restoring import restore
from jobs.cli.settle_restored import Settled, settle
from jobs.cli.tables import counted
from jobs.db.backup import backup
from jobs.db.liveness import BOT_LOCK
from jobs.outcomes import QueueError
from jobs.queue import JobQueue


def make_backup(settings: Settings, file: Path, console: Console, *, pictures: bool) -> int:
    """Make a backup and print its contents."""
    counts = backup(settings, file, pictures=pictures)
    words = f"Copied {counts.bytes:,} bytes to {file}"
    if pictures:
        words += f": the database and {counted(counts.pictures, 'picture')}"
    console.print(words + ".", markup=False)
    if counts.missing:
        console.print(f"{counted(counts.missing, 'picture')} could not be found.")
    return 0


async def restore_backup(settings: Settings, file: Path, console: Console, *, moves: bool) -> int:
    """Restore a backup into a data folder in which no bot runs."""
    folder = settings.atelier_data_dir.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(folder / BOT_LOCK, mode=0o600).acquire(timeout=0):
            restored = await restore(settings, file, moves=moves)
    except Timeout:
        raise QueueError("The bot is running; please stop it and all engines first.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        hint = ": run this as the user who runs the bot" * isinstance(error, PermissionError)
        raise QueueError(f"The folder {folder} cannot be used ({reason}){hint}.") from error
    console.print(f"Restored {counted(restored.pictures, 'picture')}.")
    if restored.settled is not None:
        _say(restored.settled, console)
    if restored.aside is not None:
        console.print(f"The database that was there before is now {restored.aside}.", markup=False)
    return 0


async def settle_restored(queue: JobQueue, _: argparse.Namespace, console: Console) -> int:
    """Settle a database that another program restored."""
    _say(await settle(queue), console)
    return 0


def _say(settled: Settled, console: Console) -> None:
    console.print(
        f"Ended {counted(settled.ended_jobs, 'waiting job')}; erased once more the data of "
        f"{counted(settled.erased_users, 'member')} who had it erased after the backup. "
        "Nothing is deleted for a day."
    )
