"""Validates what the bot sends, against every rule for it."""

from typing import Any

from aiohttp import web

from sandbox.model import Files, Json
from sandbox.rest.context import line_of, world_of
from sandbox.rules import FormBody, judge_all
from sandbox.rules.messages import is_v2
from sandbox.world import TrafficLine


def check(subject: str, line: TrafficLine | None, *forms: FormBody) -> None:
    """Validate modals or commands; one response has all errors.

    Types are checked first, so that the other rules can rely on them.
    """
    judge_all(f"{subject}-shape", forms, line)
    judge_all(subject, forms, line)


def check_message(request: web.Request, value: Json, files: Files, **about: Any) -> FormBody:
    """Validate a message's JSON and files; `about` are more fields, such as `existing`."""
    world, line = world_of(request), line_of(request)
    form = FormBody(world, value, files=files, **about)
    form.v2 = is_v2(value.get("flags"), form.existing)
    form.upload_limit_bytes = world.upload_limit_bytes
    check("message", line, form)
    return form
