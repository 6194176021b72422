"""A server's style of the week: one at a time, with an end."""

import json
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from jobs.core import DAY_SECONDS, QueuePart
from jobs.db import schema
from jobs.db.database import Row
from jobs.db.facts import forget_fact, write_fact
from jobs.db.rows import J, from_row, lenient, moment, to_json
from jobs.management.audit import write_audit
from jobs.management.styles import SAVED_STYLE
from jobs.model import JobState

W = schema.weekly_styles.c
BEGIN, END = "begin_weekly_style", "end_weekly_style"
_ISOLATES = "\u2068\u2069"
"""Unicode isolates around a right-to-left name, as it is displayed."""
_REPLACED = "weekly-over:"
"""Begins the names of facts about replaced ones, by message, until their message says so."""
KEPT_SECONDS = 30 * DAY_SECONDS
"""How long an ended one is kept, for members who press its button."""


@dataclass(frozen=True, slots=True)
class WeeklyStyle:
    """A server's style of the week."""

    guild_id: int
    style: str
    """As in the preset option of `/paint`."""
    name: str
    channel_id: int
    message_id: int | None
    began_at: datetime
    ends_at: datetime
    is_over: bool


class WeeklyStyles(QueuePart):
    """Begins and ends styles of the week; the bot updates their messages."""

    async def of(self, guild_id: int) -> WeeklyStyle | None:
        """A server's style of the week, which may have ended recently; None if there is none."""
        found = sa.select(schema.weekly_styles).where(W.guild_id == guild_id)
        row = await self._database.one_or_none(found)
        return None if row is None else _from_row(row)

    async def begin(self, weekly: WeeklyStyle, by_user: int) -> WeeklyStyle | None:
        """Begin a style of the week, replacing any other.

        Returns:
            The one that this ended, whose message needs an update; None if none was running. `due`
            returns it, too, until `mark_ended`.
        """
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-weekly:{weekly.guild_id}")
            now, guild_id = transaction.now, weekly.guild_id
            found = sa.select(schema.weekly_styles).where(
                W.guild_id == guild_id, W.ended_at.is_(None)
            )
            before = await transaction.one_or_none(found)
            if before is not None and before.ends_at > now:
                await write_audit(transaction, guild_id, by_user, END, _details(before))
            ended = None
            if before is not None:
                ended = _from_row(before)
                ended = replace(ended, ends_at=min(ended.ends_at, moment(now)))
                await write_fact(transaction, _fact_of(ended), to_json(ended))
            ends_at = weekly.ends_at.timestamp()
            await transaction.replace(
                schema.weekly_styles,
                {"guild_id": guild_id},
                style=weekly.style,
                name=weekly.name[:200],
                channel_id=weekly.channel_id,
                message_id=weekly.message_id,
                by_user=by_user,
                began_at=weekly.began_at.timestamp(),
                ends_at=ends_at,
            )
            details = {**_details(weekly), "until": ends_at}
            await write_audit(transaction, guild_id, by_user, BEGIN, details)
        return ended

    async def end(self, guild_id: int, by_user: int) -> WeeklyStyle | None:
        """End it now; None if none is running. It is then returned by `due` for its message."""
        async with self._database.write() as transaction:
            row = await transaction.one_or_none(
                sa.update(schema.weekly_styles)
                .where(W.guild_id == guild_id, W.ended_at.is_(None), W.ends_at > transaction.now)
                .values(ends_at=transaction.now)
                .returning(schema.weekly_styles)
            )
            if row is None:
                return None
            await write_audit(transaction, guild_id, by_user, END, _details(row))
            return _from_row(row)

    async def due(self) -> list[WeeklyStyle]:
        """Ended ones whose message does not say so yet."""
        async with self._database.read_now() as (connection, now):
            over = sa.select(schema.weekly_styles).where(W.ends_at <= now, W.ended_at.is_(None))
            due = [_from_row(row) for row in await connection.execute(over)]
            facts = schema.installation.c
            replaced = sa.select(facts.value).where(facts.name.startswith(_REPLACED))
            told = [lenient(WeeklyStyle, text) for text in await connection.scalars(replaced)]
            return [*due, *(weekly for weekly in told if weekly is not None)]

    async def mark_ended(self, weekly: WeeklyStyle) -> None:
        """Record that its message says so, or no longer exists."""
        is_it = (W.guild_id == weekly.guild_id, W.message_id == weekly.message_id)
        async with self._database.write() as transaction:
            await forget_fact(transaction, _fact_of(weekly))
            await transaction.execute(
                sa.update(schema.weekly_styles)
                .where(*is_it, W.ends_at <= transaction.now)
                .values(ended_at=transaction.now)
            )
            long_over = W.ended_at < transaction.now - KEPT_SECONDS
            await transaction.execute(sa.delete(schema.weekly_styles).where(long_over))

    async def painted(self, weekly: WeeklyStyle) -> int:
        """Number of the server's pictures painted in it between its beginning and end."""
        in_it = await self._words_of(weekly)
        statement = sa.select(sa.func.coalesce(sa.func.sum(J.pictures), 0)).where(
            J.guild_id == weekly.guild_id,
            J.created_at >= weekly.began_at.timestamp(),
            J.created_at < weekly.ends_at.timestamp(),
            J.state == JobState.DONE.value,
            sa.or_(*(J.inputs.contains(words, autoescape=True) for words in in_it)),
        )
        return int((await self._database.scalars(statement))[0])

    async def _words_of(self, weekly: WeeklyStyle) -> list[str]:
        """Fields in JSON that the stored inputs of a picture in this style contain.

        For a saved style these are its picture's key and its name; it may have been replaced or
        removed meanwhile.
        """
        found, styles = [("preset", weekly.style)], schema.user_styles.c
        if weekly.style.startswith(SAVED_STYLE):
            found = [("name", weekly.name.strip(_ISOLATES))]
            is_it = styles.id == int(weekly.style.removeprefix(SAVED_STYLE))
            kept = sa.select(styles.picture_key, styles.name).where(is_it)
            if (row := await self._database.one_or_none(kept)) is not None:
                found = [("picture", row.picture_key), ("name", row.name)]
        return [f'"{field}":{json.dumps(said, ensure_ascii=False)}' for field, said in found]


def _details(weekly: WeeklyStyle | Row) -> dict[str, str]:
    """What the audit log says of it: a painting's ID, as each reader knows it by another title."""
    if weekly.style.startswith(SAVED_STYLE):
        return {"name": weekly.name}
    return {"painting": weekly.style}


def _fact_of(weekly: WeeklyStyle) -> str:
    return f"{_REPLACED}{weekly.message_id}"


def _from_row(row: Row) -> WeeklyStyle:
    return from_row(WeeklyStyle, row, is_over=row.ended_at is not None)
