"""Whether Atelier works: what an owner would want to be told, and what a health check asks."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from common.logs import redacted
from common.sentences import Sentence, sentence
from common.store import StorageUnavailableError, folder_of
from jobs.core import QueueCore
from jobs.db import schema
from jobs.db.living import BotState
from jobs.db.rows import IS_QUEUED, IS_RUNNING, J, job_from_row, moment
from jobs.entering.limits import EVERYWHERE
from jobs.model import EngineInfo, FailureKind, Job, JobState
from jobs.order.fleet import ENGINE_ALIVE_SECONDS, engine_from_row
from jobs.working.bots import Bots
from jobs.working.ending import DEATHS_ALLOWED

STUCK_SECONDS = 300.0
"""A job that could be painted waits this long while no engine paints: nobody takes jobs."""
GATEWAY_AWAY_SECONDS = 90.0
TROUBLE_SECONDS = 300.0
"""How long the trouble of an engine that ended for it counts: its supervisor starts another."""
FAILURES_IN_A_ROW = 3
_FAILURES_SHOWN = 5
_DAY_SECONDS = 86_400.0
_MOST_ENDED = 2000
MIB = 1024 * 1024


class Part(StrEnum):
    """What can be ill; a health check may ask for some only."""

    BOT = "bot"
    ENGINE = "engine"
    STORE = "store"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that a person has to look at."""

    part: Part
    name: str
    """For logs, metrics and alerts: the same trouble always has the same name."""
    sentence: Sentence
    """What is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """An engine that is alive."""

    info: EngineInfo
    job: Job | None
    """What it paints."""


@dataclass(frozen=True, slots=True)
class EngineTrouble:
    """An engine that cannot paint, whether it still runs or has just ended for that."""

    host: str
    device: str
    reason: str
    """In English."""


@dataclass(frozen=True, slots=True)
class Health:
    """How Atelier is at one moment."""

    at: datetime
    bots: tuple[BotState, ...]
    engines: tuple[EngineState, ...]
    waiting: int
    running: int
    paused_everywhere: bool
    oldest_waiting_seconds: float | None
    """Of the jobs that may be painted: those of paused servers do not count."""
    failures: tuple[Job, ...]
    """Of the last day, the newest first."""
    free_bytes: int | None
    """On the disk of the data folder; None where the system does not say."""
    reserve_bytes: int
    store_problem: str | None
    failures_in_a_row: int = 0
    engine_troubles: tuple[EngineTrouble, ...] = ()
    database_seconds: float = 0.0
    """What these questions took of the database."""
    store_seconds: float = 0.0
    """What writing, reading and deleting a file took; 0 where it was not asked."""

    def with_store_of(self, other: "Health") -> "Health":
        """The same with what another one says of the store, which was not asked here."""
        return replace(self, store_problem=other.store_problem, store_seconds=other.store_seconds)

    def troubles(self) -> tuple[Trouble, ...]:
        """What a person has to look at, the worst first."""
        return (*self._of_store(), *self._of_engines(), *self._of_bots())

    def _of_store(self) -> Iterator[Trouble]:
        if self.store_problem is not None:
            yield Trouble(
                Part.STORE,
                "store",
                sentence(
                    "The picture store refuses: {reason} Nothing is painted until it works again.",
                    reason=self.store_problem,
                ),
            )
        if self.free_bytes is not None and self.free_bytes < self.reserve_bytes:
            yield Trouble(
                Part.DISK,
                "disk",
                sentence(
                    "The disk of the data folder has {free_mib} MiB left, less than the reserve of "
                    "{reserve_mib} MiB (ATELIER_DISK_RESERVE_MIB): make room, or keep pictures for "
                    "fewer days (ATELIER_RETENTION_DAYS).",
                    free_mib=self.free_bytes // MIB,
                    reserve_mib=self.reserve_bytes // MIB,
                ),
            )

    def _of_engines(self) -> Iterator[Trouble]:
        if not self.engines:
            yield Trouble(
                Part.ENGINE,
                "no-engine",
                sentence(
                    "No engine is running, {count} jobs wait: the log of the bot says why its "
                    "engine ended; with ATELIER_ENGINE=external start one with `python -m engine`.",
                    count=self.waiting,
                ),
            )
        elif self.running == 0 and (self.oldest_waiting_seconds or 0.0) > STUCK_SECONDS:
            yield Trouble(
                Part.ENGINE,
                "stuck",
                sentence(
                    "Engines are running, but the oldest job has waited for {minutes} minutes and "
                    "none is painted: look at the engine's log, and restart it.",
                    minutes=int((self.oldest_waiting_seconds or 0.0) / 60),
                ),
            )
        for trouble in self.engine_troubles:
            yield Trouble(
                Part.ENGINE,
                "engine-trouble",
                sentence(
                    "The engine on {host} ({device}) cannot paint: {reason} It tries again by "
                    "itself, and no job is charged for it; if this stays, look at its log.",
                    host=trouble.host,
                    device=trouble.device,
                    reason=trouble.reason,
                ),
            )
        for job in self.failures:
            if job.failure is not None and job.failure.kind is FailureKind.LOST:
                yield Trouble(
                    Part.ENGINE,
                    f"lost-{job.id}",
                    sentence(
                        "Job {job_id} ended its engine {count} times and was given up: "
                        "`python -m jobs show {job_id}` shows its options, the engine's log why. "
                        "An engine that is killed for its memory needs a lower "
                        "ATELIER_MAX_MEMORY.",
                        job_id=job.id,
                        count=DEATHS_ALLOWED,
                    ),
                )
        if self.failures_in_a_row >= FAILURES_IN_A_ROW:
            yield Trouble(
                Part.ENGINE,
                "failures",
                sentence(
                    "The last {count} jobs failed through no fault of their members; the newest is "
                    "job {job_id}: `python -m jobs show {job_id}` says why.",
                    count=self.failures_in_a_row,
                    job_id=self.failures[0].id,
                ),
            )

    def _of_bots(self) -> Iterator[Trouble]:
        if not self.bots:
            yield Trouble(
                Part.BOT,
                "no-bot",
                sentence("No bot is running: start it with `python -m bot`; its log says why not."),
            )
            return
        seen = [bot.gateway_seen or bot.started_at for bot in self.bots]
        away = (self.at - max(seen)).total_seconds()
        if away > GATEWAY_AWAY_SECONDS:
            yield Trouble(
                Part.BOT,
                "gateway",
                sentence(
                    "Discord has not been reached for {minutes} minutes: see discordstatus.com, "
                    "and whether this machine has a network. The bot goes on trying.",
                    minutes=int(away / 60),
                ),
            )


class HealthCheck:
    """Asks the database, the store and the disk."""

    def __init__(self, core: QueueCore, bots: Bots) -> None:
        self._core = core
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
        began = time.monotonic()
        bots = tuple(await self._bots.alive())
        settings = self._core.settings
        async with self._core.database.read() as connection:
            now = await self._core.database.now_in(connection)
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
            waiting = await connection.scalar(sa.select(sa.func.count()).where(IS_QUEUED))
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
            waiting=int(waiting or 0),
            running=len(running_rows),
            paused_everywhere=EVERYWHERE in paused,
            oldest_waiting_seconds=(
                None if oldest is None or EVERYWHERE in paused else max(0.0, now - float(oldest))
            ),
            failures=tuple(job for job in newest if job.failure is not None)[:_FAILURES_SHOWN],
            failures_in_a_row=_in_a_row(newest),
            engine_troubles=engine_troubles,
            free_bytes=free_bytes,
            reserve_bytes=settings.disk_reserve_bytes,
            store_problem=problem,
            store_seconds=store_seconds,
            database_seconds=time.monotonic() - began,
        )

    async def ended_today(self) -> list[Job]:
        """The jobs that were finished or failed in the last day, the newest first."""
        async with self._core.database.read() as connection:
            return await self._ended(
                connection, await self._core.database.now_in(connection), _MOST_ENDED
            )

    async def _ended(self, connection: AsyncConnection, now: float, limit: int) -> list[Job]:
        statement = (
            sa.select(schema.jobs)
            .where(J.ended_at > now - _DAY_SECONDS)
            .where(J.state.in_([JobState.DONE, JobState.FAILED]))
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


def _in_a_row(newest: list[Job]) -> int:
    """How many of the newest jobs failed by our own fault; a member's bad file says nothing."""
    count = 0
    for job in newest:
        if job.failure is None:
            break
        count += job.failure.is_ours
    return count
