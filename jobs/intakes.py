"""Commands that were understood and are no jobs yet, so that none is lost on the way."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from jobs import schema
from jobs.core import QueueCore
from jobs.database import Database, Transaction
from jobs.model import Intake
from jobs.records import J, json_object, moment
from jobs.settings import Settings
from jobs.store import PictureStore

COLUMNS = schema.intakes.c


@dataclass(eq=False)
class _Opening:
    """An intake that waits to be written; `is_new` is set once it is."""

    interaction_id: int
    payload: str
    is_new: "asyncio.Future[bool]" = field(default_factory=asyncio.Future)


class Intakes(QueueCore):
    """The side of the queue that writes commands down before anything else is done.

    A transaction on SQLite is a wait for the disk. So those that come while one is made wait for
    the next and share it: a hundred members at once cost a few waits, not a hundred.
    """

    def __init__(self, settings: Settings, database: Database, store: PictureStore) -> None:
        super().__init__(settings, database, store)
        self._openings: list[_Opening] = []
        self._writing: asyncio.Task[None] | None = None

    async def open_intake(self, interaction_id: int, payload: dict[str, Any]) -> bool:
        """Remember a command before it is acknowledged and its pictures are fetched.

        Returns False when the interaction is known already, as an intake or as a job, so that
        one that Discord sends twice is worked on once.
        """
        opening = _Opening(interaction_id, json.dumps(payload))
        self._openings.append(opening)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="intakes")
        return await opening.is_new

    async def pending_intakes(self) -> list[Intake]:
        """Commands that were written down and are no jobs yet, oldest first."""
        statement = (
            sa.select(schema.intakes)
            .where(COLUMNS.closed_at.is_(None))
            .order_by(COLUMNS.created_at, COLUMNS.interaction_id)
        )
        async with self.database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return [
            Intake(row.interaction_id, json_object(row.payload), moment(row.created_at))
            for row in rows
        ]

    async def close_intake(self, interaction_id: int) -> None:
        """Note that a command was dealt with; `submit` does so by itself."""
        async with self.database.write() as transaction:
            await close_intake_in(transaction, interaction_id)

    async def _write(self) -> None:
        """Write down what waits, again and again until nothing does."""
        while self._openings:
            batch: list[_Opening] = []
            try:
                async with self.database.write() as transaction:
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


async def close_intake_in(transaction: Transaction, interaction_id: int) -> None:
    """Close an intake as part of a transaction."""
    # The row stays for a while, to know the interaction again; what it held is dropped.
    await transaction.connection.execute(
        sa.update(schema.intakes)
        .where(COLUMNS.interaction_id == interaction_id, COLUMNS.closed_at.is_(None))
        .values(closed_at=transaction.now, payload="{}")
    )


async def _insert(transaction: Transaction, batch: list[_Opening]) -> set[int]:
    """Insert what is not known. Returns the ids of what is new."""
    connection = transaction.connection
    payloads: dict[int, str] = {}
    for opening in batch:
        payloads.setdefault(opening.interaction_id, opening.payload)
    jobs = sa.select(J.interaction_id).where(J.interaction_id.in_(list(payloads)))
    are_jobs = set((await connection.scalars(jobs)).all())
    rows = [
        {"interaction_id": number, "payload": payloads[number], "created_at": transaction.now}
        for number in sorted(payloads)  # in one order, so that two bots cannot deadlock
        if number not in are_jobs
    ]
    if not rows:
        return set()
    insert = postgresql.insert if transaction.postgres else sqlite.insert
    inserted = await connection.scalars(
        insert(schema.intakes)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(COLUMNS.interaction_id)
    )
    return set(inserted.all())
