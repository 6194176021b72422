"""The page's WebSocket: every change that the chosen user can see."""

import asyncio
import contextlib
import json

from aiohttp import WSMsgType, web

from sandbox.loopback import LoopbackDiscord
from sandbox.model import Json, Message, User
from sandbox.page.views import message_view, sees_message, state_view, traffic_view
from sandbox.world import TrafficLine

WAITING_EVENTS = 1000


class Viewer:
    """One open page, and the user that it acts as."""

    def __init__(self, discord: LoopbackDiscord, user: User) -> None:
        self.discord = discord
        self.user = user
        self.queue: asyncio.Queue[Json] = asyncio.Queue(WAITING_EVENTS)

    def put(self, event: Json) -> None:
        """Queue an event; a page that falls behind is sent the whole state instead."""
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.put_state()

    def put_state(self) -> None:
        """Queue the whole state."""
        world = self.discord.world
        self.put(state_view(world, self.user, connected=self.discord.gateway.connected))

    def become(self, user: User) -> None:
        """Act as another user."""
        self.user = user
        self.put_state()

    def on_change(self, kind: str, payload: Json) -> None:
        """Turn a change into an event, if the user may see it."""
        world = self.discord.world
        match kind:
            case "MESSAGE_CREATE" | "MESSAGE_UPDATE" | "MESSAGE_DELETE":
                message: Message = payload["message"]
                if not sees_message(world, message, self.user):
                    return
                if kind == "MESSAGE_DELETE":
                    where = str(message.channel_id)
                    self.put({"type": "deleted", "id": str(message.id), "channel_id": where})
                else:
                    self.put({"type": "message", "message": message_view(world, message)})
            case "traffic":
                line: TrafficLine = payload["line"]
                self.put({"type": "traffic", "line": traffic_view(line)})
            case "gateway":
                self.put({"type": "gateway", "connected": payload["connected"]})
            case "typing":
                self.put({"type": "typing", "channel_id": str(payload["channel"])})
            case "commands" | "users" | "channels" | "clock":
                self.put_state()
            case _:
                pass


async def serve_events(request: web.Request, discord: LoopbackDiscord) -> web.WebSocketResponse:
    """Serve one page until it closes."""
    socket = web.WebSocketResponse(heartbeat=30.0)
    await socket.prepare(request)
    viewer = Viewer(discord, discord.user(request.query.get("user", "ada")))
    viewer.put_state()
    discord.world.listeners.append(viewer.on_change)
    sending = asyncio.create_task(_send(socket, viewer))
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                asked = json.loads(message.data)
                if "user" in asked:
                    viewer.become(discord.user(str(asked["user"])))
    finally:
        discord.world.listeners.remove(viewer.on_change)
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
    return socket


async def _send(socket: web.WebSocketResponse, viewer: Viewer) -> None:
    while True:
        event = await viewer.queue.get()
        with contextlib.suppress(ConnectionResetError):
            await socket.send_str(json.dumps(event))
