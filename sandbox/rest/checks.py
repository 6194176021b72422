"""Judging what the bot sends, by every rule that concerns it."""

from sandbox.model import Message
from sandbox.rules import FormBody, judge, judge_all
from sandbox.rules.messages import is_v2
from sandbox.world import TrafficLine


def check_message(
    form: FormBody, line: TrafficLine | None, *, existing: Message | None = None
) -> None:
    """Judge a message's JSON and files; `existing` is the message that an edit changes.

    Types come first, so that the rules of meaning may rely on them.
    """
    form.existing = existing
    form.v2 = is_v2(form.value.get("flags"), existing)
    form.upload_limit_bytes = form.world.upload_limit_bytes
    judge("message-shape", form, line)
    judge("message", form, line)


def check_modal(form: FormBody, line: TrafficLine | None) -> None:
    """Judge a modal."""
    judge("modal-shape", form, line)
    judge("modal", form, line)


def check_commands(form: FormBody, line: TrafficLine | None) -> None:
    """Judge a list of commands, all of them with one answer."""
    forms = [form.at(command, index) for index, command in enumerate(form.value)]
    judge_all("command-shape", forms, line)
    judge_all("command", forms, line)
    judge("commands", form, line)


def check_command(form: FormBody, line: TrafficLine | None) -> None:
    """Judge one command."""
    judge("command-shape", form, line)
    judge("command", form, line)
