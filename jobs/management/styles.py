"""Saved styles: pictures that a user or a server keeps under a name."""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from jobs.core import QueuePart
from jobs.db import schema
from jobs.db.database import Transaction
from jobs.db.facts import read_fact, write_fact
from jobs.db.rows import from_row
from jobs.management.audit import write_audit
from jobs.picture_sizes import note_sizes
from jobs.scans import are_scans_unreachable

Scope = Literal["user", "guild"]
STYLES_ALLOWED: dict[Scope, int] = {"user": 25, "guild": 100}
"""Discord shows 25 options at a time."""
SAVED_STYLE = "own:"
"""Prefix of a saved style's ID in `UserStyle.preset`."""
NEWEST_STYLE = "newest_style"
"""Name of the fact that holds the highest style ID given out; for SQLite."""


@dataclass(frozen=True, slots=True)
class UserStyle:
    """A saved style."""

    id: int
    name: str
    picture_key: str
    scope: Scope
    owner_id: int
    by_user: int

    @property
    def preset(self) -> str:
        """What chooses it in the preset option, in menus and in buttons."""
        return f"{SAVED_STYLE}{self.id}"


@dataclass(frozen=True, slots=True)
class Saved:
    """The style was saved."""

    style: UserStyle


@dataclass(frozen=True, slots=True)
class Replaced:
    """The style replaced one of the same name."""

    style: UserStyle


@dataclass(frozen=True, slots=True)
class Same:
    """The style has this name and picture already."""

    style: UserStyle


@dataclass(frozen=True, slots=True)
class TooMany:
    """The limit of saved styles is reached; nothing was saved."""

    allowed: int


class Styles(QueuePart):
    """Saved styles of users and servers."""

    async def scans_unreachable(self) -> bool:
        """Whether downloading a painting's scan failed recently."""
        async with self._database.read_now() as (connection, now):
            return await are_scans_unreachable(connection, now)

    async def save(
        self, scope: Scope, owner_id: int, name: str, picture_key: str, by_user: int
    ) -> Saved | Replaced | Same | TooMany:
        """Save a picture as a style of a user or a server.

        A replacement keeps the ID of the style before, which buttons and menus contain.

        Args:
            scope: whether it is a user's or a server's.
            owner_id: ID of the user or the server.
            name: of the style.
            picture_key: of the stored picture.
            by_user: who saves it.
        """
        table = schema.user_styles
        name = " ".join(name.split())[:100]
        name_key = name.casefold()[:200]
        owned = (table.c.scope == scope, table.c.owner_id == owner_id)
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-styles:{scope}:{owner_id}")
            same_name = sa.select(table).where(*owned, table.c.name_key == name_key)
            old = await transaction.one_or_none(same_name)
            if old is not None and (old.name, old.picture_key) == (name, picture_key):
                return Same(from_row(UserStyle, old))
            count = await transaction.scalar(sa.select(sa.func.count()).where(*owned))
            if old is None and (count or 0) >= STYLES_ALLOWED[scope]:
                return TooMany(STYLES_ALLOWED[scope])
            ids = {"id": old.id} if old is not None else await _new_id(transaction)
            row = await transaction.replace(
                table,
                {"scope": scope, "owner_id": owner_id, "name_key": name_key},
                **ids,
                name=name,
                picture_key=picture_key,
                by_user=by_user,
                created_at=transaction.now,
            )
            await note_sizes(transaction, self._core.store, [picture_key])
            if scope == "guild":
                action = "save_style" if old is None else "replace_style"
                await write_audit(transaction, owner_id, by_user, action, {"name": name})
        if old is None:
            return Saved(from_row(UserStyle, row))
        await self._core.discard([old.picture_key])
        return Replaced(from_row(UserStyle, row))

    async def remove(self, style_id: int, *, user_id: int, guild_id: int | None) -> bool:
        """Delete a style of this user, or of this server if `guild_id` is given.

        The caller checks the permission to delete a server's style.
        """
        table = schema.user_styles
        async with self._database.write() as transaction:
            row = await transaction.one_or_none(
                sa.delete(table)
                .where(table.c.id == style_id, _visible(user_id, guild_id))
                .returning(table)
            )
            if row is None:
                return False
            if row.scope == "guild":
                details = {"name": row.name}
                await write_audit(transaction, row.owner_id, user_id, "remove_style", details)
        await self._core.discard([row.picture_key])
        return True

    async def visible_to(self, user_id: int, guild_id: int | None) -> list[UserStyle]:
        """The user's styles and the server's, by name; the user's own first."""
        table = schema.user_styles
        statement = (
            sa.select(table)
            .where(_visible(user_id, guild_id))
            .order_by(table.c.scope.desc(), table.c.name_key)
        )
        return [from_row(UserStyle, row) for row in await self._database.all(statement)]


async def _new_id(transaction: Transaction) -> dict[str, int]:
    """A new style ID that was never used before; empty on PostgreSQL, which has a sequence.

    SQLite would reuse the ID of a removed style.
    """
    if transaction.postgres:
        return {}
    newest = await transaction.scalar(sa.select(sa.func.max(schema.user_styles.c.id)))
    given = await read_fact(transaction.connection, NEWEST_STYLE)
    new = 1 + max(newest or 0, int(given or 0))
    await write_fact(transaction, NEWEST_STYLE, str(new))
    return {"id": new}


def _visible(user_id: int, guild_id: int | None) -> sa.ColumnElement[bool]:
    columns = schema.user_styles.c
    mine = sa.and_(columns.scope == "user", columns.owner_id == user_id)
    if guild_id is None:
        return mine
    return sa.or_(mine, sa.and_(columns.scope == "guild", columns.owner_id == guild_id))
