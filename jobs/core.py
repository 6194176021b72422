"""What all sides of the queue share: the database, the store, the settings, the history."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from jobs import schema
from jobs.database import Database, Transaction
from jobs.outcomes import QueueUnavailable
from jobs.records import J, Record, event_values
from jobs.settings import Settings
from jobs.store import PictureMissing, PictureStore, StorageUnavailable

log = logging.getLogger(__name__)
SOON_SECONDS = 5.0
"""A file that was put so recently may belong to a write that is about to name it."""


class QueueCore:
    """The base of the queue's sides; `jobs.queue.JobQueue` is all of them together."""

    def __init__(self, settings: Settings, database: Database, store: PictureStore) -> None:
        self.settings = settings
        self.database = database
        self.store = store

    async def _discard(self, keys: Iterable[str]) -> None:
        """Delete these files where nobody needs them any more.

        A file that is left, because the process ended here or it was just written again, is
        found by `gc`.
        """
        for key in dict.fromkeys(keys):
            try:
                if not await self._in_use(key):
                    await self.store.delete_if_untouched(key, SOON_SECONDS)
            except (QueueUnavailable, StorageUnavailable, PictureMissing) as problem:
                # What was asked for is done; this is only tidying.
                log.info("A file is left for the next cleaning: %s", problem)

    async def _in_use(self, key: str) -> bool:
        used = sa.or_(
            sa.exists().where(schema.picture_uses.c.key == key),
            sa.exists().where(schema.user_styles.c.picture_key == key),
        )
        async with self.database.read() as connection:
            return bool(await connection.scalar(sa.select(used)))


async def record(
    transaction: Transaction,
    job_id: int,
    kind: str,
    actor: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to a job's history."""
    values = event_values(job_id, transaction.now, kind, actor, dict(details or {}))
    await transaction.connection.execute(sa.insert(schema.events).values(values))


async def use_picture(transaction: Transaction, job_id: int, role: str, key: str | None) -> None:
    """Make a job need a picture in this role, instead of the one it needed before."""
    uses = schema.picture_uses
    where = (uses.c.job_id == job_id, uses.c.role == role)
    await transaction.connection.execute(sa.delete(uses).where(*where))
    if key is not None:
        await transaction.connection.execute(
            sa.insert(uses).values(job_id=job_id, role=role, key=key)
        )


async def row_of(transaction: Transaction, job_id: int) -> Record | None:
    """The job's row, locked against other writers until the transaction ends."""
    statement = sa.select(schema.jobs).where(J.id == job_id).with_for_update()
    return (await transaction.connection.execute(statement)).one_or_none()
