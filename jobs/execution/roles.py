"""The roles in which a job uses stored pictures while it is painted."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from jobs.core import VARIANT
from jobs.db import schema
from jobs.db.database import Transaction
from jobs.execution import ending
from jobs.model import Claim, PaintedClip


def clip_roles(clip: PaintedClip) -> dict[str, str | None]:
    """The files of a painted clip, by role."""
    return {"clip": clip.key, **{f"clip:{kind}": key for kind, key in clip.files.items()}}


def variant_roles(keys: tuple[str, ...]) -> dict[str, str]:
    """The finished versions of a job, by role."""
    return {f"{VARIANT}{number}": key for number, key in enumerate(keys)}


async def finished_parts(transaction: Transaction, job_id: int) -> dict[str, str]:
    """The painted versions and frames of a job, by role, in order."""
    uses = schema.picture_uses.c
    begins = (uses.role.startswith(VARIANT), uses.role.startswith(ending.FRAME))
    kept = await transaction.execute(
        sa.select(uses.role, uses.key)
        .where(uses.job_id == job_id, sa.or_(*begins))
        .order_by(uses.role)
    )
    return {str(row.role): str(row.key) for row in kept}


def keys_in(kept: Mapping[str, str], role: str) -> tuple[str, ...]:
    """The keys of `finished_parts` whose roles begin with this."""
    return tuple(key for each, key in kept.items() if each.startswith(role))


def key_in(claim: Claim, role: str) -> sa.ScalarSelect[Any]:
    """A subquery for the key of the picture in a role of a claimed job."""
    uses = schema.picture_uses.c
    return (
        sa.select(uses.key).where(uses.job_id == claim.job.id, uses.role == role).scalar_subquery()
    )
