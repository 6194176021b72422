"""What all parts of the queue share: database, store, settings, a job's history."""

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
from jobs.db.database import Database, Row, Transaction
from jobs.db.rows import J, job_from_row
from jobs.model import Job
from jobs.outcomes import QueueUnavailableError
from jobs.picture_roles import VARIANT

log = logging.getLogger(__name__)
EVERYWHERE = 0
"""The server ID for all servers, in blocks, pauses and the audit log."""
DAY_SECONDS = 86_400.0
SOON_SECONDS = 5.0
"""Files written within this time are kept: a transaction may be about to reference them."""
WORKING_SOON_SECONDS = 1.0
"""The same for a file that only one job can reference."""


class QueueCore:
    """What all parts of the queue share; `jobs.queue.JobQueue` holds the parts."""

    def __init__(self, settings: Settings, database: Database, store: PictureStore) -> None:
        self.settings = settings
        self.database = database
        self.store = store

    async def discard(self, keys: Iterable[str]) -> None:
        """Delete those of these files that nobody needs any more.

        Best effort: a file that remains, because the process ended here or it was just written
        again, is found by `gc`. So are all of them if the store is unreachable, as writers wait
        meanwhile.
        """
        with _best_effort():
            for key in dict.fromkeys(keys):
                await self.delete_unused(key, SOON_SECONDS)

    async def discard_working(self, keys: Iterable[str]) -> None:
        """As `discard`, for files that one job made for itself and no other can reference."""
        asked = list(dict.fromkeys(keys))
        if not asked:
            return
        with _best_effort():
            async with self.database.read() as connection:
                needed = await used_keys(connection, asked)
            for key in asked:
                if key not in needed:
                    await self.store.delete_if_untouched(key, WORKING_SOON_SECONDS)

    async def delete_unused(self, key: str, seconds: float) -> bool:
        """Delete a file, unless it is referenced or was written within the last `seconds`.

        Whoever begins to need a picture that others may have stored records that under the same
        lock, and stores or looks up the file afterwards. So the reference is seen here, or the file
        is found missing there.
        """
        async with self.database.write() as transaction:
            await transaction.lock(picture_lock(key))
            if await used_keys(transaction.connection, [key]):
                return False
            return await self.store.delete_if_untouched(key, seconds)


_uses = schema.picture_uses.c
PICTURES_LEFT: sa.ColumnElement[int] = (
    J.pictures
    - sa.select(sa.func.count())
    .where(_uses.job_id == J.id, _uses.role.startswith(VARIANT))
    .correlate(schema.jobs)
    .scalar_subquery()
)
"""Unfinished pictures of a waiting or running job: only those occupy waiting places."""


class QueuePart:
    """Base of the queue's parts, with the shared core."""

    def __init__(self, core: QueueCore) -> None:
        self._core = core
        self._database = core.database


@contextlib.contextmanager
def _best_effort() -> Iterator[None]:
    """Ignore storage and database errors: what was asked for is done, and `gc` deletes the rest."""
    try:
        yield
    except (QueueUnavailableError, StorageUnavailableError, PictureMissingError) as problem:
        log.info("A file is left for the next cleaning: %s", problem)


def picture_lock(key: str) -> str:
    """Name of the lock for referencing or deleting a picture."""
    return f"atelier-picture:{key}"


async def used_keys(connection: AsyncConnection, keys: Collection[str]) -> set[str]:
    """The pictures among these that a job, a saved style or an open intake references."""
    asked = (sa.select(column).where(column.in_(keys)) for column in schema.PICTURE_KEYS)
    return set(await connection.scalars(sa.union(*asked)))


async def record_event(
    transaction: Transaction,
    job_id: int,
    kind: str,
    actor: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add an event to a job's history."""
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
    """Set the pictures that a job uses in these roles; a role without a key is left unchanged."""
    uses = [{"job_id": job_id, "role": role, "key": key} for role, key in keys.items() if key]
    if not uses:
        return
    statement = transaction.insert(schema.picture_uses)
    await transaction.execute(
        statement.on_conflict_do_update(
            index_elements=["job_id", "role"], set_={"key": statement.excluded.key}
        ),
        uses,  # not in the statement, which would be compiled anew each time
    )


async def job_of(transaction: Transaction, job_id: int) -> Job:
    """The job's current state; it must exist."""
    row = await row_of(transaction, job_id)
    assert row is not None
    return job_from_row(row)


async def row_of(transaction: Transaction, job_id: int) -> Row | None:
    """The job's row, locked against other writers until the transaction ends."""
    return await transaction.one_or_none(
        sa.select(schema.jobs).where(J.id == job_id).with_for_update()
    )
