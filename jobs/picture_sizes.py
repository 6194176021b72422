"""Sizes of pictures, kept beside their keys: a bucket would need a request for each.

Keys are content hashes, so a size never changes. Rows of earlier versions have no size; the store
is asked once for those. For pictures in a folder nothing is kept.
"""

from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa

from common.store import PictureStore
from jobs.db import schema
from jobs.db.database import Database, Transaction

_SIZES = schema.picture_sizes
_BATCH = 500


async def note_sizes(transaction: Transaction, store: PictureStore, keys: Iterable[str]) -> None:
    """Record the sizes of these pictures, if this process knows them from storing them."""
    await _keep(transaction, store.known_sizes_bytes(keys))


async def total_bytes(database: Database, store: PictureStore, keys: Collection[str]) -> int:
    """Total size of these pictures; missing ones count as 0."""
    asked = sorted(set(keys))
    known: dict[str, int] = {}
    for first in range(0, len(asked), _BATCH):
        some = _SIZES.c.key.in_(asked[first : first + _BATCH])
        rows = await database.all(sa.select(_SIZES).where(some))
        known |= {row.key: row.size_bytes for row in rows}
    unknown = await store.sizes_bytes([key for key in asked if key not in known])
    if new := store.known_sizes_bytes(unknown):
        async with database.write(durable=False) as transaction:
            await _keep(transaction, new)
    return sum(known.values()) + sum(unknown.values())


def unused_sizes_deletion() -> sa.Delete:
    """A statement that deletes the sizes of unreferenced pictures."""
    needed = sa.union(*(sa.select(column) for column in schema.PICTURE_KEYS))
    return sa.delete(_SIZES).where(_SIZES.c.key.not_in(needed))


async def _keep(transaction: Transaction, sizes: Mapping[str, int]) -> None:
    if not sizes:
        return
    rows = [{"key": key, "size_bytes": size} for key, size in sorted(sizes.items())]
    for first in range(0, len(rows), _BATCH):
        statement = transaction.insert(_SIZES).values(rows[first : first + _BATCH])
        await transaction.execute(statement.on_conflict_do_nothing())
