"""The engines that are there, and how fast they have been."""

from typing import Any

import sqlalchemy as sa

from jobs.core import QueuePart
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Record, Transaction
from jobs.db.facts import forget_fact, write_fact
from jobs.model import EngineInfo
from jobs.order.fleet import engine_from_row
from jobs.order.speeds import engine_kind, smoothed
from jobs.order.standings import ENGINE_STARTING

E = schema.engines.c


class Engines(QueuePart):
    """The engines that are counted on."""

    async def expect(self) -> None:
        """Say that an engine is starting; `register` or some time ends that."""
        async with self._database.write(precious=False) as transaction:
            await write_fact(transaction, ENGINE_STARTING, str(transaction.now))
            await transaction.notify(CHANGED_TOPIC)

    async def expect_no_more(self) -> None:
        """Say that it did not come to be."""
        async with self._database.write(precious=False) as transaction:
            await forget_fact(transaction, ENGINE_STARTING)
            await transaction.notify(CHANGED_TOPIC)

    async def register(self, engine: EngineInfo) -> None:
        """Count on an engine from now on."""
        values: dict[str, Any] = {
            "host": engine.host[:200],
            "device": engine.device[:200],
            "network": engine.network[:40],
            "version": engine.version[:40],
            "pid": engine.pid,
            "model": engine.model[:200],
            "networks": " ".join(engine.networks) or None,
            "memory_bytes": engine.memory_bytes,
            "memory_used_bytes": engine.memory_used_bytes,
            "largest_px": engine.largest_px,
        }
        async with self._database.write() as transaction:
            now = transaction.now
            pace = await _best_pace(transaction, engine) or engine.pace
            values |= {"started_at": now, "last_seen": now, "pace": pace}
            await transaction.lock(f"atelier-engine:{engine.id}")
            await transaction.replace(schema.engines, {"id": engine.id}, **values)
            await forget_fact(transaction, ENGINE_STARTING)
            await transaction.notify(CHANGED_TOPIC)

    async def heartbeat(self, engine_id: str, *, memory_used_bytes: int | None = None) -> bool:
        """Note that an engine is alive; False when it has to register again."""
        async with self._database.write(precious=False) as transaction:
            return await seen(transaction, engine_id, memory_used_bytes=memory_used_bytes)

    async def note_trouble(self, engine: EngineInfo, reason: str) -> None:
        """Let the owner know what keeps an engine from painting."""
        async with self._database.write(precious=False) as transaction:
            await seen(transaction, engine.id, trouble=reason)

    async def was_in_trouble(self, engine: EngineInfo) -> bool:
        """Whether an engine that ran on this device before said so, and none that all is well."""
        statement = sa.select(E.id).where(*_troubled_on_device_of(engine)).limit(1)
        return bool(await self._database.scalars(statement))

    async def note_well(self, engine: EngineInfo) -> None:
        """Take it back, also for those that ran on this device before."""
        theirs = sa.update(schema.engines).where(*_troubled_on_device_of(engine))
        await self._database.execute(theirs.values(trouble=None), precious=False)

    async def forget(self, engine_id: str) -> None:
        """Count on an engine no longer; what it has claimed is left to `release` or `reap`."""
        async with self._database.write() as transaction:
            await transaction.execute(sa.delete(schema.engines).where(E.id == engine_id))
            await transaction.notify(CHANGED_TOPIC)


def _troubled_on_device_of(engine: EngineInfo) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        E.host == engine.host[:200],
        E.device == engine.device[:200],
        E.trouble.is_not(None),
    )


async def seen(transaction: Transaction, engine_id: str, **values: Any) -> bool:
    """Note that an engine is alive; False when it is not registered."""
    its = sa.update(schema.engines).where(E.id == engine_id)
    result = await transaction.execute(its.values(last_seen=transaction.now, **values))
    return bool(result.rowcount)


async def _best_pace(transaction: Transaction, engine: EngineInfo) -> float | None:
    """The least seconds for a unit of work that were measured of its kind."""
    table = schema.speeds.c
    best = sa.select(sa.func.min(table.seconds_per_work))
    kind = table.engine_kind == engine_kind(engine)
    found: float | None = await transaction.scalar(best.where(kind))
    return found


async def measure(transaction: Transaction, row: Record, engine_id: str, seconds: float) -> None:
    """Learn from a finished job how fast this kind of engine is."""
    table = schema.speeds
    engine = await transaction.one_or_none(sa.select(schema.engines).where(E.id == engine_id))
    if engine is None or seconds <= 0:
        return
    kind = engine_kind(engine_from_row(engine), row.network)
    # Many engines may finish their first job of a class at the same moment.
    await transaction.lock(f"atelier-speed:{kind}:{row.speed_class}")
    where = (table.c.engine_kind == kind, table.c.speed_class == row.speed_class)
    known = await transaction.one_or_none(sa.select(table).where(*where))
    before, samples = (None, 0) if known is None else (known.seconds_per_work, known.samples)
    newest = smoothed(before, samples, seconds / row.work)
    await transaction.replace(
        table,
        {"engine_kind": kind, "speed_class": row.speed_class},
        seconds_per_work=newest,
        samples=samples + 1,
        updated_at=transaction.now,
    )
    if row.network not in {None, engine.network}:
        return  # what it announces is of its own network
    if engine.pace is None or newest < engine.pace:
        its = sa.update(schema.engines).where(E.id == engine_id)
        await transaction.execute(its.values(pace=newest))
