"""Taking back a change of limits: what stood before is found in the log of changes."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from bot.texts import _
from bot.wire.errors import UserError
from common.limits import LIMITS
from jobs.changing.administration import RESET_LIMITS, SET_LIMITS, UNDO_LIMITS
from jobs.changing.audit import BEFORE, AuditEntry
from jobs.queue import JobQueue

CHANGES = frozenset({SET_LIMITS, UNDO_LIMITS, RESET_LIMITS})
ENTRIES_AT_ONCE = 100
CHANGED_SINCE = _("The limits were changed again since; /limits log shows by whom.")


async def last_change(queue: JobQueue, guild_id: int, by_user: int) -> int | None:
    """The id of the user's last change of limits, if it is the last of all."""
    async for entry in _changes(queue, guild_id):
        return entry.id if entry.user_id == by_user else None
    return None


async def values_before(queue: JobQueue, guild_id: int, change_id: int) -> Mapping[str, Any]:
    """What the limits that a change set stood at before it; None for the operator's.

    Raises:
        UserError: if it is not the last change.
    """
    changes = _changes(queue, guild_id)
    last = await anext(changes, None)
    if last is None or last.id != change_id:
        raise UserError(CHANGED_SINCE)
    wanted = set(LIMITS) if last.action == RESET_LIMITS else set(LIMITS) & set(last.details)
    if isinstance(known := last.details.get(BEFORE), dict):
        return {name: known.get(name) for name in wanted}
    # An earlier version did not write it down: it is what was set last before.
    found: dict[str, Any] = {}
    async for entry in changes:
        if entry.action == RESET_LIMITS or wanted <= set(found):
            break
        for name in wanted & set(entry.details):
            found.setdefault(name, entry.details[name])
    return {name: found.get(name) for name in wanted}


async def _changes(queue: JobQueue, guild_id: int) -> AsyncIterator[AuditEntry]:
    before: int | None = None
    while entries := await queue.audit.read(guild_id, limit=ENTRIES_AT_ONCE, before=before):
        for entry in entries:
            if entry.action in CHANGES:
                yield entry
        before = entries[-1].id
