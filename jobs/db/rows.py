"""Converts rows of the database to the types of `jobs.model`, and back.

A row may have been written by another version, so that its JSON cannot be parsed. Reading must not
fail then: such a job is returned with `unreadable` set.
"""

import json
from collections.abc import Hashable
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar, cast, get_args, get_type_hints

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from common.options import PaintInputs, PaintOptions, StyleInput
from common.sentences import sentence
from jobs.db import schema
from jobs.db.database import Row
from jobs.model import (
    Failure,
    FailureKind,
    Job,
    JobEvent,
    JobState,
    PaintReport,
    Progress,
    Reply,
)

T = TypeVar("T")
J = schema.jobs.c

BY_DM = "dm"
"""Delivery route of a job that was sent to its member's direct messages."""
UNREADABLE = sentence(
    "This painting was queued by another version of the bot and can no longer be read; please "
    "start it again."
)
UNKNOWN_FAILURE = sentence("This painting failed.")

# Literals, not parameters: only then can the planner use a partial index.
IS_QUEUED: sa.ColumnElement[bool] = J.state == sa.literal_column("'queued'")
IS_RUNNING: sa.ColumnElement[bool] = J.state == sa.literal_column("'running'")
IS_UNFINISHED: sa.ColumnElement[bool] = J.state.in_(
    [sa.literal_column("'queued'"), sa.literal_column("'running'")]
)
HAS_ENDED: sa.ColumnElement[bool] = J.ended_at.is_not(None)


def answered_by(application_id: int) -> sa.ColumnElement[bool]:
    """A condition on jobs: of this application, or of unknown application (earlier versions)."""
    if not application_id:
        return sa.true()
    return sa.or_(J.application_id.is_(None), J.application_id == application_id)


def moment(seconds: float) -> datetime:
    """Convert seconds since 1970 to an aware datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def optional_moment(seconds: float | None) -> datetime | None:
    """As `moment`, with None for None."""
    return None if seconds is None else moment(seconds)


@lru_cache(maxsize=32)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_json(value: object) -> str:
    """Serialize a value of the model."""
    return _adapter(cast("Hashable", type(value))).dump_json(value).decode()


def lenient(kind: type[T], text: str | None) -> T | None:
    """Parse a JSON column; None if this version cannot read it."""
    if text is None:
        return None
    try:
        value: T = _adapter(cast("Hashable", kind)).validate_json(text)
    except ValidationError:
        return None
    return value


@lru_cache(maxsize=32)
def _columns(kind: Any) -> dict[str, bool]:
    """The fields of a dataclass, and whether each is a datetime."""
    hints = get_type_hints(kind)
    return {
        field.name: datetime in {hints[field.name], *get_args(hints[field.name])}
        for field in fields(kind)
    }


def from_row(kind: type[T], row: Row, **otherwise: Any) -> T:
    """Build a dataclass from columns of the same names; `otherwise` overrides fields."""
    values = {
        name: optional_moment(getattr(row, name)) if is_time else getattr(row, name)
        for name, is_time in _columns(cast("Hashable", kind)).items()
        if name not in otherwise
    }
    return kind(**values, **otherwise)


def job_from_row(row: Row) -> Job:
    """The job in a row of `jobs` (all columns). Never raises for rows of other versions."""
    options = lenient(PaintOptions, row.options)
    inputs = lenient(PaintInputs, row.inputs)
    reply = lenient(Reply, row.target)
    state = _known_state(row.state)
    is_known = (
        options is not None and inputs is not None and reply is not None and state is not None
    )
    unreadable = None if is_known else UNREADABLE
    failure = lenient(Failure, row.failure)
    if failure is None and row.ended_at is not None and state in {JobState.FAILED, None}:
        failure = Failure.of(FailureKind.INTERNAL, UNKNOWN_FAILURE, "unknown")
    hidden = row.delete_after is not None  # deleted, but can be undone
    deleted_at = row.delete_after if hidden else row.pictures_deleted_at
    return from_row(
        Job,
        row,
        state=state or (JobState.QUEUED if row.ended_at is None else JobState.FAILED),
        inputs=inputs or PaintInputs(content="", styles=(StyleInput(is_content=True),)),
        options=options or PaintOptions(),
        reply=_placed(reply or _no_reply(row), row),
        progress=lenient(Progress, row.progress),
        preview_key=None if hidden else row.preview_key,
        result_key=None if hidden else row.result_key,
        timelapse_key=None if hidden else row.timelapse_key,
        report=lenient(PaintReport, row.report),
        failure=failure,
        cancel_requested=bool(row.cancel_requested),
        came_by_dm=row.delivered_how == BY_DM,
        pictures_deleted_at=optional_moment(deleted_at),
        unreadable=unreadable,
    )


def _known_state(text: str) -> JobState | None:
    """The state of that name; None for a state of a later version."""
    try:
        return JobState(text)
    except ValueError:
        return None


def _placed(reply: Reply, row: Row) -> Reply:
    """The reply, with the job's message once it was posted."""
    if row.message_id is None:
        return reply
    channel_id = row.message_channel_id or reply.channel_id
    return replace(reply, message_id=row.message_id, channel_id=channel_id)


def _no_reply(row: Row) -> Reply:
    return Reply(
        application_id=0,
        interaction_id=row.interaction_id,
        interaction_token="",
        token_expires_at=moment(row.created_at),
        channel_id=row.channel_id,
    )


def event_from_row(row: Row) -> JobEvent:
    """The event in a row of `events`."""
    return from_row(JobEvent, row, details=json_object(row.details))


def json_object(text: str) -> dict[str, Any]:
    """Parse a JSON object; empty if another version wrote something else."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
