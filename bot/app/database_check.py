"""The check of the database before the bot logs in, with its migration."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE

from bot.app.check_result import CheckResult
from common.settings import Settings
from common.store import PictureStore
from jobs.migrating import MAY_SUCCEED_LATER
from jobs.outcomes import DatabaseTooOldError, NoDatabaseError, QueueError, is_transient
from jobs.queue import JobQueue

TIMEOUT_SECONDS = 60.0
MIGRATION = (sys.executable, "-m", "jobs.migrating")
MIGRATION_BROKE = (
    "The database could not be migrated to this version, and is as it was: the log says why. The "
    "older version still works with it; please report this."
)


async def check_database(settings: Settings, *, may_migrate: bool = True) -> CheckResult:
    """Open the database, which may be created or migrated before."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            pending = await _pending_migration(settings)
        if pending is not None and not may_migrate:
            return _migration_due(pending)
        if pending is not None and (fault := await _migrate_in_child(settings)) is not None:
            return fault
        async with asyncio.timeout(TIMEOUT_SECONDS):
            async with await JobQueue.open(settings, store=PictureStore("unused")) as queue:
                kind = "PostgreSQL" if queue.database.postgres else "SQLite"
    except TimeoutError:
        text = "The database does not answer."
        return CheckResult("database", text, is_fault=True, is_transient=True)
    except QueueError as error:
        return CheckResult(
            "database",
            f"The queue cannot be opened: {error}",
            is_fault=True,
            is_transient=is_transient(error),
        )
    return CheckResult("database", f"{kind}, of this version")


async def _pending_migration(settings: Settings) -> DatabaseTooOldError | None:
    """Why a database has to be created or migrated; None if it has this version's schema."""
    try:
        async with await JobQueue.open(settings, store=PictureStore("unused"), may_migrate=False):
            return None
    except DatabaseTooOldError as error:
        return error
    except QueueError:
        return None  # whoever opens it next reports it


def _migration_due(pending: DatabaseTooOldError) -> CheckResult:
    """For `--check`: what the next start will do to the database."""
    if isinstance(pending, NoDatabaseError):
        return CheckResult("database", str(pending))
    return CheckResult("database", f"A migration is due. {pending}", is_doubtful=True)


async def _migrate_in_child(settings: Settings) -> CheckResult | None:
    """Migrate in a child process: its memory would never be given back by this one.

    It has no timeout, as it may copy a large database; it logs what it does. What failed is not
    tried again here, which would make another copy.
    """
    chosen = {
        "ATELIER_DATABASE_URL": settings.database_url,
        "ATELIER_DATA_DIR": str(settings.atelier_data_dir),
        "ATELIER_MIGRATE_WITHOUT_COPY": str(settings.atelier_migrate_without_copy),
    }
    process = await asyncio.create_subprocess_exec(
        *MIGRATION, env={**os.environ, **chosen}, stdin=DEVNULL, stdout=PIPE
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode == 0:
        return None
    said = output.decode(errors="replace").strip()
    text = f"The queue cannot be opened: {said}" if said else MIGRATION_BROKE
    was_killed = (process.returncode or 0) < 0
    later = was_killed or process.returncode == MAY_SUCCEED_LATER
    return CheckResult("database", text, is_fault=True, is_transient=later)
