"""Registered engines, their heartbeats and their measured speed."""

from typing import Any

import sqlalchemy as sa

from jobs.core import QueuePart
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Row, Transaction
from jobs.db.facts import forget_fact, write_fact
from jobs.model import EngineInfo
from jobs.scheduling.fleet import engine_from_row
from jobs.scheduling.positions import ENGINE_STARTING
from jobs.scheduling.speeds import engine_kind, smoothed

E = schema.engines.c


class Engines(QueuePart):
    """Registers engines and records their state."""

    async def expect(self) -> None:
        """Record that an engine is starting, until `register` or a timeout."""
        async with self._database.write(durable=False) as transaction:
            await write_fact(transaction, ENGINE_STARTING, str(transaction.now))
            await transaction.notify(CHANGED_TOPIC)

    async def expect_no_more(self) -> None:
        """Record that the expected engine did not start."""
        async with self._database.write(durable=False) as transaction:
            await forget_fact(transaction, ENGINE_STARTING)
            await transaction.notify(CHANGED_TOPIC)

    async def register(self, engine: EngineInfo) -> None:
        """Register an engine."""
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
            "weights": " ".join(engine.weights) or None,
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
        """Heartbeat of an engine; False if it has to register again."""
        async with self._database.write(durable=False) as transaction:
            return await seen(transaction, engine_id, memory_used_bytes=memory_used_bytes)

    async def note_trouble(self, engine: EngineInfo, reason: str) -> None:
        """Record, for the owner, what keeps an engine from painting."""
        async with self._database.write(durable=False) as transaction:
            await seen(transaction, engine.id, trouble=reason)

    async def was_in_trouble(self, engine: EngineInfo) -> bool:
        """Whether an engine on this device reported trouble that has not been cleared since."""
        statement = sa.select(E.id).where(*_troubled_on_device_of(engine)).limit(1)
        return bool(await self._database.scalars(statement))

    async def clear_trouble(self, engine: EngineInfo) -> None:
        """Clear reported trouble, including that of earlier engines on this device."""
        theirs = sa.update(schema.engines).where(*_troubled_on_device_of(engine))
        await self._database.execute(theirs.values(trouble=None), durable=False)

    async def forget(self, engine_id: str) -> None:
        """Remove an engine; `release` or `reap` deals with the job that it holds."""
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
    """Set an engine's heartbeat and other columns; False if it is not registered."""
    its = sa.update(schema.engines).where(E.id == engine_id)
    result = await transaction.execute(its.values(last_seen=transaction.now, **values))
    return bool(result.rowcount)


async def _best_pace(transaction: Transaction, engine: EngineInfo) -> float | None:
    """The fewest seconds per unit of work measured for this kind of engine."""
    table = schema.speeds.c
    best = sa.select(sa.func.min(table.seconds_per_work))
    kind = table.engine_kind == engine_kind(engine)
    found: float | None = await transaction.scalar(best.where(kind))
    return found


async def measure(transaction: Transaction, row: Row, engine_id: str, seconds: float) -> None:
    """Update the speed of this kind of engine from a finished job."""
    table = schema.speeds
    engine = await transaction.one_or_none(sa.select(schema.engines).where(E.id == engine_id))
    if engine is None or seconds <= 0:
        return
    kind = engine_kind(engine_from_row(engine), row.network)
    # Several engines may finish their first job of a class at the same moment.
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
        return  # the announced pace is that of the engine's own network
    if engine.pace is None or newest < engine.pace:
        its = sa.update(schema.engines).where(E.id == engine_id)
        await transaction.execute(its.values(pace=newest))
