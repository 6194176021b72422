"""Which bots and engines are alive, by their heartbeats and process IDs."""

import os
import platform
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Row, seen_recently
from jobs.db.rows import from_row
from jobs.model import EngineInfo

BOT_LOCK = "bot.lock"
"""Name of the lock file in the data folder that a running bot holds."""
BOT_ALIVE_SECONDS = 60.0
"""A bot without a heartbeat for this long is treated as dead."""


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
    """A bot's last heartbeat; times are of the database's clock."""

    info: BotInfo
    started_at: datetime
    gateway_seen: datetime | None
    """When it was last connected to Discord's gateway."""
    latency_seconds: float | None


def has_ended(one: BotInfo | EngineInfo) -> bool:
    """Whether a bot or an engine on this machine has ended without signing off.

    A restarted container has the host name and process ID of the one before.
    """
    if one.host != platform.node():
        return False
    if one.pid == os.getpid():
        return True
    import psutil  # noqa: PLC0415 (a bot that is alone here never asks)

    return not psutil.pid_exists(one.pid)


async def bots_alive(connection: AsyncConnection, now: float) -> list[BotState]:
    """The bots that are alive, oldest first."""
    table = schema.bots
    statement = sa.select(table).where(seen_recently(table.c.last_seen, now, BOT_ALIVE_SECONDS))
    rows = await connection.execute(statement.order_by(table.c.started_at))
    return [bot_from_row(row) for row in rows.all()]


def bot_from_row(row: Row) -> BotState:
    """The bot in a row of `bots`."""
    return from_row(BotState, row, info=from_row(BotInfo, row))


async def engines_alive_in_any_schema(connection: AsyncConnection, now: float) -> list[EngineInfo]:
    """The engines that are alive, from the table of any schema version."""
    known = [
        schema.engines.c[name] for name in ("id", "host", "device", "network", "version", "pid")
    ]
    alive = seen_recently(schema.engines.c.last_seen, now, BOT_ALIVE_SECONDS)
    rows = await connection.execute(sa.select(*known).where(alive))
    return [EngineInfo(*row) for row in rows.all()]
