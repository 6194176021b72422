"""The interaction token as a webhook: the original response and followups.

https://docs.discord.com/developers/interactions/receiving-and-responding#followup-messages
"""

from aiohttp import web

from sandbox.compose import create_message, delete_message, edit_message
from sandbox.errors import not_found, unknown_message, unknown_webhook
from sandbox.model import Interaction, Message, MessageFlag
from sandbox.payloads import message_json
from sandbox.rest.bodies import answer, no_content, read_object
from sandbox.rest.checks import check_message
from sandbox.rest.context import check_open, line_of, path_id, world_of
from sandbox.rules import FormBody, judge


def interaction_of(request: web.Request) -> Interaction:
    """The interaction of the token in the path, while the token is valid."""
    world = world_of(request)
    interaction = world.interactions_by_token.get(request.match_info["token"])
    form = FormBody(world, path_id(request, "application"), interaction=interaction)
    judge("webhook", form, line_of(request))
    assert interaction is not None
    if not interaction.acknowledged:
        raise unknown_webhook()
    return interaction


def message_of(request: web.Request, interaction: Interaction) -> Message:
    """The original response or one of the followups."""
    name = request.match_info["message"]
    message: Message | None
    if name == "@original":
        message = interaction.message
    elif name.isdigit():
        wanted = [*interaction.followups, interaction.message, interaction.source]
        message = next((m for m in wanted if m is not None and m.id == int(name)), None)
    else:
        raise not_found()
    if message is None or message.deleted:
        raise unknown_message()
    return message


async def get_message(request: web.Request) -> web.Response:
    """`GET /webhooks/{application}/{token}/messages/{message}`."""
    message = message_of(request, interaction_of(request))
    return answer(message_json(world_of(request), message))


async def patch_message(request: web.Request) -> web.Response:
    """`PATCH /webhooks/{application}/{token}/messages/{message}`."""
    world = world_of(request)
    payload, files = await read_object(request)
    interaction = interaction_of(request)
    message = message_of(request, interaction)
    check_open(world, message.channel_id)
    check_message(request, payload, files, interaction=interaction, existing=message)
    if message is interaction.message:
        interaction.deferred_unfilled = False
    return answer(message_json(world, edit_message(world, message, payload, files)))


async def remove_message(request: web.Request) -> web.Response:
    """`DELETE /webhooks/{application}/{token}/messages/{message}`."""
    message = message_of(request, interaction_of(request))
    check_open(world_of(request), message.channel_id)
    delete_message(world_of(request), message)
    return no_content()


async def create_followup(request: web.Request) -> web.Response:
    """`POST /webhooks/{application}/{token}`.

    The first one after a deferred response edits that message instead of creating one; according to
    the documentation for backwards compatibility.
    """
    world = world_of(request)
    payload, files = await read_object(request)
    interaction = interaction_of(request)
    waiting = interaction.message if interaction.deferred_unfilled else None
    form = check_message(request, payload, files, interaction=interaction, existing=waiting)
    if waiting is not None and not waiting.deleted:
        interaction.deferred_unfilled = False
        return answer(message_json(world, edit_message(world, waiting, payload, files)))
    judge("followup", form, line_of(request))
    flags = payload.get("flags") or 0
    reference = interaction.message or interaction.source
    message = create_message(
        world,
        interaction.channel,
        world.bot,
        {**payload, "message_reference": {"message_id": reference.id} if reference else None},
        files,
        interaction=interaction,
        ephemeral=bool(flags & MessageFlag.EPHEMERAL),
    )
    interaction.followups.append(message)
    return answer(message_json(world, message))
