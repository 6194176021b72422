"""The table of routes, and the middleware for every request."""

import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.errors import ApiError, not_found, too_large
from sandbox.faults import FAULTS
from sandbox.rest import cdn, commands, interactions, messages, people, webhooks
from sandbox.rest.bodies import BODY, Body, answer, read_body
from sandbox.rest.context import LINE, WORLD
from sandbox.rules import FormBody, judge
from sandbox.world import TrafficLine

API = "/api/v10"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
NO_BOT_TOKEN = re.compile(r"^/(interactions|webhooks)/[^/]+/[^/]+|^/gateway$")

ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/users/@me", people.me),
    ("POST", "/users/@me/channels", people.open_dm),
    ("GET", "/users/{user}", people.user),
    ("GET", "/oauth2/applications/@me", people.application),
    ("GET", "/applications/@me", people.application),
    ("GET", "/gateway", people.gateway),
    ("GET", "/gateway/bot", people.gateway),
    ("GET", "/guilds/{guild}", people.guild),
    ("GET", "/guilds/{guild}/channels", people.guild_channels),
    ("GET", "/guilds/{guild}/roles", people.guild_roles),
    ("GET", "/guilds/{guild}/members/{user}", people.guild_member),
    ("GET", "/channels/{channel}", messages.get_channel),
    ("PATCH", "/channels/{channel}", messages.patch_channel),
    ("GET", "/channels/{channel}/messages", messages.list_messages),
    ("POST", "/channels/{channel}/messages", messages.post_message),
    ("GET", "/channels/{channel}/messages/{message}", messages.get_message),
    ("PATCH", "/channels/{channel}/messages/{message}", messages.patch_message),
    ("DELETE", "/channels/{channel}/messages/{message}", messages.remove_message),
    ("POST", "/channels/{channel}/typing", messages.typing),
    ("POST", "/interactions/{interaction}/{token}/callback", interactions.callback),
    ("POST", "/webhooks/{application}/{token}", webhooks.create_followup),
    ("GET", "/webhooks/{application}/{token}/messages/{message}", webhooks.get_message),
    ("PATCH", "/webhooks/{application}/{token}/messages/{message}", webhooks.patch_message),
    ("DELETE", "/webhooks/{application}/{token}/messages/{message}", webhooks.remove_message),
]
for _where in ("/applications/{application}", "/applications/{application}/guilds/{guild}"):
    ROUTES += [
        ("GET", _where + "/commands", commands.list_commands),
        ("PUT", _where + "/commands", commands.put_commands),
        ("POST", _where + "/commands", commands.post_command),
        ("GET", _where + "/commands/{command}", commands.get_command),
        ("PATCH", _where + "/commands/{command}", commands.patch_command),
        ("DELETE", _where + "/commands/{command}", commands.delete_command),
    ]


def add_routes(app: web.Application) -> None:
    """Add the REST API and the CDN to the application."""
    for method, path, handler in ROUTES:
        app.router.add_route(method, API + path, handler)
    app.router.add_get("/attachments/{folder}/{file}/{name}", cdn.download)
    app.router.add_get("/ephemeral-attachments/{folder}/{file}/{name}", cdn.download)
    app.router.add_get(r"/stickers/{sticker:\d+}.{suffix}", cdn.sticker)
    app.router.add_get("/embed/avatars/{name}", cdn.avatar)
    app.router.add_get("/avatars/{user}/{name}", cdn.own_avatar)


@web.middleware
async def traffic(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Record the request in the traffic, and turn errors into Discord's responses."""
    of_discord = request.path.startswith(("/api/", "/attachments/", "/ephemeral-attachments/"))
    if not of_discord or "Sec-Fetch-Dest" in request.headers:  # only browsers send it
        try:
            return await handler(request)
        except ApiError as error:
            return answer(error.body(), error.status)
    world = request.app[WORLD]
    path = request.path.removeprefix(API)
    kind = "rest" if request.path.startswith("/api/") else "cdn"
    line = world.log(TrafficLine(world.clock.now(), kind, f"{request.method} {path}"))
    request[LINE] = line
    started = time.monotonic()
    response: web.StreamResponse
    try:
        response = await _guarded(request, handler, path)
    except ApiError as error:
        response = answer(error.body(), error.status)
    except ConnectionResetError:
        line.status = 0
        line.received = "connection dropped by a fault"
        world.emit("traffic", {"line": line})
        _drop(request)
        return web.Response(status=503)  # never sent: the connection is dropped
    line.seconds = time.monotonic() - started
    line.status = response.status
    _describe(line, request.get(BODY), response)
    world.emit("traffic", {"line": line})
    return response


async def _guarded(request: web.Request, handler: Handler, path: str) -> web.StreamResponse:
    faults = request.app[FAULTS]
    if faults.delays(request.method, path):
        await read_body(request)  # so that it is carried out even if the client cancels it
    faulty = await faults.response_for(request.method, path)
    if faulty is not None:
        return faulty
    if request.path.startswith("/api/") and not NO_BOT_TOKEN.match(path):
        world = request.app[WORLD]
        judge("authorization", FormBody(world, request.headers.get("Authorization")), request[LINE])
    try:
        response = await handler(request)
    except web.HTTPMethodNotAllowed:
        raise ApiError(405, 0, "405: Method Not Allowed") from None
    except web.HTTPNotFound:
        raise not_found() from None
    except web.HTTPRequestEntityTooLarge:
        raise too_large() from None
    return await faults.response_for(request.method, path, carried_out=True) or response


def _drop(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _describe(line: TrafficLine, body: Body | None, response: web.StreamResponse) -> None:
    if body is not None:
        sent: Any = body.payload
        if body.files:
            names = [f"{name} ({len(data)} bytes)" for name, data in body.files.values()]
            sent = {"payload_json": body.payload, "files": names}
        line.sent = sent
    if isinstance(response, web.Response) and isinstance(response.body, bytes):
        if response.content_type == "application/json":
            line.received = response.body
        elif response.body:
            line.received = f"{len(response.body)} bytes of {response.content_type}"
