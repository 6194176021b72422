"""Interaction callbacks.

https://docs.discord.com/developers/interactions/receiving-and-responding
"""

import time
from typing import Any

from aiohttp import web

from sandbox.compose import create_message, edit_message
from sandbox.model import Files, Interaction, Json, MessageFlag
from sandbox.payloads import message_json
from sandbox.rest.bodies import answer, no_content, read_object
from sandbox.rest.checks import check, check_message
from sandbox.rest.context import line_of, path_id, world_of
from sandbox.rules import FormBody, judge
from sandbox.world import World

MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9


async def callback(request: web.Request) -> web.Response:
    """`POST /interactions/{id}/{token}/callback`."""
    world = world_of(request)
    payload, files = await read_object(request)
    interaction = world.interactions.get(path_id(request, "interaction"))
    token = request.match_info["token"]
    form = FormBody(world, token, interaction=interaction)
    judge("acknowledgement", form, line_of(request))
    assert interaction is not None
    judge("callback", form.at(payload), line_of(request))
    kind: int = payload["type"]
    data: Json = payload.get("data") or {}
    check_data(request, interaction, kind, data, files)
    interaction.acknowledged_after_seconds = time.monotonic() - interaction.dispatched_at
    interaction.response_type = kind
    respond(world, interaction, kind, data, files)
    world.emit("interaction", {"interaction": interaction})
    if request.query.get("with_response", "").lower() not in {"1", "true"}:
        return no_content()
    return answer(callback_response(world, interaction))


def check_data(
    request: web.Request, interaction: Interaction, kind: int, data: Json, files: Files
) -> None:
    """Validate a callback's data by its type."""
    world, line = world_of(request), line_of(request)
    form = FormBody(world, data, ("data",), interaction=interaction)
    if kind in {MESSAGE, UPDATE}:
        existing = interaction.source if kind == UPDATE else None
        check_message(
            request, data, files, path=("data",), interaction=interaction, existing=existing
        )
    elif kind in {DEFERRED_MESSAGE, CHOICES}:
        judge("choices" if kind == CHOICES else "deferral", form, line)
    elif kind == MODAL:
        check("modal", line, form)


def respond(world: World, interaction: Interaction, kind: int, data: Json, files: Files) -> None:
    """Carry out a callback."""
    if kind in {MESSAGE, DEFERRED_MESSAGE}:
        interaction.deferred_unfilled = kind == DEFERRED_MESSAGE
        flags: Any = data.get("flags") or 0
        source = interaction.source
        interaction.message = create_message(
            world,
            interaction.channel,
            world.bot,
            {**data, "message_reference": source and {"message_id": source.id}},
            files,
            interaction=interaction,
            ephemeral=bool(flags & MessageFlag.EPHEMERAL),
            loading=kind == DEFERRED_MESSAGE,
        )
    elif kind == DEFERRED_UPDATE:
        interaction.message = interaction.source
    elif kind == UPDATE:
        assert interaction.source is not None
        interaction.message = edit_message(world, interaction.source, data, files)
    elif kind == CHOICES:
        interaction.choices = list(data.get("choices") or [])
    elif kind == MODAL:
        interaction.modal = data


def callback_response(world: World, interaction: Interaction) -> Json:
    """The interaction callback response object."""
    about: Json = {"id": str(interaction.id), "type": int(interaction.type)}
    payload: Json = {"interaction": about}
    message = interaction.message
    if message is not None:
        about |= {
            "response_message_id": str(message.id),
            "response_message_loading": message.loading,
            "response_message_ephemeral": message.ephemeral,
            "channel_id": str(message.channel_id),
        }
        if interaction.channel.guild_id is not None:
            about["guild_id"] = str(interaction.channel.guild_id)
    resource: Json = {"type": interaction.response_type}
    if interaction.response_type in {MESSAGE, UPDATE} and message is not None:
        resource["message"] = message_json(world, message)
    payload["resource"] = resource
    return payload
