"""The bots that serve a queue, and whether they are connected to Discord."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from jobs.core import QueuePart
from jobs.db import schema
from jobs.db.database import Transaction, seen_recently
from jobs.db.liveness import BOT_ALIVE_SECONDS, BotInfo, bot_from_row


class Bots(QueuePart):
    """Registers bots and their heartbeats."""

    async def register(self, bot: BotInfo, is_gone: Callable[[BotInfo], bool]) -> BotInfo | None:
        """Register a bot, unless another one serves the same application.

        Args:
            bot: the bot to register.
            is_gone: whether another bot with a recent heartbeat is known to have ended.

        Returns:
            The other bot; None if this one was registered.
        """
        table = schema.bots
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-bot:{bot.application_id}")
            others = sa.select(table).where(
                table.c.application_id == bot.application_id,
                table.c.id != bot.id,
                seen_recently(table.c.last_seen, transaction.now, BOT_ALIVE_SECONDS),
            )
            for row in await transaction.all(others):
                other = bot_from_row(row).info
                if not is_gone(other):
                    return other
                gone = sa.delete(table).where(table.c.id == other.id)
                await transaction.execute(gone)
            await _insert(transaction, bot, {"last_seen": transaction.now})
        return None

    async def heartbeat(
        self, bot: BotInfo, *, connected: bool, latency_seconds: float | None = None
    ) -> None:
        """Heartbeat of a bot, with the state of its gateway connection."""
        table = schema.bots
        async with self._database.write(durable=False) as transaction:
            now = transaction.now
            seen: dict[str, float | None] = {"last_seen": now}
            if connected:
                seen |= {"gateway_seen": now, "latency_seconds": latency_seconds}
            update = sa.update(table).where(table.c.id == bot.id).values(**seen)
            if (await transaction.execute(update)).rowcount:
                return
            await _insert(transaction, bot, seen)

    async def forget(self, bot_id: str) -> None:
        """Remove a bot that ends."""
        gone = sa.delete(schema.bots).where(schema.bots.c.id == bot_id)
        await self._database.execute(gone, durable=False)


async def _insert(transaction: Transaction, bot: BotInfo, seen: Mapping[str, Any]) -> None:
    table = schema.bots
    # Remove the rows of bots that were killed.
    old = table.c.last_seen < transaction.now - 10 * BOT_ALIVE_SECONDS
    await transaction.execute(sa.delete(table).where(old))
    await transaction.execute(
        sa.insert(table).values(
            id=bot.id[:100],
            application_id=bot.application_id,
            host=bot.host[:200],
            pid=bot.pid,
            version=bot.version[:40],
            started_at=transaction.now,
            **seen,
        )
    )
