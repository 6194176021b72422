"""Commands that were understood and are no jobs yet, so that none is lost on the way."""

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from jobs.core import QueueCore, QueuePart, picture_lock
from jobs.db import schema
from jobs.db.database import Record, Transaction
from jobs.db.rows import J, from_row, json_object
from jobs.model import Intake

COLUMNS = schema.intakes.c


@dataclass(eq=False)
class _Opening:
    """An intake that waits to be written; `is_new` is set once it is."""

    interaction_id: int
    user_id: int
    payload: str
    is_new: "asyncio.Future[bool]" = field(default_factory=asyncio.Future)


class Intakes(QueuePart):
    """Writes commands down before anything else is done.

    A transaction on SQLite is a wait for the disk. So those that come while one is made wait for
    the next and share it: a hundred members at once cost a few waits, not a hundred.
    """

    def __init__(self, core: QueueCore) -> None:
        super().__init__(core)
        self._openings: list[_Opening] = []
        self._writing: asyncio.Task[None] | None = None

    async def open(self, interaction_id: int, user_id: int, payload: dict[str, Any]) -> bool:
        """Remember a command before it is acknowledged and its pictures are fetched.

        Returns False when the interaction is known already, as an intake or as a job, so that
        one that Discord sends twice is worked on once.
        """
        opening = _Opening(interaction_id, user_id, json.dumps(payload))
        self._openings.append(opening)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="intakes")
        return await opening.is_new

    async def pending(self) -> list[Intake]:
        """Commands that were written down and are no jobs yet, oldest first."""
        statement = (
            sa.select(schema.intakes)
            .where(COLUMNS.closed_at.is_(None))
            .order_by(COLUMNS.created_at, COLUMNS.interaction_id)
        )
        return [_intake(row) for row in await self._database.all(statement)]

    async def get(self, interaction_id: int) -> Intake | None:
        """A command that is still open, or None."""
        this = (COLUMNS.interaction_id == interaction_id, COLUMNS.closed_at.is_(None))
        row = await self._database.one_or_none(sa.select(schema.intakes).where(*this))
        return None if row is None else _intake(row)

    async def replace(self, interaction_id: int, payload: dict[str, Any]) -> bool:
        """Write anew what is asked for; False where the command is not open any more."""
        replaced = await self._database.execute(
            sa.update(schema.intakes)
            .where(COLUMNS.interaction_id == interaction_id, COLUMNS.closed_at.is_(None))
            .values(payload=json.dumps(payload))
        )
        return bool(replaced)

    async def hold_pictures(self, interaction_id: int, keys: Collection[str]) -> bool:
        """Keep these pictures from being deleted while the intake is open.

        To be called before they are put, or before it is looked whether they are there. Then
        they stay until the intake is closed, or until the job that it becomes needs them no more.

        Returns:
            False where the user had everything erased: there will be no job.
        """
        uses = schema.intake_uses
        async with self._database.write() as transaction:
            await transaction.lock(*(picture_lock(key) for key in keys))
            row = await intake_row(transaction, interaction_id)
            if row is None or row.closed_at is not None:
                return row is None or row.erased_at is None
            statement = sa.select(uses.c.key).where(uses.c.interaction_id == interaction_id)
            new = set(keys) - set(await transaction.scalars(statement))
            if new:
                rows = [{"interaction_id": interaction_id, "key": key} for key in sorted(new)]
                await transaction.execute(sa.insert(uses), rows)
        return True

    async def close(self, interaction_id: int) -> None:
        """Note that a command was dealt with; `submit` does so by itself."""
        async with self._database.write() as transaction:
            await close_intakes(transaction, COLUMNS.interaction_id == interaction_id)

    async def _write(self) -> None:
        """Write down what waits, again and again until nothing does."""
        while self._openings:
            batch: list[_Opening] = []
            try:
                async with self._database.write() as transaction:
                    batch = self._take_all()  # with those that came while it waited to begin
                    new_ids = await _insert(transaction, batch)
            except Exception as error:  # noqa: BLE001 - each of those who wait raises it
                for opening in batch or self._take_all():
                    if not opening.is_new.done():
                        opening.is_new.set_exception(error)
            else:
                for opening in batch:
                    if not opening.is_new.done():  # nobody may wait for it any more
                        opening.is_new.set_result(opening.interaction_id in new_ids)
                    new_ids.discard(opening.interaction_id)
            finally:
                for opening in batch:
                    opening.is_new.cancel()  # where this task was cancelled; else it is done

    def _take_all(self) -> list[_Opening]:
        taken, self._openings = self._openings, []
        return taken


async def intake_row(transaction: Transaction, interaction_id: int) -> Record | None:
    """An intake's row, locked against other writers until the transaction ends."""
    this = sa.select(schema.intakes).where(COLUMNS.interaction_id == interaction_id)
    return await transaction.one_or_none(this.with_for_update())


async def close_intakes(
    transaction: Transaction, which: sa.ColumnElement[bool], *, erased: bool = False
) -> list[str]:
    """Close open intakes, `erased` where what they need was; the keys of the pictures they held."""
    values = {"erased_at": transaction.now} if erased else {}
    # The row stays for a while, to know the interaction again; what it held is dropped.
    closed = await transaction.scalars(
        sa.update(schema.intakes)
        .where(which, COLUMNS.closed_at.is_(None))
        .values(closed_at=transaction.now, payload="{}", user_id=None, **values)
        .returning(COLUMNS.interaction_id)
    )
    uses = schema.intake_uses
    dropped = await transaction.scalars(
        sa.delete(uses).where(uses.c.interaction_id.in_(closed)).returning(uses.c.key)
    )
    return list(dropped)


async def _insert(transaction: Transaction, batch: list[_Opening]) -> set[int]:
    """Insert what is not known. Returns the ids of what is new."""
    openings: dict[int, _Opening] = {}
    for opening in batch:
        openings.setdefault(opening.interaction_id, opening)
    jobs = sa.select(J.interaction_id).where(J.interaction_id.in_(list(openings)))
    are_jobs = set(await transaction.scalars(jobs))
    # In one order, so that two bots cannot deadlock.
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


def _intake(row: Record) -> Intake:
    return from_row(Intake, row, payload=json_object(row.payload))
