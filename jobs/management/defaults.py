"""Paint defaults of members, channels and servers, for what a command leaves open."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

import sqlalchemy as sa
from pydantic import ValidationError

from common.defaults import Defaults
from jobs.core import QueuePart, change_job
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Transaction
from jobs.db.rows import IS_UNFINISHED, J, job_from_row, to_json
from jobs.management.audit import BEFORE, write_audit

DefaultsScope = Literal["user", "channel", "guild"]
D = schema.defaults.c


class StoredDefaults(QueuePart):
    """Reads and writes stored defaults."""

    async def of(self, scope: DefaultsScope, owner_id: int) -> Defaults:
        """The defaults of one member, channel or server."""
        return await self.in_force([(scope, owner_id)])

    async def of_channels(self, channel_ids: Collection[int]) -> dict[int, Defaults]:
        """The defaults of those of these channels that have any."""
        its = sa.select(D.owner_id, D.chosen).where(
            D.scope == "channel", D.owner_id.in_(channel_ids)
        )
        found = {int(row.owner_id): _read(row.chosen) for row in await self._database.all(its)}
        return {channel_id: own for channel_id, own in found.items() if own != Defaults()}

    async def in_force(self, owners: Sequence[tuple[DefaultsScope, int]]) -> Defaults:
        """The merged defaults of several owners; later ones take precedence."""
        wanted = [sa.and_(D.scope == scope, D.owner_id == owner) for scope, owner in owners]
        statement = sa.select(D.scope, D.owner_id, D.chosen).where(sa.or_(*wanted))
        rows = await self._database.all(statement)
        chosen = {(row.scope, row.owner_id): row.chosen for row in rows}
        found = Defaults()
        for owner in owners:
            if owner in chosen:
                found = _read(chosen[owner]).over(found)
        return found

    async def set(
        self,
        scope: DefaultsScope,
        owner_id: int,
        chosen: Defaults,
        *,
        guild_id: int,
        by_user: int,
        threads: Collection[int] = (),
    ) -> bool:
        """Replace the defaults of one owner; False if they were these already.

        A change for a channel or a server goes into the server's audit log. If all pictures become
        spoilers, so do those that wait or are being painted.

        Args:
            scope: Whose defaults they are.
            owner_id: Of the member, the channel or the server.
            chosen: The new defaults.
            guild_id: The server in which that was done.
            by_user: Who did it.
            threads: Of the channel, since a job records its thread and not the thread's channel.
        """
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-defaults:{scope}:{owner_id}")
            found = sa.select(D.chosen).where(D.scope == scope, D.owner_id == owner_id)
            text = await transaction.scalar(found)
            is_new = _read(text or "{}") != chosen
            if is_new and scope != "user":
                where = {"channel_id": owner_id} if scope == "channel" else {"scope": scope}
                details = {**where, **chosen.model_dump(exclude_none=True)}
                if text is not None:
                    details[BEFORE] = _read(text).model_dump(exclude_none=True)
                await write_audit(transaction, guild_id, by_user, "set_defaults", details)
            values = {
                "chosen": chosen.model_dump_json(exclude_none=True),
                "updated_at": transaction.now,
            }
            await transaction.execute(
                transaction.insert(schema.defaults)
                .values(scope=scope, owner_id=owner_id, **values)
                .on_conflict_do_update(index_elements=[D.scope, D.owner_id], set_=values)
            )
            if scope != "user" and chosen.always_spoiler:
                place = J.guild_id if scope == "guild" else J.channel_id
                await _hide_unfinished(transaction, place.in_({owner_id, *threads}))
        return is_new

    async def unhidden_members(self, guild_id: int) -> Collection[int]:
        """Members of a server who have unfinished pictures that are not spoilers."""
        here = sa.select(schema.jobs).where(IS_UNFINISHED, J.guild_id == guild_id)
        jobs = [job_from_row(row) for row in await self._database.all(here)]
        return {job.user_id for job in jobs if not job.reply.spoiler}

    async def hide_unfinished_of(self, guild_id: int, user_ids: Collection[int]) -> None:
        """Make the unfinished pictures of these members of a server spoilers."""
        async with self._database.write() as transaction:
            await _hide_unfinished(transaction, J.guild_id == guild_id, J.user_id.in_(user_ids))

    async def languages(self) -> dict[int, str]:
        """Languages chosen by members, by user ID."""
        statement = sa.select(D.owner_id, D.chosen).where(
            D.scope == "user", D.chosen.contains('"language"')
        )
        rows = await self._database.all(statement)
        chosen = {int(row.owner_id): _read(row.chosen).language for row in rows}
        return {user_id: language for user_id, language in chosen.items() if language}


async def _hide_unfinished(transaction: Transaction, *which: sa.ColumnElement[bool]) -> None:
    """Make the unfinished ones of these pictures spoilers."""
    found = sa.select(schema.jobs).where(IS_UNFINISHED, *which).order_by(J.id)
    for row in await transaction.all(found.with_for_update()):
        job = job_from_row(row)
        if job.unreadable is None and not job.reply.spoiler:
            target = to_json(replace(job.reply, spoiler=True))
            await change_job(transaction, job.id, target=target, revision=J.revision + 1)
    await transaction.notify(CHANGED_TOPIC)


def _read(text: str) -> Defaults:
    try:
        return Defaults.model_validate_json(text)
    except ValidationError:
        return Defaults()  # another version wrote it
