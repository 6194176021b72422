"""The roles in which a job uses stored pictures, as `picture_uses` names them."""

from collections.abc import Mapping

import sqlalchemy as sa

from common.options import PaintInputs
from jobs.db import schema
from jobs.db.database import Transaction
from jobs.model import PaintedClip

INPUT, VARIANT, FRAME = "input:", "variant:", "frame:"
"""Prefixes: of input pictures, of finished versions, of the painted frames of a checkpoint."""
RESULT, TIMELAPSE, CHECKPOINT = "result", "timelapse", "checkpoint"
PREVIEW, PREVIEW_BEFORE = "preview", "preview:last"
"""The newest two previews."""
_uses = schema.picture_uses.c


def input_roles(inputs: PaintInputs) -> dict[str, str]:
    """The input pictures of a job, by role."""
    return {f"{INPUT}{number}": key for number, key in enumerate(inputs.picture_keys())}


def clip_roles(clip: PaintedClip) -> dict[str, str | None]:
    """The files of a painted clip, by role."""
    return {"clip": clip.key, **{f"clip:{kind}": key for kind, key in clip.files.items()}}


def variant_roles(keys: tuple[str, ...]) -> dict[str, str]:
    """The finished versions of a job, by role."""
    return {f"{VARIANT}{number}": key for number, key in enumerate(keys)}


def is_working_file(role: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """A condition on roles: nobody needs the picture once the job has ended."""
    return sa.or_(role.in_([CHECKPOINT, PREVIEW_BEFORE]), role.startswith(FRAME))


async def finished_parts(transaction: Transaction, job_id: int) -> dict[str, str]:
    """The painted versions and frames of a job, by role, in order."""
    begins = (_uses.role.startswith(VARIANT), _uses.role.startswith(FRAME))
    kept = await transaction.all(
        sa.select(_uses.role, _uses.key)
        .where(_uses.job_id == job_id, sa.or_(*begins))
        .order_by(_uses.role)
    )
    return {str(row.role): str(row.key) for row in kept}


def keys_in(kept: Mapping[str, str], role: str) -> tuple[str, ...]:
    """The keys of `finished_parts` whose roles begin with this."""
    return tuple(key for each, key in kept.items() if each.startswith(role))


def key_in(job_id: int, role: str) -> sa.ScalarSelect[str]:
    """A subquery for the key of the picture in a role of a job."""
    return sa.select(_uses.key).where(_uses.job_id == job_id, _uses.role == role).scalar_subquery()
