"""The actions of the page's user: each a POST with a JSON `payload` and optional files."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox.command_visibility import NotOfferedError
from sandbox.compose import delete_message
from sandbox.loopback import LoopbackDiscord
from sandbox.model import Channel, Interaction, Json, Message, Upload, User
from sandbox.page.fault_buttons import FAULT_BUTTONS
from sandbox.page.views import sees_message

LOCALES = ("en-US", "en-GB", "de", "fr", "es-ES", "es-419", "pt-BR")
"""Languages to choose from on the page; the bot has no translation for some of them."""


@dataclass(frozen=True)
class ActionRequest:
    """One action: its user, its payload, its files by field."""

    discord: LoopbackDiscord
    payload: Json
    files: dict[str, list[Upload]]

    @property
    def user(self) -> User:
        """The user who acts."""
        return self.discord.user(self.payload["user"])

    @property
    def channel(self) -> Channel:
        """The channel."""
        return self.discord.world.channels[int(self.payload["channel"])]

    @property
    def message(self) -> Message:
        """The message acted on.

        Raises:
            NotOfferedError: This user cannot see it.
        """
        message = self.discord.world.messages.get(int(self.payload["message"]))
        if message is None or not sees_message(self.discord.world, message, self.user):
            raise NotOfferedError("That message is not there.")
        return message


Action = Callable[[ActionRequest], Awaitable[Json | Interaction]]


async def slash(request: ActionRequest) -> Interaction:
    """Use a slash command."""
    files = {name: uploads[0] for name, uploads in request.files.items()}
    name, options = request.payload["name"], request.payload["options"]
    return await request.discord.slash(request.user, name, options, files, channel=request.channel)


async def autocomplete(request: ActionRequest) -> Interaction:
    """Type into an option with autocomplete."""
    typed = [request.payload[name] for name in ("name", "option", "text", "options")]
    return await request.discord.type_into(request.user, *typed, channel=request.channel)


async def component(request: ActionRequest) -> Interaction:
    """Use a button or a select menu."""
    custom_id, values = request.payload["custom_id"], request.payload.get("values")
    found = [c for c in request.message.walk() if c.get("custom_id") == custom_id]
    if not found:
        raise NotOfferedError("That button is no longer there.")
    return await request.discord.use_component(request.user, request.message, found[0], values)


async def modal(request: ActionRequest) -> Interaction:
    """Submit a modal."""
    opened_by = request.discord.world.interactions[int(request.payload["interaction"])]
    return await request.discord.submit_modal(opened_by, request.payload["values"], request.files)


async def menu(request: ActionRequest) -> Interaction:
    """Use a message's context menu."""
    name = request.payload["name"]
    return await request.discord.message_command(request.user, name, request.message)


async def user_menu(request: ActionRequest) -> Interaction:
    """Use a user's context menu."""
    target = request.discord.world.users.get(int(request.payload["target"]))
    if target is None:
        raise NotOfferedError("That user is not there.")
    name = request.payload["name"]
    return await request.discord.user_command(request.user, name, target, channel=request.channel)


async def post(request: ActionRequest) -> Json:
    """Post an ordinary message."""
    content = str(request.payload.get("content", "")).strip()
    uploads = [upload for uploads in request.files.values() for upload in uploads]
    if not content and not uploads:
        raise NotOfferedError("There is nothing to send.")
    message = request.discord.post(request.user, content, uploads, channel=request.channel)
    return {"id": str(message.id)}


async def delete(request: ActionRequest) -> Json:
    """Delete your own message, or dismiss an ephemeral one."""
    message = request.message
    if request.user.id not in {message.author_id, message.visible_to}:
        raise NotOfferedError("Only the author can delete this message.")
    delete_message(request.discord.world, message)
    return {}


async def language(request: ActionRequest) -> Json:
    """Use Discord in another language."""
    locale = str(request.payload["locale"])
    if locale not in LOCALES:
        raise NotOfferedError(f"The page does not know the language {locale!r}.")
    request.user.locale = locale
    request.discord.world.emit("users", {})
    return {}


async def fault(request: ActionRequest) -> Json:
    """Inject a fault."""
    button = FAULT_BUTTONS.get(request.payload["kind"])
    if button is None:
        raise NotOfferedError(f"There is no fault {request.payload['kind']!r}.")
    if isinstance(done := button.cause(request.discord), Awaitable):
        await done
    return {"waiting": len(request.discord.faults.waiting)}


ACTIONS: dict[str, Action] = {
    "slash": slash,
    "autocomplete": autocomplete,
    "component": component,
    "modal": modal,
    "menu": menu,
    "user_menu": user_menu,
    "post": post,
    "delete": delete,
    "language": language,
    "fault": fault,
}


async def read_action(request: web.Request, discord: LoopbackDiscord) -> ActionRequest:
    """Parse the page's multipart form: `payload`, and files by field name.

    Raises:
        NotOfferedError: A file is too large.
    """
    limit = discord.world.upload_limit_bytes
    payload: Any = {}
    files: dict[str, list[Upload]] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read(decode=True))
        if part.name == "payload":
            payload = json.loads(data)
        elif len(data) > limit:
            name, size = part.filename or "file", limit // (1024 * 1024)
            raise NotOfferedError(f"{name} is too powerful! The maximum file size is {size} MB.")
        elif part.name:
            files.setdefault(part.name, []).append((part.filename or "file", data))
    return ActionRequest(discord, payload, files)
