"""What admins decide: limits, blocks, pauses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from common.limits import LIMITS, Limits
from jobs.changing.audit import BEFORE, write_audit
from jobs.core import QueueCore
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, QUEUED_TOPIC, Transaction
from jobs.db.rows import optional_moment
from jobs.entering.limits import (
    EVERYWHERE,
    LoosensOperatorLimit,
    loosened,
    read_changes,
    read_rules,
    still_blocked,
    tightened,
)
from jobs.model import Asker
from jobs.outcomes import QueueError

SET_LIMITS, UNDO_LIMITS, RESET_LIMITS = "set_limits", "undo_limits", "reset_limits"


REASON_LIMIT = 200
"""Characters of the reason of a block."""


class UnusableLimitError(QueueError):
    """A limit was set to something that it cannot be; the text says which and why."""

    def __init__(self, limit: str, reason: str) -> None:
        super().__init__(f"{limit} cannot be set to that: {reason}.")
        self.limit = limit


class GuildLimits:
    """The limits of servers. A server id of None means the operator's own."""

    def __init__(self, core: QueueCore) -> None:
        self._core = core

    async def in_force(self, guild_id: int | None) -> Limits:
        """The limits in force."""
        return tightened(self._core.settings.limits, await self.of_server(guild_id))

    async def in_force_for(self, asker: Asker) -> Limits:
        """The limits in force for somebody where they ask, with what their roles free them of."""
        async with self._core.database.read() as connection:
            now = await self._core.database.now_in(connection)
            settings = self._core.settings
            rules = await read_rules(connection, settings, asker.guild_id, asker.user_id, now)
        return rules.for_roles(asker.role_ids)

    async def of_server(self, guild_id: int | None) -> Mapping[str, Any]:
        """What the server's admins have set, by the names of the limits."""
        if guild_id is None:
            return {}
        async with self._core.database.read() as connection:
            return await read_changes(connection, guild_id)

    async def set(
        self,
        guild_id: int,
        changes: Mapping[str, object],
        by_user: int,
        *,
        is_undo: bool = False,
    ) -> Limits | LoosensOperatorLimit:
        """Set some of a server's limits; None as a value returns one to the operator's.

        Raises:
            UnusableLimitError: for an unknown limit, or a value that it cannot have.
        """
        operator = self._core.settings.limits
        asked = {name: _checked(name, value) for name, value in changes.items()}
        if (refused := loosened(operator, asked)) is not None:
            return refused
        async with self._core.database.write() as transaction:
            await transaction.lock(f"atelier-limits:{guild_id}")
            old = await read_changes(transaction.connection, guild_id)
            after = {name: value for name, value in (old | asked).items() if value is not None}
            await _store_limits(transaction, guild_id, after, by_user)
            details = asked | {BEFORE: {name: old.get(name) for name in asked}}
            action = UNDO_LIMITS if is_undo else SET_LIMITS
            await write_audit(transaction, guild_id, by_user, action, details)
        return tightened(operator, after)

    async def reset(self, guild_id: int, by_user: int) -> Limits:
        """Return all of a server's limits to the operator's."""
        async with self._core.database.write() as transaction:
            await transaction.lock(f"atelier-limits:{guild_id}")
            old = await read_changes(transaction.connection, guild_id)
            await transaction.connection.execute(
                sa.delete(schema.guild_limits).where(schema.guild_limits.c.guild_id == guild_id)
            )
            await write_audit(transaction, guild_id, by_user, RESET_LIMITS, {BEFORE: old})
        return self._core.settings.limits


@dataclass(frozen=True, slots=True)
class Block:
    """Somebody who may not paint."""

    user_id: int
    reason: str | None = None
    until: datetime | None = None
    """When it ends by itself; None: never."""


