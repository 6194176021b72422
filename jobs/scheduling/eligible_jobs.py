"""The jobs that may start, in the order of the queue's index."""

from typing import Any

import sqlalchemy as sa

from jobs.core import EVERYWHERE
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.rows import IS_QUEUED, J
from jobs.scheduling.fleet import Load


def startable() -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions of a job that may start: it is queued, and its server is not paused."""
    halted = schema.pauses.c.guild_id
    return (
        IS_QUEUED,
        J.flow.not_in(sa.select(halted)),
        ~sa.exists().where(halted == EVERYWHERE),
    )


def in_order(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """These columns of the jobs that may start, the next one first."""
    return sa.select(*columns).where(*startable()).order_by(J.start, J.id)


async def first_loads(connection: AsyncConnection, limit: int) -> list[Load]:
    """The first jobs in the queue."""
    statement = in_order(J.id, J.speed_class, J.work, J.network).limit(limit)
    return [Load(*row) for row in await connection.execute(statement)]
