"""Judging a message that the bot sends or edits, by every rule that concerns it."""

from sandbox.model import Message, MessageFlag
from sandbox.rules import Form, judge
from sandbox.world import TrafficLine


def check_message(form: Form, line: TrafficLine | None, *, existing: Message | None = None) -> None:
    """Judge a message's JSON and files; `existing` is the message that an edit changes."""
    flags = form.value.get("flags")
    form.existing = existing
    form.v2 = bool(isinstance(flags, int) and flags & MessageFlag.IS_COMPONENTS_V2) or bool(
        existing is not None and existing.is_v2
    )
    form.upload_limit_bytes = form.world.upload_limit_bytes
    judge("message", form, line)
