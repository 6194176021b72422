"""Checks a submission against the limits: which one refuses it, by how much, and until when.

Each limit that can refuse has one check here. The bot words refusals for users.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import sqlalchemy as sa

from common.limits import LIMITS, Limits
from common.options import PaintOptions
from jobs.core import DAY_SECONDS, PICTURES_LEFT
from jobs.db.asynchronous import AsyncConnection
from jobs.db.rows import IS_UNFINISHED, J, moment
from jobs.model import Asker
from jobs.outcomes import BLOCKED, Refusal, Usage
from jobs.submission.limits import Rules

CLOCKS_APART_SECONDS = 60.0
"""Upper bound on how far a transaction's time can lie behind those that committed before it."""


_HERE = J.guild_id == sa.bindparam("server")


@dataclass(frozen=True, slots=True)
class _ScopedRequest:
    """A request, and the scope in which it is counted."""

    connection: AsyncConnection
    rules: Rules
    asker: Asker
    options: PaintOptions
    now: float
    limits: Limits
    guild_id: int | None
    """The server to count in; None counts everywhere, for the operator's limits."""

    @property
    def in_server(self) -> bool:
        return self.guild_id is not None

    @property
    def values(self) -> dict[str, Any]:
        """Of the parameters of what is counted."""
        return {
            "asker": self.asker.user_id,
            "server": self.asker.guild_id,
            "yesterday": self.now - DAY_SECONDS,
            "soon": self.now + CLOCKS_APART_SECONDS,
        }

    def refusal(self, name: str, current: int | str, **more: Any) -> Refusal:
        """A refusal by this limit, with its value here."""
        allowed, of_operator = getattr(self.limits, name), getattr(self.rules.operator, name)
        by_operator = {"by_operator": self.guild_id is None}
        changed = allowed != of_operator
        return Refusal(name, allowed, current, set_by_server=changed, **(by_operator | more))


@dataclass(frozen=True, slots=True)
class _Counts:
    """Numbers of pictures; a job with several versions counts each of them."""

    waiting_mine: int
    waiting_here: int
    """Of all members of the server."""
    mine_today: int
    last_at: float | None
    """Creation time of my newest job that counts."""


async def _counts(request: _ScopedRequest, *more: _ScopedRequest) -> list[_Counts]:
    """The counts for each of these scopes, in one statement."""
    statement = _counting(tuple(one.in_server for one in (request, *more)))
    row = (await request.connection.execute(statement, request.values)).one()
    return [_Counts(*row[first : first + 4]) for first in range(0, len(row), 4)]


@cache  # to build it takes longer than to run it
def _counting(in_server: tuple[bool, ...]) -> sa.Select[Any]:
    return sa.select(*(column for one in in_server for column in _columns(one)))


def _columns(in_server: bool) -> tuple[sa.ColumnElement[Any], ...]:
    """The fields of `_Counts`."""
    last = sa.select(sa.func.max(J.created_at)).where(*_counted(in_server))
    return (
        _sum_of(PICTURES_LEFT, *_mine(in_server), IS_UNFINISHED),
        _sum_of(PICTURES_LEFT, _HERE, IS_UNFINISHED) if in_server else sa.literal(0),
        _sum_of(J.pictures, *_today(in_server)),
        last.scalar_subquery(),
    )


def _mine(in_server: bool) -> list[sa.ColumnElement[bool]]:
    return [J.user_id == sa.bindparam("asker"), *([_HERE] if in_server else [])]


def _counted(in_server: bool) -> list[sa.ColumnElement[bool]]:
    """My jobs that count, without those dated in the future (after a clock was set back)."""
    return [*_mine(in_server), J.counted.is_(True), J.created_at < sa.bindparam("soon")]


def _today(in_server: bool) -> list[sa.ColumnElement[bool]]:
    return [*_counted(in_server), J.created_at > sa.bindparam("yesterday")]


def _sum_of(
    pictures: sa.ColumnElement[int], *where: sa.ColumnElement[bool]
) -> sa.ColumnElement[Any]:
    total = sa.cast(sa.func.coalesce(sa.func.sum(pictures), 0), sa.BigInteger)
    return sa.select(total).where(*where).scalar_subquery()


async def usage_of(
    connection: AsyncConnection, rules: Rules, asker: Asker, now: float
) -> tuple[Usage, Usage]:
    """How many pictures a user has waiting and painted today, with the limits on both.

    Where the server's limit and the operator's differ, the one with less left is returned.
    """
    places = [_ScopedRequest(connection, rules, asker, PaintOptions(), now, rules.operator, None)]
    if asker.guild_id is not None:
        limits = rules.for_roles(asker.role_ids)
        places.insert(0, replace(places[0], limits=limits, guild_id=asker.guild_id))
    counts = await _counts(*places)
    waiting, today = zip(
        *(
            (
                Usage(count.waiting_mine, place.limits.max_waiting_per_user),
                Usage(count.mine_today, place.limits.max_per_day),
            )
            for place, count in zip(places, counts, strict=True)
        ),
        strict=True,
    )
    return min(waiting, key=_left), min(today, key=_left)


