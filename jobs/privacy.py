"""A user's data: shown and erased on request."""

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from jobs import schema
from jobs.cancelling import forget_clearing, lock_with_flow
from jobs.core import QueueCore
from jobs.database import CHANGED_TOPIC
from jobs.ending import end_job
from jobs.fairness import leave_place
from jobs.model import JobState
from jobs.records import J, Record
from jobs.retention import drop_pictures
from jobs.store import PictureMissing

_SECRET = frozenset({"target"})
"""Columns with keys to Discord rather than data of the user."""


@dataclass(frozen=True, slots=True)
class ErasedCounts:
    """What was erased."""

    jobs: int
    pictures: int
    styles: int


class Privacy(QueueCore):
    """The side of the queue that answers for what it knows of somebody."""

    async def export_user(self, user_id: int, *, max_picture_bytes: int | None = None) -> bytes:
        """A zip with all that is kept of a user: `data.json`, and their pictures.

        With `max_picture_bytes` the newest pictures that fit are in it; `data.json` names
        those that were left out.
        """
        tables = (
            ("jobs", sa.select(schema.jobs).where(J.user_id == user_id).order_by(J.id.desc())),
            (
                "events",
                sa.select(schema.events)
                .join(schema.jobs, J.id == schema.events.c.job_id)
                .where(J.user_id == user_id)
                .order_by(schema.events.c.id),
            ),
            ("styles", sa.select(schema.user_styles).where(_own_style(user_id))),
            (
                "blocked",
                sa.select(schema.blocked_users).where(schema.blocked_users.c.user_id == user_id),
            ),
            ("admin_actions", sa.select(schema.audit).where(schema.audit.c.user_id == user_id)),
        )
        uses = schema.picture_uses
        data: dict[str, Any] = {"user_id": str(user_id)}
        async with self.database.read() as connection:
            for name, statement in tables:
                rows = await connection.execute(statement)
                data[name] = [_plain(row) for row in rows]
            keys = list(
                await connection.scalars(
                    sa.select(uses.c.key)
                    .join(schema.jobs, J.id == uses.c.job_id)
                    .where(J.user_id == user_id, uses.c.role != "checkpoint")
                    .order_by(J.id.desc(), uses.c.role.desc())
                )
            )
        keys += [style["picture_key"] for style in data["styles"]]
        buffer = io.BytesIO()
        left_out: list[str] = []
        size = 0
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for key in dict.fromkeys(keys):
                try:
                    picture = await self.store.get(key)
                except PictureMissing:
                    continue
                if max_picture_bytes is not None and size + len(picture) > max_picture_bytes:
                    left_out.append(key)
                    continue
                size += len(picture)
                archive.writestr(f"pictures/{key}", picture)
            data["pictures_left_out"] = left_out
            archive.writestr("data.json", json.dumps(data, indent=2, ensure_ascii=False))
        return buffer.getvalue()

    async def erase_user(self, user_id: int) -> ErasedCounts:
        """Erase what is kept of a user: waiting jobs, history, pictures, styles, intakes.

        Two things stay. A block stays, or erasing would lift it. Of the jobs of the last 24
        hours the bare rows stay until `gc` finds them older, or erasing would reset the limit
        of pictures a day; nothing is left in them but the times and the user's id.
        """
        async with self.database.read() as connection:
            ids = list(
                await connection.scalars(
                    sa.select(J.id).where(J.user_id == user_id, J.erased_at.is_(None))
                )
            )
        keys: list[str] = []
        for job_id in ids:
            keys += await self._erase_job(job_id, user_id)
        async with self.database.write() as transaction:
            styles = schema.user_styles
            result = await transaction.connection.execute(
                sa.delete(styles).where(_own_style(user_id)).returning(styles.c.picture_key)
            )
            style_keys = [str(key) for key in result.scalars()]
            await transaction.connection.execute(
                sa.update(schema.audit).where(schema.audit.c.user_id == user_id).values(user_id=0)
            )
        await self._discard([*keys, *style_keys])
        return ErasedCounts(len(ids), len(set(keys)), len(style_keys))

    async def _erase_job(self, job_id: int, user_id: int) -> list[str]:
        async with self.database.write() as transaction:
            row = await lock_with_flow(transaction, job_id)
            if row is None:
                return []
            if row.state == JobState.QUEUED:
                await leave_place(transaction, row)
            if row.state in {JobState.QUEUED, JobState.RUNNING}:
                # Its engine finds at its next write that the job is no longer its own.
                await end_job(transaction, row, JobState.CANCELLED, f"user:{user_id}")
            keys = await drop_pictures(transaction, row)
            await forget_clearing(transaction, job_id)
            await transaction.connection.execute(
                sa.update(schema.jobs)
                .where(J.id == job_id)
                .values(
                    user_name="",
                    inputs="{}",
                    options="{}",
                    target="{}",
                    progress=None,
                    report=None,
                    message_id=None,
                    message_channel_id=None,
                    delivered_at=sa.func.coalesce(J.delivered_at, transaction.now),
                    delivered_how=sa.func.coalesce(J.delivered_how, "erased"),
                    erased_at=transaction.now,
                )
            )
            await transaction.connection.execute(
                sa.delete(schema.events).where(schema.events.c.job_id == job_id)
            )
            await transaction.connection.execute(
                sa.delete(schema.intakes).where(
                    schema.intakes.c.interaction_id == row.interaction_id
                )
            )
            await transaction.notify(CHANGED_TOPIC)
        return keys


def _own_style(user_id: int) -> sa.ColumnElement[bool]:
    columns = schema.user_styles.c
    return sa.and_(columns.scope == "user", columns.owner_id == user_id)


def _plain(row: Record) -> dict[str, Any]:
    return {name: value for name, value in row._asdict().items() if name not in _SECRET}
