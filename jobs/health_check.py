"""Looking whether Atelier works: the questions to the database, the store and the disk."""

import asyncio
import shutil
import time
from pathlib import Path

import sqlalchemy as sa

from common import crashes
from common.logs import redacted
from common.options import resolve_network
from common.store import StorageUnavailableError, folder_of
from jobs.core import QueueCore, QueuePart
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.migrate import newer_schema
from jobs.db.rows import IS_QUEUED, IS_RUNNING, J, job_from_row, moment
from jobs.entering.limits import EVERYWHERE
from jobs.health import (
    TROUBLE_SECONDS,
    EngineState,
    EngineTrouble,
    Health,
)
from jobs.model import EngineInfo, Job, JobState
from jobs.order.fleet import ENGINE_ALIVE_SECONDS, engine_from_row
from jobs.order.standings import is_starting
from jobs.working.bots import Bots

_FAILURES_SHOWN = 5
_DAY_SECONDS = 86_400.0
_MOST_ENDED = 2000


class HealthCheck(QueuePart):
    """Asks the database, the store and the disk."""

    def __init__(self, core: QueueCore, bots: Bots) -> None:
        super().__init__(core)
        self._bots = bots

    async def ask(self, *, ask_store: bool = True) -> Health:
        """How it is now.

        Args:
            ask_store: whether to write, read and delete a small file, which costs a request or
                three where the store is on another machine.

        Raises:
            QueueUnavailableError: when the database cannot be read, which says enough.
        """
        began = time.monotonic()
        problem = await self._store_problem() if ask_store else None
        store_seconds = time.monotonic() - began if ask_store else 0.0
        free_bytes = await asyncio.to_thread(self._free_bytes)
        folder = self._core.settings.atelier_data_dir
        crashing = set(await asyncio.to_thread(crashes.loops, folder))
        began = time.monotonic()
        bots = tuple(await self._bots.alive())
        settings = self._core.settings
        async with self._database.read() as connection:
            now = await self._database.now_in(connection)
            alive = schema.engines.c.last_seen > now - ENGINE_ALIVE_SECONDS
            engine_rows = (await connection.execute(sa.select(schema.engines).where(alive))).all()
            in_trouble = sa.and_(
                schema.engines.c.trouble.is_not(None),
                schema.engines.c.last_seen > now - TROUBLE_SECONDS,
            )
            places = (schema.engines.c.host, schema.engines.c.device)
            trouble_rows = await connection.execute(
                sa.select(*places, sa.func.max(schema.engines.c.trouble))
                .where(in_trouble)
                .group_by(*places)
                .order_by(*places)
            )
            engine_troubles = tuple(EngineTrouble(*row) for row in trouble_rows)
            running_rows = (
                await connection.execute(sa.select(schema.jobs).where(IS_RUNNING).order_by(J.id))
            ).all()
            paused = set(await connection.scalars(sa.select(schema.pauses.c.guild_id)))
            by_network = await connection.execute(
                sa.select(J.network, sa.func.count()).where(IS_QUEUED).group_by(J.network)
            )
            waiting = {network: int(count) for network, count in by_network}
            crashing |= await _crashing_engines(connection, now)
            newer = await newer_schema(connection)
            starting = not engine_rows and await is_starting(connection, now)
            startable = [IS_QUEUED, J.flow.not_in(paused)]
            oldest = await connection.scalar(sa.select(sa.func.min(J.created_at)).where(*startable))
            newest = await self._ended(connection, now, 100)
        painted_by = {row.engine_id: job_from_row(row) for row in running_rows}
        return Health(
            at=moment(now),
            bots=bots,
            engines=tuple(
                EngineState(engine_from_row(row), painted_by.get(row.id)) for row in engine_rows
            ),
            waiting=sum(waiting.values()),
            running=len(running_rows),
            paused_everywhere=EVERYWHERE in paused,
            oldest_waiting_seconds=(
                None if oldest is None or EVERYWHERE in paused else max(0.0, now - float(oldest))
            ),
            failures=tuple(job for job in newest if job.failure is not None)[:_FAILURES_SHOWN],
            failures_in_a_row=_in_a_row(newest),
            engine_troubles=engine_troubles,
            engine_starting=starting,
            networks_lacking=_lacking(
                {resolve_network("auto", settings.atelier_network), *filter(None, waiting)},
                [engine_from_row(row) for row in engine_rows],
            ),
            crashing=tuple(sorted(crashing)),
            newer_schema=newer,
            free_bytes=free_bytes,
            reserve_bytes=settings.disk_reserve_bytes,
            store_problem=problem,
            store_seconds=store_seconds,
            database_seconds=time.monotonic() - began,
        )

    async def ended_today(self) -> list[Job]:
        """The jobs that ended in the last day, in whatever way, the newest first."""
        async with self._database.read() as connection:
            now = await self._database.now_in(connection)
            return await self._ended(connection, now, _MOST_ENDED, JobState.CANCELLED)

    async def _ended(
        self, connection: AsyncConnection, now: float, limit: int, *besides: JobState
    ) -> list[Job]:
        statement = (
            sa.select(schema.jobs)
            .where(J.ended_at > now - _DAY_SECONDS)
            .where(J.state.in_([JobState.DONE, JobState.FAILED, *besides]))
            .order_by(J.ended_at.desc())
            .limit(limit)
        )
        return [job_from_row(row) for row in (await connection.execute(statement)).all()]

    async def _store_problem(self) -> str | None:
        try:
            await self._core.store.check()
        except StorageUnavailableError as error:
            return redacted(str(error))
        return None

    def _free_bytes(self) -> int | None:
        """The least that is free of the data folder's disk and of the pictures' own."""
        settings = self._core.settings
        folders: list[Path] = [settings.atelier_data_dir.resolve()]
        pictures = folder_of(settings.storage_url)
        if pictures is not None:
            folders.append(pictures)
        free = []
        for folder in folders:
            there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
            try:
                if there is not None:
                    free.append(shutil.disk_usage(there).free)
            except OSError:
                continue
        return min(free, default=None)


def _lacking(wanted: set[str], engines: list[EngineInfo]) -> tuple[str, ...]:
    """The networks that no engine has; none where there is no engine, or one does not say."""
    if not engines or not all(engine.networks for engine in engines):
        return ()
    return tuple(sorted(wanted.difference(*(engine.networks for engine in engines))))


async def _crashing_engines(connection: AsyncConnection, now: float) -> set[str]:
    """Engines that began again and again and did not sign off, on whichever machine."""
    table = schema.engines.c
    place = (table.host, table.device)
    rows = await connection.execute(
        sa.select(*place)
        .where(
            table.started_at > now - crashes.WINDOW_SECONDS,
            table.last_seen <= now - ENGINE_ALIVE_SECONDS,
        )
        .group_by(*place)
        .having(sa.func.count() >= crashes.LOOP)
    )
    return {f"engine on {host} ({device})" for host, device in rows}


def _in_a_row(newest: list[Job]) -> int:
    """How many of the newest jobs failed by our own fault; a member's bad file says nothing."""
    count = 0
    for job in newest:
        if job.failure is None:
            break
        count += job.failure.is_ours
    return count
