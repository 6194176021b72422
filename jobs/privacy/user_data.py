"""Exporting and erasing a user's data."""

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from jobs.core import QueuePart, change_job
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Row, Transaction
from jobs.db.rows import HAS_ENDED, J, job_from_row, json_object, moment
from jobs.execution.ending import end_job
from jobs.execution.job_log import log_end
from jobs.management.audit import amend_audit
from jobs.management.cancelling import forget_clearing, lock_with_flow
from jobs.model import JobState
from jobs.outcomes import QueueUnavailableError
from jobs.picture_roles import is_working_file
from jobs.privacy import erasures
from jobs.privacy.contributed import contributed_by, withdraw
from jobs.privacy.retention import drop_pictures
from jobs.submission.intakes import close_intakes

NOBODY = 0
"""Replaces an erased user's ID; Discord has no user 0."""
_NOTHING = "{}"
_SECRET = frozenset({"target"})
"""Columns with credentials for Discord; they are not exported."""
_FORGOTTEN = (
    *("channel_id", "progress", "report"),
    *("message_id", "message_channel_id"),
)
"""Columns of an erased job that are set to NULL."""


@dataclass(frozen=True, slots=True)
class UserExport:
    """A user's stored data as plain values, and the keys of their stored pictures."""

    data: dict[str, Any]
    picture_keys: tuple[str, ...]
    """Newest first."""


@dataclass(frozen=True, slots=True)
class ErasedCounts:
    """Numbers of what was erased."""

    jobs: int
    pictures: int
    styles: int


