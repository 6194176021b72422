"""The audit log of admins and operators; each action and its entry are one transaction."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from jobs.core import EVERYWHERE, QueuePart
from jobs.db import schema
from jobs.db.database import Row, Transaction
from jobs.db.rows import from_row, json_object

BEFORE = "before"
"""Key of an entry's details that holds the values before a change, by name; unset values are absent
or None."""
COMMAND_LINE = -1
"""User ID of actions by `python -m jobs`; Discord has no such user."""
SERVER_LEFT = -2
"""User ID of what was done because the server removed the bot."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action of an admin."""

    id: int
    at: datetime
    user_id: int
    action: str
    details: dict[str, Any]


class AuditLog(QueuePart):
    """Reads and writes the audit log. A server ID of None means all servers."""

    async def write(
        self,
        guild_id: int | None,
        by_user: int,
        action: str,
        details: Mapping[str, Any],
    ) -> None:
        """Record an admin's action that was made elsewhere."""
        async with self._database.write() as transaction:
            await write_audit(transaction, guild_id or EVERYWHERE, by_user, action, details)

    async def read(
        self, guild_id: int | None, limit: int = 25, before: int | None = None
    ) -> list[AuditEntry]:
        """Entries, newest first; for the next page, pass the last entry's `id` as `before`."""
        columns = schema.audit.c
        statement = sa.select(schema.audit).where(columns.guild_id == (guild_id or EVERYWHERE))
        if before is not None:
            statement = statement.where(columns.id < before)
        rows = await self._database.all(statement.order_by(columns.id.desc()).limit(limit))
        return [from_row(AuditEntry, row, details=json_object(row.details)) for row in rows]


async def write_act_on(transaction: Transaction, row: Row, by_user_id: int, action: str) -> None:
    """Record what an admin did to another member's job."""
    about = {"job": str(row.id), "user": str(row.user_id)}
    await write_audit(transaction, row.guild_id or EVERYWHERE, by_user_id, action, about)


async def write_audit(
    transaction: Transaction,
    guild_id: int,
    by_user: int,
    action: str,
    details: Mapping[str, Any] | None = None,
) -> int:
    """Add an entry; returns its ID."""
    line = sa.insert(schema.audit).values(
        guild_id=guild_id,
        at=transaction.now,
        user_id=by_user,
        action=action,
        details=json.dumps(dict(details or {})),
    )
    return int(await transaction.scalar(line.returning(schema.audit.c.id)))


async def amend_audit(transaction: Transaction, entry_id: int, details: Mapping[str, Any]) -> None:
    """Set an entry's details once they are known."""
    await transaction.execute(
        sa.update(schema.audit)
        .where(schema.audit.c.id == entry_id)
        .values(details=json.dumps(dict(details)))
    )
