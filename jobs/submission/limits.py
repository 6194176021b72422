"""Which limits apply: the operator's everywhere, and a server's where they are stricter.

Roles that an admin exempts are free of the server's own limits, but not of the operator's. What a
server's admins have set is stored as JSON, from the limit's name to its value.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from common.limits import LIMITS, Limits
from jobs.core import EVERYWHERE
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.model import Asker

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoosensOperatorLimit:
    """The change was refused because the operator's limit is stricter."""

    limit: str
    operator_value: int | str
    asked: int | str


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that decides about submissions in one server, read in one query."""

    operator: Limits
    server: Limits
    blocked_everywhere: bool = False
    blocked_here: bool = False
    block_reason: str | None = None
    """Reason of the block that is shown: a block everywhere takes precedence."""
    block_ends_at: float | None = None

    def for_roles(self, role_ids: tuple[int, ...]) -> Limits:
        """The limits that apply to a user with these roles."""
        if not set(role_ids) & set(self.server.exempt_role_ids):
            return self.server
        free = [name for name, limit in LIMITS.items() if limit.kind.bounds_painting]
        return replace(self.server, **{name: getattr(self.operator, name) for name in free})


def loosened(operator: Limits, changes: Mapping[str, Any]) -> LoosensOperatorLimit | None:
    """The first change that would allow more than the operator does."""
    for name, limit in LIMITS.items():
        asked, allowed = changes.get(name), getattr(operator, name)
        if asked is not None and limit.is_looser(asked, than=allowed):
            return LoosensOperatorLimit(name, allowed, asked)
    return None


def tightened(operator: Limits, changes: Mapping[str, Any]) -> Limits:
    """The limits in force: the stricter of the operator's and the server's, for each limit."""
    stricter = {
        name: value
        for name, value in changes.items()
        if not LIMITS[name].is_looser(value, than=getattr(operator, name))
    }
    return replace(operator, **stricter)


def changes_from_json(text: str | None) -> dict[str, Any]:
    """A server's changes as stored; values that this version cannot read are left out."""
    try:
        stored = json.loads(text or "{}")
    except ValueError:
        stored = None
    known: dict[str, Any] = {}
    for name, value in stored.items() if isinstance(stored, dict) else ():
        try:
            known[name] = LIMITS[name].checked(value)
        except (KeyError, ValidationError):
            log.warning("A server's limit was written by another version: %s", name)
    return known


async def read_changes(connection: AsyncConnection, guild_id: int) -> dict[str, Any]:
    """What a server's admins have set."""
    columns = schema.guild_limits.c
    return changes_from_json(
        await connection.scalar(sa.select(columns.changes).where(columns.guild_id == guild_id))
    )


async def read_rules(
    connection: AsyncConnection, operator: Limits, asker: Asker, now: float
) -> Rules:
    """Read the rules for a user where they ask, given the operator's limits."""
    values = {"asker": asker.user_id, "server": asker.guild_id, "now": now}
    rows = (await connection.execute(_rules_statement(), values)).all()
    server = tightened(operator, changes_from_json(rows[0].changes))
    blocks = [row for row in rows if row.guild_id is not None]
    if not blocks:
        return Rules(operator, server)
    places = {row.guild_id for row in blocks}
    here, told = bool(places - {EVERYWHERE}), blocks[0]
    return Rules(operator, server, EVERYWHERE in places, here, told.reason, told.until)


@cache  # to build it takes longer than to run it
def _rules_statement() -> sa.Select[Any]:
    """What a server's admins have set, and the blocks of a user: a row for each, at least one."""
    server = sa.bindparam("server", type_=sa.BigInteger)
    limits, blocked = schema.guild_limits.c, schema.blocked_users.c
    changes = sa.select(limits.changes).where(limits.guild_id == server).scalar_subquery()
    its_changes = sa.select(changes.label("changes")).subquery()
    theirs = sa.and_(
        blocked.user_id == sa.bindparam("asker"),
        sa.or_(blocked.guild_id == EVERYWHERE, blocked.guild_id == server),
        still_blocked(sa.bindparam("now", type_=sa.Double)),
    )
    return (
        sa.select(its_changes.c.changes, blocked.guild_id, blocked.reason, blocked.until)
        .select_from(its_changes.outerjoin(schema.blocked_users, theirs))
        .order_by(blocked.guild_id)  # everywhere first
    )


def still_blocked(now: Any) -> sa.ColumnElement[bool]:
    """A condition on `blocked_users`: the block has not ended."""
    until = schema.blocked_users.c.until
    return sa.or_(until.is_(None), until > now)