class Privacy(QueuePart):
    """Exports and erases a user's data."""

    async def export_user(self, user_id: int) -> UserExport:
        """Everything that is stored about a user."""
        audit, styles, intakes = schema.audit, schema.user_styles, schema.intakes
        blocked = schema.blocked_users
        mine, by_me = styles.c.by_user == user_id, blocked.c.by_user == user_id
        # The ID of another user who cancelled a job is not the user's data.
        of_jobs = [column for column in schema.jobs.c if column is not J.cancelled_by]
        tables = (
            ("jobs", sa.select(*of_jobs).where(J.user_id == user_id).order_by(J.id.desc())),
            (
                "events",
                sa.select(schema.events)
                .join(schema.jobs, J.id == schema.events.c.job_id)
                .where(J.user_id == user_id)
                .order_by(schema.events.c.id),
            ),
            (
                "gallery",
                sa.select(schema.gallery_posts)
                .join(schema.jobs, J.id == schema.gallery_posts.c.job_id)
                .where(J.user_id == user_id),
            ),
            ("defaults", sa.select(schema.defaults).where(_own(schema.defaults, user_id))),
            ("styles", sa.select(styles).where(_own(styles, user_id))),
            ("server_styles", sa.select(styles).where(styles.c.scope == "guild", mine)),
            ("intakes", sa.select(intakes).where(intakes.c.user_id == user_id)),
            (
                "blocked",
                sa.select(
                    blocked.c.guild_id, blocked.c.at, blocked.c.reason, blocked.c.until
                ).where(blocked.c.user_id == user_id),
            ),
            ("blocks_by_you", sa.select(blocked.c.guild_id, blocked.c.at).where(by_me)),
            (
                "settings_made",
                sa.select(schema.guild_limits).where(schema.guild_limits.c.updated_by == user_id),
            ),
            ("pauses", sa.select(schema.pauses).where(schema.pauses.c.by_user == user_id)),
            ("admin_actions", sa.select(audit).where(audit.c.user_id == user_id)),
            # Without the admin's ID, which is not the user's data.
            (
                "admin_actions_about_you",
                sa.select(audit.c.at, audit.c.guild_id, audit.c.action, audit.c.details).where(
                    audit.c.details.contains(f'"{user_id}"')
                ),
            ),
        )
        uses = schema.picture_uses
        data: dict[str, Any] = {"user_id": str(user_id)}
        async with self._database.read() as connection:
            for name, statement in tables:
                # Else PostgreSQL gives them in any order.
                key = statement.columns_clause_froms[0].primary_key
                rows = await connection.execute(statement.order_by(*key))
                data[name] = [_plain(row, user_id) for row in rows]
            found = await connection.scalars(
                sa.select(uses.c.key)
                .join(schema.jobs, J.id == uses.c.job_id)
                .where(J.user_id == user_id, ~is_working_file(uses.c.role))
                .order_by(J.id.desc(), uses.c.role.desc())
            )
            keys = list(found)
        keys += [style["picture_key"] for style in data["styles"] + data["server_styles"]]
        stored = [key for key in dict.fromkeys(keys) if await self._core.store.exists(key)]
        return UserExport(data, tuple(stored))

    async def erase_user(self, user_id: int) -> ErasedCounts:
        """Erase everything stored about a user: jobs, history, pictures, styles, intakes.

        A command of theirs that is being processed never becomes a job. Two things stay: blocks, or
        erasing would lift them; and the bare rows of jobs of the last 24 hours until `gc` deletes
        them, or erasing would reset the daily limit. Those rows hold only times, the server and the
        user's ID. The user's actions as an admin, and on others' jobs, stay without their ID.
        Pictures that they contributed are removed from others' jobs, too; see
        `jobs.privacy.contributed`.

        If it is interrupted, call it again: jobs keep what is needed to find the rest until the
        end.
        """
        await self._remember(user_id)
        return await self._erase(user_id)

    async def _erase(self, user_id: int, until: float | None = None) -> ErasedCounts:
        """Erase everything stored about a user, or only what was created up to a time."""

        def was(column: sa.ColumnElement[float]) -> sa.ColumnElement[bool]:
            return sa.true() if until is None else column <= until

        contributed = await contributed_by(self._core, user_id, was(J.created_at))
        # Intakes first, since they may become jobs at any moment.
        async with self._database.write() as transaction:
            intakes = schema.intakes.c
            mine = sa.and_(intakes.user_id == user_id, was(intakes.created_at))
            keys = await close_intakes(transaction, mine, erased=True)
        whole = (J.user_id == user_id, J.erased_at.is_(None), was(J.created_at))
        ids = await self._database.scalars(sa.select(J.id).where(*whole))
        for job_id in ids:
            keys += await self._erase_job(job_id, user_id)
        of_others = await withdraw(self._core, user_id, contributed)
        async with self._database.write() as transaction:
            styles, defaults = schema.user_styles, schema.defaults
            style_keys = await transaction.scalars(
                sa.delete(styles)
                .where(_own(styles, user_id), was(styles.c.created_at))
                .returning(styles.c.picture_key)
            )
            theirs = (_own(defaults, user_id), was(defaults.c.updated_at))
            await transaction.execute(sa.delete(defaults).where(*theirs))
            erased = (J.user_id == user_id, J.erased_at.is_not(None))
            nothing_left = sa.update(schema.jobs).where(*erased)
            await transaction.execute(nothing_left.values(inputs=_NOTHING, parent_job_id=None))
            await _forget_name(transaction, user_id)
            await _forget_mentions(transaction, user_id)
        await self._core.discard([*keys, *style_keys, *of_others])
        return ErasedCounts(len(ids), len(set(keys)), len(style_keys))

    async def finish_erasures(self) -> int:
        """Continue erasures that were interrupted; returns the number of users.

        Data that these users created since stays.
        """
        begun = sa.select(J.user_id, sa.func.max(J.erased_at).label("until"))
        begun = begun.where(J.erased_at.is_not(None), J.inputs != _NOTHING).group_by(J.user_id)
        rows = await self._database.all(begun)
        for row in rows:
            await self._erase(row.user_id, row.until)
        return len(rows)

    async def _remember(self, user_id: int) -> None:
        folder, now = self._core.settings.atelier_data_dir, await self._database.now()
        try:
            await asyncio.to_thread(erasures.remember, folder, user_id, now)
        except OSError as error:
            reason = error.strerror or str(error)
            raise QueueUnavailableError(f"The erasure cannot be written down: {reason}.") from error

    async def _erase_job(self, job_id: int, user_id: int) -> list[str]:
        async with self._database.write() as transaction:
            row = await lock_with_flow(transaction, job_id)
            if row is None:
                return []
            keys: list[str] = []
            goes_on = row.state in {JobState.QUEUED, JobState.RUNNING}
            if goes_on:
                # Its engine's next write finds that the lease is lost.
                keys = await end_job(transaction, row, JobState.CANCELLED, f"user:{user_id}")
            keys += await drop_pictures(transaction, row)
            await forget_clearing(transaction, job_id)
            # Not in an unknown state of a later version, which may not be final.
            delivered = (HAS_ENDED, sa.func.coalesce(J.delivered_at, transaction.now))
            await change_job(
                transaction,
                job_id,
                user_name="",
                **dict.fromkeys(_FORGOTTEN),
                **dict.fromkeys(("options", "target"), _NOTHING),
                delivered_at=sa.case(delivered, else_=J.delivered_at),
                delivered_how=sa.func.coalesce(J.delivered_how, "erased"),
                erased_at=transaction.now,
            )
            events, intakes = schema.events, schema.intakes
            await transaction.execute(sa.delete(events).where(events.c.job_id == job_id))
            its = intakes.c.interaction_id == row.interaction_id
            await transaction.execute(sa.delete(intakes).where(its))
            await transaction.notify(CHANGED_TOPIC)
            ended = replace(job_from_row(row), ended_at=moment(transaction.now))
        if goes_on:
            log_end(ended, "cancelled")
        return keys


