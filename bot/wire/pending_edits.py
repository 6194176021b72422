"""Ends an edit as soon as one of its buttons is pressed.

Discord may carry an edit out and lose the response, or give it late. The edit would be repeated,
over what the press has led to.
"""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import discord
from discord import ui

from bot.kit import cancel

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _Edit:
    """An edit of the response to an interaction that Discord has not confirmed."""

    task: asyncio.Task[Any]
    interaction_id: int
    message_id: int | None
    custom_ids: frozenset[str]

    def is_shown_by(self, message: discord.Message) -> bool:
        """Whether the message is the one that is edited."""
        answered = message.interaction_metadata
        return message.id == self.message_id or (
            answered is not None and answered.id == self.interaction_id
        )


_pending: set[_Edit] = set()


async def until_pressed(
    edit: Coroutine[Any, Any, T],
    view: ui.View | ui.LayoutView | None,
    *,
    interaction_id: int,
    message_id: int | None,
) -> T | None:
    """Make an edit, until it is done or a press shows that it was carried out.

    Args:
        edit: Edits the message, with its retries.
        view: What the message is to show.
        interaction_id: The interaction that the message responds to.
        message_id: The message, if it is known.

    Returns:
        What `edit` does; None if a button of the view was pressed.
    """
    task = asyncio.create_task(edit)
    pending = _Edit(task, interaction_id, message_id, _custom_ids(view))
    _pending.add(pending)
    try:
        await asyncio.wait({task})
    finally:
        _pending.discard(pending)
        await cancel(task)
    return None if task.cancelled() else task.result()


def note_press(press: discord.Interaction[Any]) -> None:
    """End the edit that showed what a user pressed or chose from."""
    data: Any = press.data or {}
    pressed, message = data.get("custom_id"), press.message
    if message is None:
        return
    for edit in tuple(_pending):
        is_newer = press.id > edit.interaction_id
        if is_newer and pressed in edit.custom_ids and edit.is_shown_by(message):
            log.info("The response to %d was used before it was confirmed", edit.interaction_id)
            edit.task.cancel()


def _custom_ids(view: ui.View | ui.LayoutView | None) -> frozenset[str]:
    items = () if view is None else view.walk_children()
    return frozenset(id_ for each in items if (id_ := getattr(each, "custom_id", None)))
