"""Whether a submission keeps to the limits; if not, which, by how much, and until when."""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from common.options import PaintOptions
from jobs.db.rows import IS_WAITING, J, moment
from jobs.entering.limits import DAY_SECONDS, QUALITIES, Limits, Rules
from jobs.outcomes import LimitName, Refusal


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who wants to paint, and where."""

    user_id: int
    role_ids: tuple[int, ...] = ()
    guild_id: int | None = None
    channel_id: int | None = None
    is_admin: bool = False
    """Admins may paint in all channels and without a painter's role; numbers hold for them."""
    parent_channel_id: int | None = None
    """Of a thread: the channel that it is in. Where that is allowed, its threads are, too."""


async def refusal_for(
    connection: AsyncConnection, rules: Rules, who: Applicant, options: PaintOptions, now: float
) -> Refusal | None:
    """The first limit in the way, or None. Counts are of this transaction's moment."""
    limits = rules.for_roles(who.role_ids)
    refusal = next(_standing_rules(rules, limits, who, options), None)
    if refusal is not None:
        return refusal
    # The server's numbers count what was done in the server, the operator's all that was done.
    if who.guild_id is not None:
        refusal = await _counted(connection, _Scope(limits, who, who.guild_id), now)
        if refusal is not None:
            return refusal
    return await _counted(connection, _Scope(rules.operator, who, None), now)


def _standing_rules(
    rules: Rules, limits: Limits, who: Applicant, options: PaintOptions
) -> Iterator[Refusal]:
    """The rules that do not depend on what was painted before."""
    if rules.blocked_everywhere or rules.blocked_here:
        where = "by this bot's operator" if rules.blocked_everywhere else "by this server's admins"
        yield Refusal(
            LimitName.BLOCKED,
            "not blocked",
            "blocked",
            None,
            f"You have been blocked from painting {where}; only they can lift that.",
            by_operator=rules.blocked_everywhere,
        )
    painters = rules.server.painter_role_ids
    if painters and not who.is_admin and not set(painters) & set(who.role_ids):
        roles = " or ".join(f"<@&{role}>" for role in painters)
        yield Refusal(
            LimitName.PAINTER_ROLES,
            ", ".join(f"<@&{role}>" for role in painters),
            "none of them",
            None,
            f"Painting on this server needs the role {roles}; ask an admin for it.",
        )
    channels = rules.server.channel_ids
    here = {who.channel_id, who.parent_channel_id}
    if channels and not who.is_admin and not here & set(channels):
        places = ", ".join(f"<#{channel}>" for channel in channels)
        yield Refusal(
            LimitName.CHANNELS,
            places,
            f"<#{who.channel_id}>",
            None,
            f"Painting on this server is allowed in {places} only; please use the command there.",
        )
    if options.size_px > limits.max_size_px:
        yield Refusal(
            LimitName.MAX_SIZE,
            limits.max_size_px,
            options.size_px,
            None,
            f"The largest size here is {limits.max_size_px} px, and you asked for "
            f"{options.size_px} px; please choose a smaller one.",
            by_operator=limits.max_size_px == rules.operator.max_size_px,
        )
    if QUALITIES.index(options.quality) > QUALITIES.index(limits.max_quality):
        yield Refusal(
            LimitName.MAX_QUALITY,
            limits.max_quality,
            options.quality,
            None,
            f"The best quality here is {limits.max_quality}, and you asked for "
            f"{options.quality}; please choose a lower one.",
            by_operator=limits.max_quality == rules.operator.max_quality,
        )


@dataclass(frozen=True, slots=True)
class _Scope:
    """The numbers of one server, or (without one) the operator's for all places together."""

    limits: Limits
    who: Applicant
    guild_id: int | None

    @property
    def by_operator(self) -> bool:
        return self.guild_id is None

    @property
    def here(self) -> str:
        return "in all places together" if self.guild_id is None else "on this server"

    @property
    def everybodys(self) -> list[sa.ColumnElement[bool]]:
        return [] if self.guild_id is None else [J.guild_id == self.guild_id]

    @property
    def mine(self) -> list[sa.ColumnElement[bool]]:
        return [J.user_id == self.who.user_id, *self.everybodys]


async def _counted(connection: AsyncConnection, scope: _Scope, now: float) -> Refusal | None:
    """The rules about numbers."""
    waiting = await _count(connection, *scope.mine, IS_WAITING)
    allowed = scope.limits.max_waiting_per_user
    if waiting >= allowed:
        return Refusal(
            LimitName.WAITING_PER_USER,
            allowed,
            waiting,
            None,
            f"You have {waiting} paintings waiting or being painted {scope.here}, and {allowed} "
            "is the most; the next can start when one of them is ready or cancelled.",
            scope.by_operator,
        )
    if not scope.by_operator:
        waiting = await _count(connection, *scope.everybodys, IS_WAITING)
        allowed = scope.limits.max_waiting_per_server
        if waiting >= allowed:
            return Refusal(
                LimitName.WAITING_PER_SERVER,
                allowed,
                waiting,
                None,
                f"This server has {waiting} paintings waiting or being painted, and {allowed} is "
                "the most; the next can start when one of them is ready or cancelled.",
            )
    return await _too_soon(connection, scope, now)


async def _too_soon(connection: AsyncConnection, scope: _Scope, now: float) -> Refusal | None:
    """The rules about a day's number and about the time between two."""
    counted = [*scope.mine, J.counted.is_(True)]
    today = [*counted, J.created_at > now - DAY_SECONDS]
    done = await _count(connection, *today)
    allowed = scope.limits.max_per_day
    if done >= allowed:
        # It works again when so many have left the 24 hours that one more fits in.
        nth = sa.select(J.created_at).where(*today).order_by(J.created_at)
        nth = nth.offset(done - allowed).limit(1)
        free_at = float((await connection.execute(nth)).scalar_one()) + DAY_SECONDS
        return Refusal(
            LimitName.PER_DAY,
            allowed,
            done,
            moment(free_at),
            f"You have started {done} paintings {scope.here} in the last 24 hours, and {allowed} "
            f"is the most; the next can start <t:{int(free_at) + 1}:R>.",
            scope.by_operator,
        )
    cooldown = scope.limits.cooldown_seconds
    last = await connection.scalar(sa.select(sa.func.max(J.created_at)).where(*counted))
    if last is not None and last + cooldown > now:
        free_at = last + cooldown
        return Refusal(
            LimitName.COOLDOWN,
            cooldown,
            int(now - last),
            moment(free_at),
            f"There have to be {cooldown} seconds between two of your paintings {scope.here}; "
            f"the next can start <t:{int(free_at) + 1}:R>.",
            scope.by_operator,
        )
    return None


async def _count(connection: AsyncConnection, *where: sa.ColumnElement[bool]) -> int:
    return int((await connection.execute(sa.select(sa.func.count()).where(*where))).scalar_one())
