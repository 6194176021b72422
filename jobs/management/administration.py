"""What admins control: limits, blocks, pauses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from common.limits import LIMITS, Limits
from jobs.core import EVERYWHERE, QueuePart
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, QUEUED_TOPIC
from jobs.db.rows import from_row
from jobs.management.audit import BEFORE, write_audit
from jobs.model import Asker
from jobs.outcomes import QueueError
from jobs.scheduling import fairness
from jobs.submission.limits import (
    LoosensOperatorLimit,
    loosened,
    read_changes,
    read_rules,
    still_blocked,
    tightened,
)

SET_LIMITS, UNDO_LIMITS, RESET_LIMITS = "set_limits", "undo_limits", "reset_limits"
B, P = schema.blocked_users.c, schema.pauses.c
REASON_LIMIT = 200
"""Maximum number of characters of a block's reason."""


class UnusableLimitError(QueueError):
    """A limit was set to an invalid value; the text says which and why."""

    def __init__(self, limit: str, reason: str) -> None:
        super().__init__(f"{limit} cannot be set to that: {reason}.")
        self.limit = limit


class GuildLimits(QueuePart):
    """The limits of servers. A server id of None means the operator's own."""

    async def in_force(self, guild_id: int | None) -> Limits:
        """The limits in force."""
        return tightened(self._core.settings.limits, await self.of_server(guild_id))

    async def in_force_for(self, asker: Asker) -> Limits:
        """The limits in force for a user where they ask, with the exemptions of their roles."""
        async with self._database.read_now() as (connection, now):
            rules = await read_rules(connection, self._core.settings.limits, asker, now)
        return rules.for_roles(asker.role_ids)

    async def of_server(self, guild_id: int | None) -> Mapping[str, Any]:
        """What the server's admins have set, by the names of the limits."""
        if guild_id is None:
            return {}
        async with self._database.read() as connection:
            return await read_changes(connection, guild_id)

    async def set(
        self,
        guild_id: int,
        changes: Mapping[str, object],
        by_user: int,
        *,
        is_undo: bool = False,
    ) -> Limits | LoosensOperatorLimit | None:
        """Set some of a server's limits; a value of None resets one to the operator's.

        Returns:
            The limits now in force; None if all of these were set so already.

        Raises:
            UnusableLimitError: for an unknown limit or an invalid value.
        """
        operator = self._core.settings.limits
        asked = {name: _checked(name, value) for name, value in changes.items()}
        if (refused := loosened(operator, asked)) is not None:
            return refused
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-limits:{guild_id}")
            old = await read_changes(transaction.connection, guild_id)
            if all(old.get(name) == value for name, value in asked.items()):
                return None
            after = {name: value for name, value in (old | asked).items() if value is not None}
            await transaction.replace(
                schema.guild_limits,
                {"guild_id": guild_id},
                changes=json.dumps(after),
                updated_at=transaction.now,
                updated_by=by_user,
            )
            details = asked | {BEFORE: {name: old.get(name) for name in asked}}
            action = UNDO_LIMITS if is_undo else SET_LIMITS
            await write_audit(transaction, guild_id, by_user, action, details)
        return tightened(operator, after)

    async def reset(self, guild_id: int, by_user: int) -> bool:
        """Reset all of a server's limits to the operator's; False if none was set."""
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-limits:{guild_id}")
            old = await read_changes(transaction.connection, guild_id)
            table = schema.guild_limits
            await transaction.execute(sa.delete(table).where(table.c.guild_id == guild_id))
            if not old:
                return False
            await write_audit(transaction, guild_id, by_user, RESET_LIMITS, {BEFORE: old})
        return True


@dataclass(frozen=True, slots=True)
class Block:
    """A blocked user."""

    user_id: int
    reason: str | None = None
    until: datetime | None = None
    """When it expires; None: never."""


class Blocks(QueuePart):
    """Blocked users. A server ID of None means all servers."""

    async def add(
        self,
        guild_id: int | None,
        user_id: int,
        by_user: int,
        *,
        reason: str | None = None,
        until: datetime | None = None,
    ) -> bool:
        """Block a user's submissions, until a time if one is given.

        A new reason or end replaces the previous one.

        Returns:
            False if they were blocked with the same reason and end.
        """
        ends = None if until is None else until.timestamp()
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-user:{user_id}")
            place = guild_id or EVERYWHERE
            before = await transaction.one_or_none(
                sa.select(schema.blocked_users).where(B.guild_id == place, B.user_id == user_id)
            )
            if before is not None and (before.reason, before.until) == (reason, ends):
                return False  # with the same future end, the block still holds
            await transaction.replace(
                schema.blocked_users,
                {"guild_id": place, "user_id": user_id},
                by_user=by_user,
                at=transaction.now,
                reason=reason,
                until=ends,
            )
            details = {"user": str(user_id), "reason": reason, "until": ends}
            told: dict[str, Any] = {name: value for name, value in details.items() if value}
            if before is not None:
                told[BEFORE] = {"reason": before.reason, "until": before.until}
            await write_audit(transaction, place, by_user, "block", told)
        return True

    async def remove(self, guild_id: int | None, user_id: int, by_user: int) -> bool:
        """Unblock a user; False if they were not blocked."""
        place = guild_id or EVERYWHERE
        theirs = (B.guild_id == place, B.user_id == user_id)
        async with self._database.write() as transaction:
            gone = await transaction.one_or_none(
                sa.delete(schema.blocked_users).where(*theirs).returning(B.until)
            )
            if gone is None or (gone.until is not None and gone.until <= transaction.now):
                return False
            await write_audit(transaction, place, by_user, "unblock", {"user": str(user_id)})
        return True

    async def all(self, guild_id: int | None) -> list[Block]:
        """The blocks in force, newest first."""
        async with self._database.read_now() as (connection, now):
            rows = await connection.execute(
                sa.select(schema.blocked_users)
                .where(B.guild_id == (guild_id or EVERYWHERE), still_blocked(now))
                .order_by(B.at.desc(), B.user_id)
            )
            return [from_row(Block, row) for row in rows]


class Pauses(QueuePart):
    """Paused servers, in which no job starts. A server ID of None means all servers."""

    async def pause(self, guild_id: int | None, by_user: int) -> bool:
        """Start no jobs until `resume`; running ones continue. False if already paused."""
        place = guild_id or EVERYWHERE
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-pause:{place}")
            if await transaction.scalar(sa.select(sa.exists().where(P.guild_id == place))):
                return False
            await transaction.execute(
                sa.insert(schema.pauses).values(guild_id=place, by_user=by_user, at=transaction.now)
            )
            await write_audit(transaction, place, by_user, "pause")
            await transaction.notify(CHANGED_TOPIC)
        return True

    async def resume(self, guild_id: int | None, by_user: int) -> bool:
        """Start jobs again; False if it was not paused.

        A server's waiting jobs are rescheduled from now, in turns with those of other servers.
        """
        place = guild_id or EVERYWHERE
        async with self._database.write() as transaction:
            await transaction.lock(fairness.flow_lock(place))
            gone = sa.delete(schema.pauses).where(P.guild_id == place)
            if not (await transaction.execute(gone)).rowcount:
                return False
            await fairness.reschedule_after_pause(transaction, place)
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