def _left(usage: Usage) -> int:
    return usage.allowed - usage.current


async def refusal_for(
    connection: AsyncConnection, rules: Rules, asker: Asker, options: PaintOptions, now: float
) -> Refusal | None:
    """The first limit that refuses, or None. Counts are as of this transaction."""
    limits = rules.for_roles(asker.role_ids)
    request = _ScopedRequest(connection, rules, asker, options, now, limits, asker.guild_id)
    if (refusal := refusal_to_post(rules, asker)) is not None:
        return refusal
    # Clips were cut to the allowed length and frame rate on upload, so only their size is checked.
    clip_size = {"max_clip_size_px": options.size_px} if options.moving else {}
    sizes = {"max_size_px": options.size_px, **clip_size, "max_quality": options.quality}
    for name, value in sizes.items():
        if LIMITS[name].is_looser(value, than=(allowed := getattr(limits, name))):
            by_operator = allowed == getattr(rules.operator, name)
            return request.refusal(name, value, by_operator=by_operator)
    # The server's limits count jobs in that server, the operator's count all jobs.
    everywhere = replace(request, limits=rules.operator, guild_id=None)
    places = (everywhere,) if asker.guild_id is None else (request, everywhere)
    for place, counts in zip(places, await _counts(*places), strict=True):
        refusal = (
            _waiting(place, counts) or await _per_day(place, counts) or _cooldown(place, counts)
        )
        if refusal is not None:
            return refusal
    return None


def clamped(
    rules: Rules, asker: Asker, options: PaintOptions, left_open: Collection[str]
) -> PaintOptions:
    """The options, with those that the user left open lowered to what is allowed.

    Args:
        rules: In force where the user asks.
        asker: Who asks.
        options: As requested.
        left_open: Names of the options that the user did not choose. Only size and quality have
            limits.
    """
    limits, changes = rules.for_roles(asker.role_ids), dict[str, Any]()
    most_px = limits.max_size_px
    if options.moving:
        most_px = min(most_px, limits.max_clip_size_px)
    if "size_px" in left_open and options.size_px > most_px:
        changes["size_px"] = most_px
    best = limits.max_quality
    if "quality" in left_open and LIMITS["max_quality"].is_looser(options.quality, than=best):
        changes["quality"] = best
    return options.model_copy(update=changes)


def refusal_to_post(rules: Rules, asker: Asker) -> Refusal | None:
    """What forbids posting an existing picture there. Limits on numbers apply to painting only."""
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


def _waiting(request: _ScopedRequest, counts: _Counts) -> Refusal | None:
    refusal = _too_many(request, "max_waiting_per_user", counts.waiting_mine)
    if refusal is not None or request.guild_id is None:
        return refusal
    return _too_many(request, "max_waiting_per_server", counts.waiting_here)


def places_for(pictures: int, allowed: int) -> int:
    """How many waiting places a job with several pictures takes: at most the limit itself."""
    return max(1, min(pictures, allowed))


def _too_many(request: _ScopedRequest, name: str, number: int) -> Refusal | None:
    allowed, pictures = getattr(request.limits, name), request.options.variants
    places = pictures if name == "max_per_day" else places_for(pictures, allowed)
    if number + places <= allowed:
        return None
    return request.refusal(name, number, asked=pictures)


async def _per_day(request: _ScopedRequest, counts: _Counts) -> Refusal | None:
    refusal = _too_many(request, "max_per_day", done := counts.mine_today)
    if refusal is None:
        return None
    # Available again once enough pictures are older than 24 hours for this request to fit.
    too_many = done + request.options.variants - request.limits.max_per_day
    mine = sa.select(J.created_at, J.pictures).where(*_today(request.in_server))
    for row in await request.connection.execute(mine.order_by(J.created_at), request.values):
        too_many -= row.pictures
        if too_many <= 0:
            return replace(refusal, available_at=moment(row.created_at + DAY_SECONDS))
    return refusal  # asks for more than a day's limit


def _cooldown(request: _ScopedRequest, counts: _Counts) -> Refusal | None:
    last, cooldown = counts.last_at, request.limits.cooldown_seconds
    # A transaction that began later, but took the lock before this one, may have created the last.
    if last is None or not cooldown or last + cooldown <= request.now:
        return None
    again_at = moment(last + cooldown)
    return request.refusal("cooldown_seconds", int(request.now - last), available_at=again_at)
