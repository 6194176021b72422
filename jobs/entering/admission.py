"""Whether a submission keeps to the limits; if not, which, by how much, and until when.

Each limit that can refuse has one check here. What a refusal says to people is the bot's.
"""

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from common.limits import LIMITS, Limits
from common.options import PaintOptions
from jobs.db.asynchronous import AsyncConnection
from jobs.db.rows import IS_WAITING, J, moment
from jobs.entering.limits import DAY_SECONDS, Rules
from jobs.model import Asker
from jobs.outcomes import BLOCKED, Refusal


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asks for what, and whose numbers are looked at."""

    connection: AsyncConnection
    rules: Rules
    asker: Asker
    options: PaintOptions
    now: float
    limits: Limits
    guild_id: int | None
    """Where is counted what was done; None: in all places together, for the operator's numbers."""

    @property
    def everybodys(self) -> list[sa.ColumnElement[bool]]:
        return [] if self.guild_id is None else [J.guild_id == self.guild_id]

    @property
    def mine(self) -> list[sa.ColumnElement[bool]]:
        return [J.user_id == self.asker.user_id, *self.everybodys]

    async def count(self, *where: sa.ColumnElement[bool]) -> int:
        """Pictures of jobs; one that paints several versions counts as that number."""
        statement = sa.select(sa.func.coalesce(sa.func.sum(J.pictures), 0)).where(*where)
        return int((await self.connection.execute(statement)).scalar_one())

    def refusal(self, name: str, current: int | str, **more: Any) -> Refusal:
        """By this limit, as it stands here."""
        allowed, of_operator = getattr(self.limits, name), getattr(self.rules.operator, name)
        by_operator = {"by_operator": self.guild_id is None}
        changed = allowed != of_operator
        return Refusal(name, allowed, current, set_by_server=changed, **(by_operator | more))


async def refusal_for(
    connection: AsyncConnection, rules: Rules, asker: Asker, options: PaintOptions, now: float
) -> Refusal | None:
    """The first limit in the way, or None. Counts are of this transaction's moment."""
    limits = rules.for_roles(asker.role_ids)
    asked = _Asked(connection, rules, asker, options, now, limits, asker.guild_id)
    if (refusal := refusal_to_post(rules, asker)) is not None:
        return refusal
    # Of how long and how quick a clip is, too much was left out when it came in.
    clip_size = {"max_clip_size_px": options.size_px} if options.moving else {}
    sizes = {"max_size_px": options.size_px, **clip_size, "max_quality": options.quality}
    for name, value in sizes.items():
        if LIMITS[name].is_looser(value, than=(allowed := getattr(limits, name))):
            by_operator = allowed == getattr(rules.operator, name)
            return asked.refusal(name, value, by_operator=by_operator)
    # The server's numbers count what was done in the server, the operator's all that was done.
    everywhere = replace(asked, limits=rules.operator, guild_id=None)
    for counted in (everywhere,) if asker.guild_id is None else (asked, everywhere):
        for count in (_waiting, _per_day, _cooldown):
            if (refusal := await count(counted)) is not None:
                return refusal
    return None


def refusal_to_post(rules: Rules, asker: Asker) -> Refusal | None:
    """What is in the way of showing a picture there again; numbers count paintings only."""
    for check in (_blocked, _painter_roles, _channels):
        if (refusal := check(rules, asker)) is not None:
            return refusal
    return None


def _blocked(rules: Rules, _: Asker) -> Refusal | None:
    if not (rules.blocked_everywhere or rules.blocked_here):
        return None
    ends = rules.block_ends_at
    return Refusal(
        BLOCKED,
        by_operator=rules.blocked_everywhere,
        available_at=None if ends is None else moment(ends),
        reason=rules.block_reason or "",
    )


def _painter_roles(rules: Rules, asker: Asker) -> Refusal | None:
    painters = rules.server.painter_role_ids
    if not painters or asker.is_admin or set(painters) & set(asker.role_ids):
        return None
    return Refusal("painter_role_ids", painters)


def _channels(rules: Rules, asker: Asker) -> Refusal | None:
    channels = rules.server.channel_ids
    if not channels or asker.is_admin:
        return None
    if {asker.channel_id, asker.parent_channel_id} & set(channels):
        return None
    return Refusal("channel_ids", channels)


async def _waiting(asked: _Asked) -> Refusal | None:
    waiting = await asked.count(*asked.mine, IS_WAITING)
    refusal = _too_many(asked, "max_waiting_per_user", waiting)
    if refusal is not None or asked.guild_id is None:
        return refusal
    waiting = await asked.count(*asked.everybodys, IS_WAITING)
    return _too_many(asked, "max_waiting_per_server", waiting)


def _too_many(asked: _Asked, name: str, number: int) -> Refusal | None:
    allowed = getattr(asked.limits, name)
    pictures = asked.options.variants
    if name != "max_per_day":  # versions may be more than the places to wait: they take all then
        pictures = max(1, min(pictures, allowed))
    if number + pictures <= allowed:
        return None
    return asked.refusal(name, number, asked=pictures)


async def _per_day(asked: _Asked) -> Refusal | None:
    today = [*asked.mine, J.counted.is_(True), J.created_at > asked.now - DAY_SECONDS]
    refusal = _too_many(asked, "max_per_day", done := await asked.count(*today))
    if refusal is None:
        return None
    # It works again when enough have left the 24 hours for those asked for to fit in.
    too_many = done + asked.options.variants - asked.limits.max_per_day
    oldest = sa.select(J.created_at, J.pictures).where(*today).order_by(J.created_at)
    for row in await asked.connection.execute(oldest):
        too_many -= row.pictures
        if too_many <= 0:
            return replace(refusal, available_at=moment(row.created_at + DAY_SECONDS))
    return refusal  # more at once than are allowed in a day


async def _cooldown(asked: _Asked) -> Refusal | None:
    counted = [*asked.mine, J.counted.is_(True)]
    last = await asked.connection.scalar(sa.select(sa.func.max(J.created_at)).where(*counted))
    cooldown = asked.limits.cooldown_seconds
    if last is None or last + cooldown <= asked.now:
        return None
    again_at = moment(last + cooldown)
    return asked.refusal("cooldown_seconds", int(asked.now - last), available_at=again_at)
