"""What all parts of the queue share: the database, the store, the settings, the history."""

import contextlib
import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from common.settings import Settings
from common.store import PictureMissingError, PictureStore, StorageUnavailableError
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Database, Record, Transaction
from jobs.db.rows import J, job_from_row
from jobs.model import Job
from jobs.outcomes import QueueUnavailableError

log = logging.getLogger(__name__)
SOON_SECONDS = 5.0
"""A file that was put so recently may belong to a write that is about to name it."""
WORKING_SOON_SECONDS = 1.0
"""The same, of a file that no other job can name."""


class QueueCore:
    """What all parts of the queue share; `jobs.queue.JobQueue` holds the parts."""

    def __init__(self, settings: Settings, database: Database, store: PictureStore) -> None:
        self.settings = settings
        self.database = database
        self.store = store

    async def discard(self, keys: Iterable[str]) -> None:
        """Delete these files where nobody needs them any more.

        A file that is left, because the process ended here or it was just written again, is
        found by `gc`; so are all where the store is away, as writers wait while it is asked.
        """
        with _only_tidying():
            for key in dict.fromkeys(keys):
                await self.delete_unused(key, SOON_SECONDS)

    async def discard_working(self, keys: Iterable[str]) -> None:
        """As `discard`, for files that one job made for itself: no other can begin to need one."""
        asked = list(dict.fromkeys(keys))
        if not asked:
            return
        with _only_tidying():
            async with self.database.read() as connection:
                needed = await used_keys(connection, asked)
            for key in asked:
                if key not in needed:
                    await self.store.delete_if_untouched(key, WORKING_SOON_SECONDS)

    async def delete_unused(self, key: str, seconds: float) -> bool:
        """Delete a file, unless somebody needs it or it was put within the last `seconds`.

        Who begins to need a picture that others may have put names it under the same lock, and
        puts it or looks for it after that. So it is seen here, or finds out that it is gone.
        """
        async with self.database.write() as transaction:
            await transaction.lock(picture_lock(key))
            if await used_keys(transaction.connection, [key]):
                return False
            return await self.store.delete_if_untouched(key, seconds)


VARIANT = "variant:"
"""How the roles begin that the finished versions of a job have in it."""
_uses = schema.picture_uses.c
PICTURES_LEFT: sa.ColumnElement[int] = (
    J.pictures
    - sa.select(sa.func.count())
    .where(_uses.job_id == J.id, _uses.role.startswith(VARIANT))
    .correlate(schema.jobs)
    .scalar_subquery()
)
"""Of a job that waits or is being painted: its pictures but for those that are finished, which
take no place any more."""


class QueuePart:
    """What each part of the queue is made with."""

    def __init__(self, core: QueueCore) -> None:
        self._core = core
        self._database = core.database


@contextlib.contextmanager
def _only_tidying() -> Iterator[None]:
    """What was asked for is done already; a file may stay for the next cleaning."""
    try:
        yield
    except (QueueUnavailableError, StorageUnavailableError, PictureMissingError) as problem:
        log.info("A file is left for the next cleaning: %s", problem)


def picture_lock(key: str) -> str:
    """The lock on a picture's being needed or deleted."""
    return f"atelier-picture:{key}"


async def used_keys(connection: AsyncConnection, keys: Collection[str]) -> set[str]:
    """Which of these pictures somebody needs: a job, a saved style, a command on its way."""
    asked = (sa.select(column).where(column.in_(keys)) for column in schema.PICTURE_KEYS)
    return set(await connection.scalars(sa.union(*asked)))


async def record(
    transaction: Transaction,
    job_id: int,
    kind: str,
    actor: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to a job's history."""
    await transaction.execute(
        sa.insert(schema.events).values(
            job_id=job_id,
            at=transaction.now,
            kind=kind,
            actor=actor,
            details=json.dumps(dict(details or {})),
        )
    )


async def change_job(transaction: Transaction, job_id: int, **values: Any) -> None:
    """Set columns of a job."""
    await transaction.execute(sa.update(schema.jobs).where(J.id == job_id).values(**values))


async def use_pictures(
    transaction: Transaction, job_id: int, keys: Mapping[str, str | None]
) -> None:
    """Make a job need pictures in these roles, instead of those before; one without a key stays."""
    uses = [{"job_id": job_id, "role": role, "key": key} for role, key in keys.items() if key]
    if not uses:
        return
    statement = transaction.insert(schema.picture_uses).values(uses)
    await transaction.execute(
        statement.on_conflict_do_update(
            index_elements=["job_id", "role"], set_={"key": statement.excluded.key}
        )
    )


async def job_of(transaction: Transaction, job_id: int) -> Job:
    """The job as it is by now; there must be one."""
    row = await row_of(transaction, job_id)
    assert row is not None
    return job_from_row(row)


async def row_of(transaction: Transaction, job_id: int) -> Record | None:
    """The job's row, locked against other writers until the transaction ends."""
    return await transaction.one_or_none(
        sa.select(schema.jobs).where(J.id == job_id).with_for_update()
    )
