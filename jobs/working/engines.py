"""The engines that are there, and how fast they have been."""

import sqlalchemy as sa

from jobs.core import QueueCore
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Transaction
from jobs.db.facts import forget_fact, write_fact
from jobs.db.rows import Record
from jobs.model import EngineInfo
from jobs.order.fleet import engine_from_row
from jobs.order.speeds import engine_kind, smoothed
from jobs.order.standings import ENGINE_STARTING


class Engines:
    """The engines that are counted on."""

    def __init__(self, core: QueueCore) -> None:
        self._core = core

    async def expect(self) -> None:
        """Say that an engine is starting; `register` or some time ends that."""
        async with self._core.database.write(precious=False) as transaction:
            await write_fact(transaction, ENGINE_STARTING, str(transaction.now))
            await transaction.notify(CHANGED_TOPIC)

    async def expect_no_more(self) -> None:
        """Say that it did not come to be."""
        async with self._core.database.write(precious=False) as transaction:
            await forget_fact(transaction, ENGINE_STARTING)
            await transaction.notify(CHANGED_TOPIC)

    async def register(self, engine: EngineInfo) -> None:
        """Count on an engine from now on."""
        table = schema.engines
        values = {
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
        async with self._core.database.write() as transaction:
            now, connection = transaction.now, transaction.connection
            pace = await _best_pace(transaction, engine) or engine.pace
            values |= {"started_at": now, "last_seen": now, "pace": pace}
            await transaction.lock(f"atelier-engine:{engine.id}")
            await connection.execute(sa.delete(table).where(table.c.id == engine.id))
            await connection.execute(sa.insert(table).values(id=engine.id, **values))
            await forget_fact(transaction, ENGINE_STARTING)
            await transaction.notify(CHANGED_TOPIC)

    async def heartbeat(self, engine_id: str, *, memory_used_bytes: int | None = None) -> bool:
        """Note that an engine is alive; False when it has to register again."""
        async with self._core.database.write(precious=False) as transaction:
            return await seen(transaction, engine_id, memory_used_bytes=memory_used_bytes)

    async def note_trouble(self, engine: EngineInfo, reason: str) -> None:
        """Let the owner know what keeps an engine from painting."""
        async with self._core.database.write(precious=False) as transaction:
            await transaction.connection.execute(
                sa.update(schema.engines)
                .where(schema.engines.c.id == engine.id)
                .values(trouble=reason, last_seen=transaction.now)
            )

    async def was_in_trouble(self, engine: EngineInfo) -> bool:
        """Whether an engine that ran on this device before said so, and none that all is well."""
        table = schema.engines.c
        statement = sa.select(table.id).where(
            table.host == engine.host[:200],
            table.device == engine.device[:200],
            table.trouble.is_not(None),
        )
        async with self._core.database.read() as connection:
            return await connection.scalar(statement.limit(1)) is not None

    async def note_well(self, engine: EngineInfo) -> None:
        """Take it back, also for those that ran on this device before."""
        table = schema.engines
        async with self._core.database.write(precious=False) as transaction:
            await transaction.connection.execute(
                sa.update(table)
                .where(table.c.host == engine.host[:200], table.c.device == engine.device[:200])
                .where(table.c.trouble.is_not(None))
                .values(trouble=None)
            )

    async def forget(self, engine_id: str) -> None:
        """Count on an engine no longer; what it has claimed is left to `release` or `reap`."""
        async with self._core.database.write() as transaction:
            where = schema.engines.c.id == engine_id
            await transaction.connection.execute(sa.delete(schema.engines).where(where))
            await transaction.notify(CHANGED_TOPIC)


async def seen(transaction: Transaction, engine_id: str, **values: int | None) -> bool:
    """Note that an engine is alive; False when it is not registered."""
    result = await transaction.connection.execute(
        sa.update(schema.engines)
        .where(schema.engines.c.id == engine_id)
        .values(last_seen=transaction.now, **values)
    )
    return bool(result.rowcount)


async def _best_pace(transaction: Transaction, engine: EngineInfo) -> float | None:
    """The least seconds for a unit of work that were measured of its kind."""
    table = schema.speeds.c
    kind = table.engine_kind == engine_kind(engine)
    best = sa.select(sa.func.min(table.seconds_per_work)).where(kind)
    found: float | None = await transaction.connection.scalar(best)
    return found


async def measure(transaction: Transaction, row: Record, engine_id: str, seconds: float) -> None:
    """Learn from a finished job how fast this kind of engine is."""
    connection, table = transaction.connection, schema.speeds
    engine = (
        await connection.execute(sa.select(schema.engines).where(schema.engines.c.id == engine_id))
    ).one_or_none()
    if engine is None or seconds <= 0:
        return
    kind = engine_kind(engine_from_row(engine), row.network)
    # Many engines may finish their first job of a class at the same moment.
    await transaction.lock(f"atelier-speed:{kind}:{row.speed_class}")
    where = (table.c.engine_kind == kind, table.c.speed_class == row.speed_class)
    known = (await connection.execute(sa.select(table).where(*where))).one_or_none()
    samples = known.samples if known is not None else 0
    newest = smoothed(
        known.seconds_per_work if known is not None else None, samples, seconds / row.work
    )
    await connection.execute(sa.delete(table).where(*where))
    await connection.execute(
        sa.insert(table).values(
            engine_kind=kind,
            speed_class=row.speed_class,
            seconds_per_work=newest,
            samples=samples + 1,
            updated_at=transaction.now,
        )
    )
    if row.network not in {None, engine.network}:
        return  # what it announces is of its own network
    if engine.pace is None or newest < engine.pace:
        await connection.execute(
            sa.update(schema.engines).where(schema.engines.c.id == engine_id).values(pace=newest)
        )
