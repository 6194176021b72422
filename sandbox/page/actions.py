"""What the page's user does: each a POST with a JSON `payload` and, where it has some, files."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox.compose import delete_message
from sandbox.control import LoopbackDiscord
from sandbox.model import Channel, Interaction, Json, Message, User
from sandbox.offering import NotOfferedError
from sandbox.page.views import interaction_view, sees_message

Upload = tuple[str, bytes]


class Act:
    """One request of the page: its user, its payload, its files by field."""

    def __init__(self, discord: LoopbackDiscord, payload: Json, files: dict[str, list[Upload]]):
        self.discord = discord
        self.payload = payload
        self.files = files

    @property
    def user(self) -> User:
        """Who acts."""
        return self.discord.user(self.payload["user"])

    @property
    def channel(self) -> Channel:
        """Where."""
        return self.discord.world.channels[int(self.payload["channel"])]

    @property
    def message(self) -> Message:
        """On which message.

        Raises:
            NotOfferedError: The message is not there for this user.
        """
        message = self.discord.world.messages.get(int(self.payload["message"]))
        if message is None or not sees_message(self.discord.world, message, self.user):
            raise NotOfferedError("That message is not there.")
        return message


Action = Callable[[Act], Awaitable[Json]]


async def _outcome(act: Act, interaction: Interaction) -> Json:
    await act.discord.acting.answered(interaction)
    return interaction_view(interaction)


async def slash(act: Act) -> Json:
    """A slash command."""
    files = {name: uploads[0] for name, uploads in act.files.items()}
    _check_size(act)
    interaction = await act.discord.acting.slash(
        act.user, act.channel, act.payload["name"], act.payload["options"], files
    )
    return await _outcome(act, interaction)


def _check_size(act: Act) -> None:
    limit = act.discord.world.upload_limit_bytes
    for uploads in act.files.values():
        for name, data in uploads:
            if len(data) > limit:
                size = limit // (1024 * 1024)
                raise NotOfferedError(
                    f"{name} is too powerful! The maximum file size is {size} MB."
                )


async def autocomplete(act: Act) -> Json:
    """Typing into an option that completes itself."""
    interaction = await act.discord.acting.autocomplete(
        act.user,
        act.channel,
        act.payload["name"],
        option=act.payload["option"],
        text=act.payload["text"],
        others=act.payload["options"],
    )
    return await _outcome(act, interaction)


async def component(act: Act) -> Json:
    """A button or a select menu."""
    custom_id, values = act.payload["custom_id"], act.payload.get("values")
    found = [c for c in act.message.walk() if c.get("custom_id") == custom_id]
    if not found:
        raise NotOfferedError("That button is not there any more.")
    interaction = await act.discord.acting.component(act.user, act.message, found[0], values)
    return await _outcome(act, interaction)


async def modal(act: Act) -> Json:
    """A modal's submission."""
    opened_by = act.discord.world.interactions[int(act.payload["interaction"])]
    _check_size(act)
    interaction = await act.discord.acting.modal(
        act.user, opened_by, act.payload["values"], act.files
    )
    return await _outcome(act, interaction)


async def menu(act: Act) -> Json:
    """An entry of a message's Apps menu."""
    interaction = await act.discord.acting.menu(act.user, act.payload["name"], act.message)
    return await _outcome(act, interaction)


async def post(act: Act) -> Json:
    """An ordinary message."""
    _check_size(act)
    content = str(act.payload.get("content", "")).strip()
    uploads = [upload for uploads in act.files.values() for upload in uploads]
    if not content and not uploads:
        raise NotOfferedError("There is nothing to send.")
    message = act.discord.post(act.user, content, uploads, channel=act.channel)
    return {"id": str(message.id)}


async def delete(act: Act) -> Json:
    """Delete one's own message, or dismiss an ephemeral one."""
    message = act.message
    if act.user.id not in {message.author_id, message.visible_to}:
        raise NotOfferedError("Only the author can delete this message.")
    delete_message(act.discord.world, message)
    return {}


async def _shift_clock(discord: LoopbackDiscord) -> None:
    discord.shift_clock(MINUTE_SIXTEEN_SECONDS)
    discord.world.emit("clock", {})


async def _add(discord: LoopbackDiscord, pattern: str, **fault: Any) -> None:
    discord.faults.add("*", pattern, **fault)


async def _duplicate(discord: LoopbackDiscord) -> None:
    discord.duplicate_next_dispatch()


async def _clear(discord: LoopbackDiscord) -> None:
    discord.faults.clear()


MINUTE_SIXTEEN_SECONDS = 16 * 60.0
OUTAGE_SECONDS = 15.0
FAULTS: dict[str, Callable[[LoopbackDiscord], Awaitable[None]]] = {
    "rate-limit": lambda d: _add(d, "/webhooks/*", status=429, retry_after=2.0, times=3),
    "rate-limit-ban": lambda d: _add(d, "/webhooks/*", status=429, with_via=False),
    "server-error": lambda d: _add(d, "/*", status=503, times=3),
    "slow": lambda d: _add(d, "/*", delay=2.0, times=5),
    "drop": lambda d: d.drop_sockets(),
    "op7": lambda d: d.send_op7(),
    "op9": lambda d: d.send_op9(resumable=False),
    "duplicate": _duplicate,
    "clock": _shift_clock,
    "outage": lambda d: d.outage(OUTAGE_SECONDS),
    "clear": _clear,
}


async def fault(act: Act) -> Json:
    """Something goes wrong, on demand."""
    cause = FAULTS.get(act.payload["kind"])
    if cause is None:
        raise NotOfferedError(f"There is no fault {act.payload['kind']!r}.")
    await cause(act.discord)
    return {"waiting": len(act.discord.faults.waiting)}


ACTIONS: dict[str, Action] = {
    "slash": slash,
    "autocomplete": autocomplete,
    "component": component,
    "modal": modal,
    "menu": menu,
    "post": post,
    "delete": delete,
    "fault": fault,
}


async def read_act(request: web.Request, discord: LoopbackDiscord) -> Act:
    """The page's multipart form: `payload`, and files under the names of their fields."""
    payload: Any = {}
    files: dict[str, list[Upload]] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read(decode=True))
        if part.name == "payload":
            payload = json.loads(data)
        elif part.name:
            files.setdefault(part.name, []).append((part.filename or "file", data))
    return Act(discord, payload, files)
