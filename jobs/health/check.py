"""Queries the database, the store and the disk for `jobs.health.state`."""

import asyncio
import platform
import time
from collections.abc import Collection

import sqlalchemy as sa

from common import crashes
from common.disk_space import least_space
from common.logs import redacted
from common.options import resolve_network
from common.store import StorageUnavailableError
from jobs.core import DAY_SECONDS, EVERYWHERE, QueuePart
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import seen_recently
from jobs.db.liveness import bots_alive
from jobs.db.migrate import newer_schema
from jobs.db.rows import IS_QUEUED, IS_RUNNING, J, job_from_row, moment
from jobs.execution.ending import queued_at
from jobs.health.state import EngineState, EngineTrouble, Health, StoreState
from jobs.health.troubles import TROUBLE_SECONDS
from jobs.model import EngineInfo, Job, JobState
from jobs.scheduling.fleet import engine_from_row, is_alive
from jobs.scheduling.positions import is_starting

E = schema.engines.c
_PLACE = (E.host, E.device)
_READ_ONLY = sa.text(
    "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'"
)
TRY_SECONDS = 2.0
"""How long to wait for SQLite's write lock; no transaction of ours takes as long."""
_FAILURES_SHOWN = 5
_MOST_ENDED = 2000


class HealthCheck(QueuePart):
    """Determines the health of the installation."""

    async def ask(self, *, ask_store: bool = True) -> Health:
        """The current health.

        Args:
            ask_store: whether to write, read and delete a small file, which costs up to three
                requests if the store is remote.

        Raises:
            QueueUnavailableError: when the database cannot be read, or SQLite's cannot be written.
                Nothing else could be told then: bots and engines that cannot write heartbeats would
                seem dead.
        """
        settings = self._core.settings
        store = await self.store() if ask_store else StoreState()
        space = await asyncio.to_thread(least_space, settings)
        noted = await asyncio.to_thread(crashes.loops, settings.atelier_data_dir)
        began = time.monotonic()
        await self._database.try_to_write(TRY_SECONDS)
        async with self._database.read_now() as (connection, now):
            bots = tuple(await bots_alive(connection, now))
            rows = await connection.execute(sa.select(schema.engines).where(is_alive(now)))
            engines = [engine_from_row(row) for row in rows]
            troubles = await connection.execute(
                sa.select(*_PLACE, sa.func.max(E.trouble))
                .where(E.trouble.is_not(None), seen_recently(E.last_seen, now, TROUBLE_SECONDS))
                .group_by(*_PLACE)
                .order_by(*_PLACE)
            )
            engine_troubles = tuple(EngineTrouble(*row) for row in troubles)
            painted = sa.select(schema.jobs).where(IS_RUNNING).order_by(J.id)
            found = await connection.execute(painted)
            running = [(row.engine_id, job_from_row(row)) for row in found]
            paused = set(await connection.scalars(sa.select(schema.pauses.c.guild_id)))
            by_network = await connection.execute(
                sa.select(J.network, sa.func.count()).where(IS_QUEUED).group_by(J.network)
            )
            waiting = {network: int(count) for network, count in by_network}
            crashing_engines = await _crashing_engines(connection, now)
            newer = await newer_schema(connection)
            read_only = self._database.postgres and await connection.scalar(_READ_ONLY)
            starting = not engines and await is_starting(connection, now)
            startable = [IS_QUEUED, J.flow.not_in(paused)]
            oldest = await connection.scalar(sa.select(sa.func.min(queued_at())).where(*startable))
            newest = await self._ended(connection, now, 100)
        return Health(
            at=moment(now),
            bots=bots,
            engines=tuple(EngineState(one, dict(running).get(one.id)) for one in engines),
            waiting=sum(waiting.values()),
            running=len(running),
            paused_everywhere=EVERYWHERE in paused,
            oldest_waiting_seconds=(
                None if oldest is None or EVERYWHERE in paused else max(0.0, now - float(oldest))
            ),
            failures=tuple(job for job in newest if job.failure is not None)[:_FAILURES_SHOWN],
            failures_in_a_row=_in_a_row(newest),
            engine_troubles=engine_troubles,
            engine_starting=starting,
            networks_lacking=_lacking(
                {resolve_network("auto", settings.atelier_network), *filter(None, waiting)}, engines
            ),
            crashing=_crashing(noted, crashing_engines),
            read_only=bool(read_only),
            newer_schema=newer,
            free_bytes=None if space is None else space.free_bytes,
            free_in="" if space is None else str(space.folder),
            reserve_bytes=settings.disk_reserve_bytes,
            store=store,
            database_seconds=time.monotonic() - began,
        )

    async def ended_today(self) -> list[Job]:
        """All jobs that ended in the last day, newest first."""
        async with self._database.read_now() as (connection, now):
            return await self._ended(connection, now, _MOST_ENDED, JobState.CANCELLED)

    async def _ended(
        self, connection: AsyncConnection, now: float, limit: int, *besides: JobState
    ) -> list[Job]:
        statement = (
            sa.select(schema.jobs)
            .where(J.ended_at > now - DAY_SECONDS)
            .where(J.state.in_([JobState.DONE, JobState.FAILED, *besides]))
            .order_by(J.ended_at.desc())
            .limit(limit)
        )
        return [job_from_row(row) for row in (await connection.execute(statement)).all()]

    async def store(self) -> StoreState:
        """Check the store. One that does not answer takes half a minute."""
        began, problem = time.monotonic(), None
        try:
            await self._core.store.check()
        except StorageUnavailableError as error:
            problem = redacted(str(error))
        return StoreState(problem, time.monotonic() - began)


def _lacking(wanted: set[str], engines: list[EngineInfo]) -> tuple[str, ...]:
    """The wanted networks that no engine has; none if an engine does not report its own."""
    if not engines or not all(engine.networks for engine in engines):
        return ()
    return tuple(sorted(wanted.difference(*(engine.networks for engine in engines))))


async def _crashing_engines(connection: AsyncConnection, now: float) -> list[tuple[str, str]]:
    """Host and device of engines that started repeatedly without signing off, on any machine."""
    rows = await connection.execute(
        sa.select(*_PLACE)
        .where(seen_recently(E.started_at, now, crashes.WINDOW_SECONDS), ~is_alive(now))
        .group_by(*_PLACE)
        .having(sa.func.count() >= crashes.LOOP)
    )
    return [(host, device) for host, device in rows]


def _crashing(noted: Collection[str], engines: Collection[tuple[str, str]]) -> tuple[str, ...]:
    """The programs in a crash loop, each named once.

    An embedded engine that dies after it has registered is noted by its bot and found in the
    database, too; one that dies before that is only noted.

    Args:
        noted: Programs that were noted in this machine's data folder.
        engines: Host and device of the engines found in the database.
    """
    here = {device for host, device in engines if host == platform.node()}
    known = {"auto", *here, *(device.partition(":")[0] for device in here)} if here else set()
    names = {f"{crashes.ENGINE_ON}{host} ({device})" for host, device in engines}
    names |= set(noted) - {f"{crashes.ENGINE_ON}{setting}" for setting in known}
    return tuple(sorted(names))


def _in_a_row(newest: list[Job]) -> int:
    """How many of the newest jobs failed through our own fault; bad input files are skipped."""
    count = 0
    for job in newest:
        if job.failure is None:
            break
        count += job.failure.is_ours
    return count
