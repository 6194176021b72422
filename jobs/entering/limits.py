"""The limits: what they are, whose they are, and whether a submission keeps to them.

The operator's limits (from the settings) hold everywhere; a server's admins may tighten them
for their server, never loosen. Roles that an admin exempts are free of the server's own
numbers, and still under the operator's.
"""

import json
import logging
from dataclasses import dataclass, fields

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from common.options import Quality
from common.settings import Settings
from jobs.db import schema

log = logging.getLogger(__name__)
QUALITIES: tuple[Quality, ...] = ("draft", "standard", "fine")
EVERYWHERE = 0
"""The server id that stands for all servers, in blocks and pauses."""
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits in force in one server, or in private for the operator's own."""

    max_size_px: int
    max_quality: Quality
    max_waiting_per_user: int
    max_waiting_per_server: int
    max_per_day: int
    cooldown_seconds: int
    retention_days: int
    painter_role_ids: tuple[int, ...] = ()
    """Empty: everybody may paint."""
    exempt_role_ids: tuple[int, ...] = ()
    priority_role_ids: tuple[int, ...] = ()
    channel_ids: tuple[int, ...] = ()
    """Empty: in all channels."""
    log_channel_id: int | None = None


class LimitChanges(BaseModel):
    """What a server's admins have set; None leaves the operator's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_size_px: int | None = Field(None, ge=64, le=8192)
    max_quality: Quality | None = None
    max_waiting_per_user: int | None = Field(None, ge=1)
    max_waiting_per_server: int | None = Field(None, ge=1)
    max_per_day: int | None = Field(None, ge=1)
    cooldown_seconds: int | None = Field(None, ge=0)
    retention_days: int | None = Field(None, ge=1)
    painter_role_ids: tuple[int, ...] | None = None
    exempt_role_ids: tuple[int, ...] | None = None
    priority_role_ids: tuple[int, ...] | None = None
    channel_ids: tuple[int, ...] | None = None
    log_channel_id: int | None = None


@dataclass(frozen=True, slots=True)
class LoosensOperatorLimit:
    """The change was refused: the operator of the bot allows no more than this."""

    field: str
    operator_value: int | str
    asked: int | str


@dataclass(frozen=True, slots=True)
class Rules:
    """All that decides about submissions in one server, read in one go."""

    operator: Limits
    server: Limits
    blocked_everywhere: bool = False
    blocked_here: bool = False

    def for_roles(self, role_ids: tuple[int, ...]) -> Limits:
        """The numbers that hold for somebody with these roles."""
        if not set(role_ids) & set(self.server.exempt_role_ids):
            return self.server
        free = {f.name: getattr(self.operator, f.name) for f in fields(Limits)}
        kept = ("retention_days", "painter_role_ids", "exempt_role_ids", "priority_role_ids")
        return Limits(**{**free, **{name: getattr(self.server, name) for name in kept}})


def operator_limits(settings: Settings) -> Limits:
    """The operator's limits."""
    return Limits(
        max_size_px=settings.atelier_max_size_px,
        max_quality=settings.atelier_max_quality,
        max_waiting_per_user=settings.atelier_max_waiting_per_user,
        max_waiting_per_server=settings.atelier_max_waiting_per_server,
        max_per_day=settings.atelier_max_per_day,
        cooldown_seconds=settings.atelier_cooldown_seconds,
        retention_days=settings.atelier_retention_days,
    )


def loosened(operator: Limits, changes: LimitChanges) -> LoosensOperatorLimit | None:
    """The first change that would allow more than the operator does."""
    for name in (
        "max_size_px",
        "max_waiting_per_user",
        "max_waiting_per_server",
        "max_per_day",
        "retention_days",
    ):
        asked, allowed = getattr(changes, name), getattr(operator, name)
        if asked is not None and asked > allowed:
            return LoosensOperatorLimit(name, allowed, asked)
    quality = changes.max_quality
    if quality is not None and QUALITIES.index(quality) > QUALITIES.index(operator.max_quality):
        return LoosensOperatorLimit("max_quality", operator.max_quality, quality)
    cooldown = changes.cooldown_seconds
    if cooldown is not None and cooldown < operator.cooldown_seconds:
        return LoosensOperatorLimit("cooldown_seconds", operator.cooldown_seconds, cooldown)
    return None


def tightened(operator: Limits, changes: LimitChanges) -> Limits:
    """The limits in force: of the operator's and the server's always the tighter one.

    The operator may have tightened a limit after a server set its own.
    """
    values = {f.name: getattr(operator, f.name) for f in fields(Limits)}
    asked = {name: value for name, value in changes if value is not None}
    for name, value in asked.items():
        match name:
            case "max_quality":
                values[name] = QUALITIES[
                    min(QUALITIES.index(value), QUALITIES.index(operator.max_quality))
                ]
            case "cooldown_seconds":
                values[name] = max(value, operator.cooldown_seconds)
            case "retention_days":
                values[name] = min(value, operator.retention_days)
            case _ if name.startswith("max_"):
                values[name] = min(value, getattr(operator, name))
            case _:
                values[name] = value
    return Limits(**values)


def changes_from_json(text: str | None) -> LimitChanges:
    """A server's changes as they were stored; fields of other versions are left out."""
    if text is None:
        return LimitChanges()
    try:
        return LimitChanges.model_validate_json(text)
    except ValidationError:
        log.warning("A server's limits were written by another version; reading what is known.")
    known = LimitChanges()
    try:
        stored = json.loads(text)
    except ValueError:
        return known
    for name, value in stored.items() if isinstance(stored, dict) else ():
        try:
            known = LimitChanges.model_validate({**known.model_dump(), name: value})
        except ValidationError:
            continue
    return known


async def read_rules(
    connection: AsyncConnection, settings: Settings, guild_id: int | None, user_id: int
) -> Rules:
    """Read the rules for one user in one server (None: in private)."""
    operator = operator_limits(settings)
    server = operator
    if guild_id is not None:
        text = await connection.scalar(
            sa.select(schema.guild_limits.c.changes).where(
                schema.guild_limits.c.guild_id == guild_id
            )
        )
        server = tightened(operator, changes_from_json(text))
    blocked = schema.blocked_users.c
    places = set(
        await connection.scalars(
            sa.select(blocked.guild_id).where(
                blocked.user_id == user_id,
                blocked.guild_id.in_([EVERYWHERE, guild_id or EVERYWHERE]),
            )
        )
    )
    return Rules(operator, server, EVERYWHERE in places, bool(places - {EVERYWHERE}))
