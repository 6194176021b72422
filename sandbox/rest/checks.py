"""Judging what the bot sends, by every rule that concerns it."""

from typing import Any

from aiohttp import web

from sandbox.model import Files, Json
from sandbox.rest.context import line_of, world_of
from sandbox.rules import FormBody, judge_all
from sandbox.rules.messages import is_v2
from sandbox.world import TrafficLine


def check(subject: str, line: TrafficLine | None, *forms: FormBody) -> None:
    """Judge modals or commands, all of them with one answer.

    Types come first, so that the rules of meaning may rely on them.
    """
    judge_all(f"{subject}-shape", forms, line)
    judge_all(subject, forms, line)


def check_message(request: web.Request, value: Json, files: Files, **about: Any) -> FormBody:
    """Judge a message's JSON and files; `about` are more fields of the form, such as `existing`."""
    world, line = world_of(request), line_of(request)
    form = FormBody(world, value, payload=value, files=files, **about)
    form.v2 = is_v2(value.get("flags"), form.existing)
    form.upload_limit_bytes = world.upload_limit_bytes
    check("message", line, form)
    return form