class Blocks:
    """Users who may not paint. A server id of None means all servers."""

    def __init__(self, core: QueueCore) -> None:
        self._core = core

    async def add(
        self,
        guild_id: int | None,
        user_id: int,
        by_user: int,
        *,
        reason: str | None = None,
        until: datetime | None = None,
    ) -> bool:
        """Refuse a user's submissions, until a time if one is given.

        Another reason or end takes the place of what was said before.

        Returns:
            False when they were blocked just so before.
        """
        ends = None if until is None else until.timestamp()
        async with self._core.database.write() as transaction:
            await transaction.lock(f"atelier-user:{user_id}")
            place, connection = guild_id or EVERYWHERE, transaction.connection
            table = schema.blocked_users
            where = (table.c.guild_id == place, table.c.user_id == user_id)
            before = (await connection.execute(sa.select(table).where(*where))).one_or_none()
            if before is not None and (before.reason, before.until) == (reason, ends):
                return False  # where it was to end, it still holds, as this one is yet to end
            await connection.execute(sa.delete(table).where(*where))
            await connection.execute(
                sa.insert(table).values(
                    guild_id=place,
                    user_id=user_id,
                    by_user=by_user,
                    at=transaction.now,
                    reason=reason,
                    until=ends,
                )
            )
            details = {"user": str(user_id), "reason": reason, "until": ends}
            told: dict[str, Any] = {name: value for name, value in details.items() if value}
            if before is not None:
                told[BEFORE] = {"reason": before.reason, "until": before.until}
            await write_audit(transaction, place, by_user, "block", told)
        return True

    async def remove(self, guild_id: int | None, user_id: int, by_user: int) -> bool:
        """Allow a user again; False when they were not blocked."""
        place = guild_id or EVERYWHERE
        table = schema.blocked_users
        async with self._core.database.write() as transaction:
            found = sa.select(table.c.until).where(
                table.c.guild_id == place,
                table.c.user_id == user_id,
                still_blocked(transaction.now),
            )
            holds = (await transaction.connection.execute(found)).one_or_none() is not None
            await transaction.connection.execute(
                sa.delete(table).where(table.c.guild_id == place, table.c.user_id == user_id)
            )
            if not holds:
                return False
            await write_audit(transaction, place, by_user, "unblock", {"user": str(user_id)})
        return True

    async def users(self, guild_id: int | None) -> list[int]:
        """Users who are blocked there, the last blocked first."""
        return [block.user_id for block in await self.all(guild_id)]

    async def all(self, guild_id: int | None) -> list[Block]:
        """The blocks that hold there, the last first."""
        columns = schema.blocked_users.c
        async with self._core.database.read() as connection:
            now = await self._core.database.now_in(connection)
            statement = (
                sa.select(schema.blocked_users)
                .where(columns.guild_id == (guild_id or EVERYWHERE), still_blocked(now))
                .order_by(columns.at.desc(), columns.user_id)
            )
            return [
                Block(row.user_id, row.reason, optional_moment(row.until))
                for row in await connection.execute(statement)
            ]


class Pauses:
    """Servers in which no job starts. A server id of None means all servers."""

    def __init__(self, core: QueueCore) -> None:
        self._core = core

    async def pause(self, guild_id: int | None, by_user: int) -> bool:
        """Start no more jobs until `resume`; running ones go on. False when it was paused."""
        place = guild_id or EVERYWHERE
        async with self._core.database.write() as transaction:
            await transaction.lock(f"atelier-pause:{place}")
            where = schema.pauses.c.guild_id == place
            if await transaction.connection.scalar(sa.select(sa.exists().where(where))):
                return False
            await transaction.connection.execute(
                sa.insert(schema.pauses).values(guild_id=place, by_user=by_user, at=transaction.now)
            )
            await write_audit(transaction, place, by_user, "pause")
            await transaction.notify(CHANGED_TOPIC)
        return True

    async def resume(self, guild_id: int | None, by_user: int) -> bool:
        """Start jobs again; False when it was not paused."""
        place = guild_id or EVERYWHERE
        async with self._core.database.write() as transaction:
            result = await transaction.connection.execute(
                sa.delete(schema.pauses).where(schema.pauses.c.guild_id == place)
            )
            if not result.rowcount:
                return False
            await write_audit(transaction, place, by_user, "resume")
            await transaction.notify(QUEUED_TOPIC, CHANGED_TOPIC)
        return True


def _checked(name: str, value: object) -> Any:
    if (limit := LIMITS.get(name)) is None:
        raise UnusableLimitError(name, "there is no such limit")
    try:
        return None if value is None else limit.checked(value)
    except ValidationError as error:
        raise UnusableLimitError(name, error.errors(include_url=False)[0]["msg"]) from None


async def _store_limits(
    transaction: Transaction, guild_id: int, changes: Mapping[str, Any], by_user: int
) -> None:
    table = schema.guild_limits
    await transaction.connection.execute(sa.delete(table).where(table.c.guild_id == guild_id))
    await transaction.connection.execute(
        sa.insert(table).values(
            guild_id=guild_id,
            changes=json.dumps(changes),
            updated_at=transaction.now,
            updated_by=by_user,
        )
    )
