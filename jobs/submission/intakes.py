"""Intakes: commands that were accepted but are not jobs yet, stored so that none is lost."""

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from jobs.core import QueueCore, QueuePart, picture_lock
from jobs.db import schema
from jobs.db.database import Row, Transaction
from jobs.db.rows import J, from_row, json_object
from jobs.model import Intake

COLUMNS = schema.intakes.c


@dataclass(eq=False)
class _Opening:
    """An intake that waits for the next write; `is_new` resolves once it is written."""

    interaction_id: int
    user_id: int
    payload: str
    is_new: "asyncio.Future[bool]" = field(default_factory=asyncio.Future)


class Intakes(QueuePart):
    """Stores commands before anything else is done.

    A transaction on SQLite waits for the disk. Intakes that arrive during one are batched into the
    next: a hundred commands at once cost a few disk waits, not a hundred.
    """

    def __init__(self, core: QueueCore) -> None:
        super().__init__(core)
        self._openings: list[_Opening] = []
        self._writing: asyncio.Task[None] | None = None

    async def open(self, interaction_id: int, user_id: int, payload: dict[str, Any]) -> bool:
        """Store a command before it is acknowledged and its pictures are downloaded.

        Returns False when the interaction is known already, as an intake or as a job, so that a
        command that Discord sends twice is processed once.
        """
        opening = _Opening(interaction_id, user_id, json.dumps(payload))
        self._openings.append(opening)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="intakes")
        return await opening.is_new

    async def pending(self) -> list[Intake]:
        """Commands that are stored and are not jobs yet, oldest first."""
        statement = (
            sa.select(schema.intakes)
            .where(COLUMNS.closed_at.is_(None))
            .order_by(COLUMNS.created_at, COLUMNS.interaction_id)
        )
        return [_intake(row) for row in await self._database.all(statement)]

    async def get(self, interaction_id: int) -> Intake | None:
        """The open intake of this interaction, or None."""
        this = (COLUMNS.interaction_id == interaction_id, COLUMNS.closed_at.is_(None))
        row = await self._database.one_or_none(sa.select(schema.intakes).where(*this))
        return None if row is None else _intake(row)

    async def replace(self, interaction_id: int, payload: dict[str, Any]) -> bool:
        """Replace an intake's payload; False if it is no longer open."""
        replaced = await self._database.execute(
            sa.update(schema.intakes)
            .where(COLUMNS.interaction_id == interaction_id, COLUMNS.closed_at.is_(None))
            .values(payload=json.dumps(payload))
        )
        return bool(replaced)

    async def hold_pictures(self, interaction_id: int, keys: Collection[str]) -> bool:
        """Keep these pictures from being deleted while the intake is open.

        Call it before storing the pictures, or before checking whether they exist. They are then
        kept until the intake is closed, or as long as the job that it becomes needs them.

        Returns:
            False if the user had their data erased: there will be no job.
        """
        uses = schema.intake_uses
        async with self._database.write() as transaction:
            await transaction.lock(*(picture_lock(key) for key in keys))
            row = await intake_row(transaction, interaction_id)
            if row is None or row.closed_at is not None:
                return row is None or row.erased_at is None
            rows = [{"interaction_id": interaction_id, "key": key} for key in sorted(set(keys))]
            if rows:
                await transaction.execute(transaction.insert(uses).on_conflict_do_nothing(), rows)
        return True

    async def close(self, interaction_id: int) -> None:
        """Close an intake without a job; `submit` closes it by itself."""
        async with self._database.write() as transaction:
            await close_intakes(transaction, COLUMNS.interaction_id == interaction_id)

    async def _write(self) -> None:
        """Write batches until none waits."""
        while self._openings:
            batch: list[_Opening] = []
            try:
                async with self._database.write() as transaction:
                    batch = self._take_all()  # includes those that came while waiting
                    new_ids = await _insert(transaction, batch)
            except Exception as error:  # noqa: BLE001 - raised by each waiter
                for opening in batch or self._take_all():
                    if not opening.is_new.done():
                        opening.is_new.set_exception(error)
            else:
                for opening in batch:
                    if not opening.is_new.done():  # its waiter may be cancelled
                        opening.is_new.set_result(opening.interaction_id in new_ids)
                    new_ids.discard(opening.interaction_id)
            finally:
                for opening in batch:
                    opening.is_new.cancel()  # no effect unless this task was cancelled

    def _take_all(self) -> list[_Opening]:
        taken, self._openings = self._openings, []
        return taken


async def intake_row(transaction: Transaction, interaction_id: int) -> Row | None:
    """An intake's row, locked against other writers until the transaction ends."""
    this = sa.select(schema.intakes).where(COLUMNS.interaction_id == interaction_id)
    return await transaction.one_or_none(this.with_for_update())


async def close_intakes(
    transaction: Transaction, which: sa.ColumnElement[bool], *, erased: bool = False
) -> list[str]:
    """Close open intakes and return the keys of the pictures they held.

    Args:
        transaction: to write in.
        which: the intakes.
        erased: whether the user had their data erased, so that no job may follow.
    """
    values = {"erased_at": transaction.now} if erased else {}
    # The row is kept for a while, to recognize the interaction again; its content is removed.
    closed = await transaction.scalars(
        sa.update(schema.intakes)
        .where(which, COLUMNS.closed_at.is_(None))
        .values(closed_at=transaction.now, payload="{}", user_id=None, **values)
        .returning(COLUMNS.interaction_id)
    )
    if not closed:
        return []
    uses = schema.intake_uses
    dropped = await transaction.scalars(
        sa.delete(uses).where(uses.c.interaction_id.in_(closed)).returning(uses.c.key)
    )
    return list(dropped)


async def _insert(transaction: Transaction, batch: list[_Opening]) -> set[int]:
    """Insert those that are neither intakes nor jobs; returns the IDs of the new ones."""
    openings: dict[int, _Opening] = {}
    for opening in batch:
        openings.setdefault(opening.interaction_id, opening)
    jobs = sa.select(J.interaction_id).where(J.interaction_id.in_(list(openings)))
    are_jobs = set(await transaction.scalars(jobs))
    # Sorted, so that two bots cannot deadlock.
    rows = [
        {
            "interaction_id": number,
            "user_id": opening.user_id,
            "payload": opening.payload,
            "created_at": transaction.now,
        }
        for number, opening in sorted(openings.items())
        if number not in are_jobs
    ]
    if not rows:
        return set()
    inserted = await transaction.scalars(
        transaction.insert(schema.intakes)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(COLUMNS.interaction_id)
    )
    return set(inserted)


def _intake(row: Row) -> Intake:
    return from_row(Intake, row, payload=json_object(row.payload))
