"""Judging what the bot sends, by every rule that concerns it."""

from sandbox.model import Message
from sandbox.rules import FormBody, judge_all
from sandbox.rules.messages import is_v2
from sandbox.world import TrafficLine


def check(subject: str, line: TrafficLine | None, *forms: FormBody) -> None:
    """Judge modals or commands, all of them with one answer.

    Types come first, so that the rules of meaning may rely on them.
    """
    judge_all(f"{subject}-shape", forms, line)
    judge_all(subject, forms, line)


def check_message(
    form: FormBody, line: TrafficLine | None, *, existing: Message | None = None
) -> None:
    """Judge a message's JSON and files; `existing` is the message that an edit changes."""
    form.existing = existing
    form.v2 = is_v2(form.value.get("flags"), existing)
    form.upload_limit_bytes = form.world.upload_limit_bytes
    check("message", line, form)
