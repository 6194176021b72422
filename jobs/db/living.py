"""The bots that were heard of a moment ago: whether one of them still runs."""

import os
import platform
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Record, heard_of
from jobs.db.rows import from_row
from jobs.model import EngineInfo

BOT_LOCK = "bot.lock"
"""The file in the data folder that a running bot holds locked."""
BOT_ALIVE_SECONDS = 60.0
"""A bot that was not heard of for this long is not counted on."""


@dataclass(frozen=True, slots=True)
class BotInfo:
    """One running bot process."""

    id: str
    application_id: int
    host: str
    pid: int
    version: str


@dataclass(frozen=True, slots=True)
class BotState:
    """What a bot last said of itself; times are of the database's clock."""

    info: BotInfo
    started_at: datetime
    last_seen: datetime
    gateway_seen: datetime | None
    """When Discord's gateway was last there for it."""
    latency_seconds: float | None


def has_ended(one: BotInfo | EngineInfo) -> bool:
    """Whether a bot or an engine has ended without signing off, as far as is seen here.

    A container that starts again has the name and the number of the one before.
    """
    if one.host != platform.node():
        return False
    if one.pid == os.getpid():
        return True
    import psutil  # noqa: PLC0415 (a bot that is alone here never asks)

    return not psutil.pid_exists(one.pid)


async def bots_alive(connection: AsyncConnection, now: float) -> list[BotState]:
    """The bots that were heard of, the oldest first."""
    table = schema.bots
    statement = sa.select(table).where(heard_of(table.c.last_seen, now, BOT_ALIVE_SECONDS))
    rows = await connection.execute(statement.order_by(table.c.started_at))
    return [bot_from_row(row) for row in rows.all()]


def bot_from_row(row: Record) -> BotState:
    """What a bot last said of itself, in a row of `bots`."""
    return from_row(BotState, row, info=from_row(BotInfo, row))


async def engines_alive_of_old(connection: AsyncConnection, now: float) -> list[EngineInfo]:
    """The engines that were heard of, in the table of any version."""
    known = [
        schema.engines.c[name] for name in ("id", "host", "device", "network", "version", "pid")
    ]
    alive = heard_of(schema.engines.c.last_seen, now, BOT_ALIVE_SECONDS)
    rows = await connection.execute(sa.select(*known).where(alive))
    return [EngineInfo(*row) for row in rows.all()]
