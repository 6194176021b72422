"""Servers that removed the bot: their settings are kept for a while, then deleted.

Several bots may share a database, so absence is recorded by application, and a server with one of
them keeps its settings. Days count from the first check that found the bot absent, so time when no
bot ran does not count.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from jobs.core import DAY_SECONDS, EVERYWHERE, QueuePart
from jobs.db import schema
from jobs.db.database import Transaction
from jobs.db.facts import write_fact
from jobs.db.rows import J, json_object

SETTINGS_KEPT_DAYS = 90
"""How long settings are kept after a server removed the bot."""
_MISSING = "missing-servers:"


@dataclass(frozen=True)
class _Look:
    """An application's last check."""

    at: float
    missing: Mapping[int, float]
    """Servers with settings that it is not in, and since when."""


class LeftServers(QueuePart):
    """Keeps track of the servers that bots are in."""

    async def note(self, application_id: int, here: Collection[int]) -> list[int]:
        """Record in which servers a bot is, and delete the settings of those it left long ago.

        Args:
            application_id: Of the bot.
            here: All servers that it is in, including those with an outage.

        Returns:
            The servers whose settings were deleted.
        """
        async with self._database.write(durable=False) as transaction:
            await transaction.lock("atelier-servers")
            now = transaction.now
            looks = await _looks(transaction)
            before = looks[application_id].missing if application_id in looks else {}
            known = await _with_settings(transaction)
            missing = {each: before.get(each, now) for each in known - set(here)}
            looks[application_id] = _Look(now, missing)
            plain = json.dumps({"at": now, "missing": missing}, separators=(",", ":"))
            await write_fact(transaction, f"{_MISSING}{application_id}", plain)
            long_ago = now - SETTINGS_KEPT_DAYS * DAY_SECONDS
            # An application that has not checked for that long no longer runs.
            looking = [look.missing for look in looks.values() if look.at > long_ago]
            gone = sorted(
                each for each in missing if all(one.get(each, now) <= long_ago for one in looking)
            )
            for guild_id in gone:
                await _forget(transaction, guild_id)
        return gone


async def _looks(transaction: Transaction) -> dict[int, _Look]:
    facts = schema.installation.c
    rows = await transaction.all(
        sa.select(facts.name, facts.value).where(facts.name.startswith(_MISSING))
    )
    found = {}
    for row in rows:
        said: dict[str, Any] = json_object(row.value)
        missing = {int(each): float(since) for each, since in said.get("missing", {}).items()}
        found[int(row.name.removeprefix(_MISSING))] = _Look(float(said.get("at", 0.0)), missing)
    return found


async def _with_settings(transaction: Transaction) -> set[int]:
    """Servers with any stored settings."""
    styles, defaults = schema.user_styles.c, schema.defaults.c
    of_servers = sa.union(
        sa.select(schema.guild_limits.c.guild_id),
        sa.select(schema.blocked_users.c.guild_id),
        sa.select(schema.pauses.c.guild_id),
        sa.select(schema.weekly_styles.c.guild_id),
        sa.select(styles.owner_id).where(styles.scope == "guild"),
        sa.select(defaults.owner_id).where(defaults.scope == "guild"),
    )
    return set(await transaction.scalars(of_servers)) - {EVERYWHERE}


async def _forget(transaction: Transaction, guild_id: int) -> None:
    """Delete a server's settings. Its jobs and audit log have their own retention.

    Defaults of channels do not record their server; it is found in the audit log and the jobs.
    """
    styles, defaults, log = schema.user_styles, schema.defaults, schema.audit
    channels = set(
        await transaction.scalars(
            sa.select(J.channel_id).where(J.guild_id == guild_id, J.channel_id.is_not(None))
        )
    )
    written = sa.select(log.c.details).where(
        log.c.guild_id == guild_id, log.c.action == "set_defaults"
    )
    for details in await transaction.scalars(written):
        channels.add(json_object(details).get("channel_id"))
    for table in (
        schema.guild_limits,
        schema.blocked_users,
        schema.pauses,
        schema.weekly_styles,
    ):
        await transaction.execute(sa.delete(table).where(table.c.guild_id == guild_id))
    await transaction.execute(
        sa.delete(styles).where(styles.c.scope == "guild", styles.c.owner_id == guild_id)
    )
    await transaction.execute(
        sa.delete(defaults).where(
            sa.or_(
                sa.and_(defaults.c.scope == "guild", defaults.c.owner_id == guild_id),
                sa.and_(defaults.c.scope == "channel", defaults.c.owner_id.in_(channels - {None})),
            )
        )
    )
