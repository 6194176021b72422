"""What a job needs of stored pictures while it is painted, by the roles that these have in it."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from jobs.core import VARIANT
from jobs.db import schema
from jobs.db.database import Transaction
from jobs.model import Claim, PaintedClip
from jobs.working import ending


def clip_roles(clip: PaintedClip) -> dict[str, str | None]:
    """The files of a painting that moves, by the role they have in its job."""
    return {"clip": clip.key, **{f"clip:{kind}": key for kind, key in clip.files.items()}}


def variant_roles(keys: tuple[str, ...]) -> dict[str, str]:
    """The versions of a job that are finished, by the role they have in it."""
    return {f"{VARIANT}{number}": key for number, key in enumerate(keys)}


async def finished_parts(transaction: Transaction, job_id: int) -> dict[str, str]:
    """The versions and frames of a job that are painted, by role, in their order."""
    uses = schema.picture_uses.c
    begins = (uses.role.startswith(VARIANT), uses.role.startswith(ending.FRAME))
    kept = await transaction.execute(
        sa.select(uses.role, uses.key)
        .where(uses.job_id == job_id, sa.or_(*begins))
        .order_by(uses.role)
    )
    return {str(row.role): str(row.key) for row in kept}


def keys_in(kept: Mapping[str, str], role: str) -> tuple[str, ...]:
    """Of `finished_parts` the keys in roles that begin so."""
    return tuple(key for each, key in kept.items() if each.startswith(role))


def key_in(claim: Claim, role: str) -> sa.ScalarSelect[Any]:
    """The key of the picture that has a role in a claimed job, to be asked with other things."""
    uses = schema.picture_uses.c
    return (
        sa.select(uses.key).where(uses.job_id == claim.job.id, uses.role == role).scalar_subquery()
    )