async def _forget_name(transaction: Transaction, user_id: int) -> None:
    """Replace the user's ID in records of what they did as an admin and to others' jobs."""
    styles = schema.user_styles
    for column in (
        schema.audit.c.user_id,
        schema.guild_limits.c.updated_by,
        schema.blocked_users.c.by_user,
        schema.pauses.c.by_user,
        schema.weekly_styles.c.by_user,
        schema.jobs.c.cancelled_by,
        styles.c.by_user,
    ):
        table = column.table
        assert isinstance(table, sa.Table)
        somebody = sa.update(table).where(column == user_id).values({column: NOBODY})
        await transaction.execute(somebody)
    actor = schema.events.c.actor
    somebody = sa.update(schema.events).where(actor == f"user:{user_id}")
    await transaction.execute(somebody.values(actor=f"user:{NOBODY}"))


async def _forget_mentions(transaction: Transaction, user_id: int) -> None:
    """Remove a user from audit entries about them, except for a block in force."""
    audit, blocked = schema.audit, schema.blocked_users.c
    mine = sa.select(blocked.guild_id).where(blocked.user_id == user_id)
    places = set(await transaction.scalars(mine))
    about = sa.select(audit).where(audit.c.details.contains(f'"{user_id}"'))
    for row in await transaction.all(about):
        details = json_object(row.details)
        if details.get("user") != str(user_id) or (
            row.action == "block" and row.guild_id in places
        ):
            continue
        del details["user"]
        await amend_audit(transaction, row.id, details)


def _own(table: sa.Table, user_id: int) -> sa.ColumnElement[bool]:
    """A condition on styles or defaults: it is the user's own."""
    return sa.and_(table.c.scope == "user", table.c.owner_id == user_id)


def _plain(row: Row, user_id: int) -> dict[str, Any]:
    """A row without credentials for Discord and other people's IDs."""
    plain = {name: value for name, value in row._asdict().items() if name not in _SECRET}
    if plain.get("actor", "").startswith("user:") and plain["actor"] != f"user:{user_id}":
        plain["actor"] = "somebody"
    if "details" in plain:
        details = json_object(plain["details"])
        if details.get("user", str(user_id)) != str(user_id):
            details["user"] = "somebody"
        plain["details"] = json.dumps(details)
    if "payload" in plain:
        payload = json_object(plain["payload"])
        reply = payload.get("reply")
        if isinstance(reply, dict):
            reply.pop("interaction_token", None)
        payload.pop("sender", None)  # an earlier version had the token in it
        plain["payload"] = json.dumps(payload)
    return plain
