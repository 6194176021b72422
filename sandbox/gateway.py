"""The gateway: a WebSocket that identifies, resumes, heartbeats and dispatches.

https://docs.discord.com/developers/events/gateway
"""

import asyncio
import contextlib
import json
import secrets
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.addresses import gateway_address
from sandbox.faults import FAULTS
from sandbox.model import ChannelType, Json, Message, MessageFlag
from sandbox.payloads import for_bot, guild_json, user_json
from sandbox.world import World

HEARTBEAT_INTERVAL_MS = 41_250
REPLAY_KEPT = 500
ACK_DELAY_SECONDS = 0.05
GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1 << 0, 1 << 9, 1 << 12, 1 << 15
PRIVILEGED = (1 << 1) | (1 << 8) | MESSAGE_CONTENT
KNOWN_INTENTS = (1 << 26) - 1


@dataclass(eq=False)
class Session:
    """What a client may resume: its intents, and the dispatches that it has not confirmed."""

    id: str
    intents: int
    sequence: int = 0
    replay: deque[Json] = field(default_factory=lambda: deque(maxlen=REPLAY_KEPT))
    connection: "GatewayConnection | None" = None


class GatewayConnection:
    """One client's WebSocket."""

    def __init__(self, world: World, socket: web.WebSocketResponse, *, compress: bool) -> None:
        self.world = world
        self.socket = socket
        self.session: Session | None = None
        self._deflate = zlib.compressobj() if compress else None
        self._lock = asyncio.Lock()

    async def send(self, frame: Json) -> None:
        """Send one frame, with the compression that the client asked for."""
        self.world.tell("gateway", f"⇠ {frame_title(frame)}", received=frame)
        text = json.dumps(frame)
        with contextlib.suppress(ConnectionResetError, RuntimeError):
            async with self._lock:
                if self._deflate is None:
                    await self.socket.send_str(text)
                else:
                    packed = self._deflate.compress(text.encode())
                    packed += self._deflate.flush(zlib.Z_SYNC_FLUSH)
                    await self.socket.send_bytes(packed)

    async def close(self, code: int, reason: str = "") -> None:
        """Close with one of the gateway's close codes."""
        self.world.tell("gateway", f"⇠ close {code} {reason}")
        await self.socket.close(code=code, message=reason.encode())

    def abort(self) -> None:
        """Drop the connection without a close frame."""
        transport = getattr(self.socket, "_req", None)
        if transport is not None and transport.transport is not None:
            transport.transport.abort()


NAMES = {
    1: "heartbeat",
    2: "identify",
    3: "presence",
    4: "voice state",
    6: "resume",
    7: "reconnect",
    8: "request members",
    9: "invalid session",
    10: "hello",
    11: "heartbeat ack",
}


def control_frame(op: int, data: Any = None) -> Json:
    """A frame other than a dispatch."""
    return {"op": op, "s": None, "t": None, "d": data}


def frame_title(frame: Json) -> str:
    """A frame in a few words, for the traffic panel."""
    op = frame.get("op")
    return str(frame.get("t")) if op == 0 else f"op {op} {NAMES.get(op or -1, '')}".strip()


async def _acknowledge(connection: GatewayConnection) -> None:
    """Answer a heartbeat.

    A response faster than any network would confuse clients that measure the latency.
    """
    await asyncio.sleep(ACK_DELAY_SECONDS)
    await connection.send(control_frame(11))


class _RefusedFrameError(Exception):
    """The client is to be disconnected, with one of the gateway's close codes and a reason."""


class Gateway:
    """All sessions of the bot, and the dispatches to them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sessions: dict[str, Session] = {}
        self.connections: set[GatewayConnection] = set()
        self.allowed_privileged = 0
        self.duplicate_next = 0
        self.identified = 0
        self.resumed = 0
        self._tasks: set[asyncio.Task[None]] = set()
        world.listeners.append(self._on_change)

    @property
    def connected(self) -> bool:
        """Whether a client is connected: identified or resumed."""
        return any(s.connection is not None for s in self.sessions.values())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket from HELLO to its close."""
        if request.app[FAULTS].in_outage:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)  # never sent: the connection is dropped
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        connection = GatewayConnection(
            self.world, socket, compress=request.query.get("compress") == "zlib-stream"
        )
        self.connections.add(connection)
        try:
            if request.query.get("v", "10") != "10":
                await connection.close(4012, "Invalid API version")
                return socket
            hello = {"heartbeat_interval": HEARTBEAT_INTERVAL_MS}
            await connection.send(control_frame(10, hello))
            await self._receive(connection)
        finally:
            self.connections.discard(connection)
            session = connection.session
            if session is not None and session.connection is connection:
                session.connection = None
            self.world.emit("gateway", {"connected": self.connected})
        return socket

    async def _receive(self, connection: GatewayConnection) -> None:
        patience = HEARTBEAT_INTERVAL_MS / 1000 * 1.5
        while not connection.socket.closed:
            try:
                message = await connection.socket.receive(timeout=patience)
            except TimeoutError:
                await connection.close(4009, "Session timed out")
                return
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                return
            try:
                frame = json.loads(message.data)
            except ValueError:
                frame = None
            if not isinstance(frame, dict) or len(message.data) > 4096:
                await connection.close(4002, "Decode error")
                return
            shown = {**frame, "d": "…"} if frame.get("op") in {2, 6} else frame
            self.world.tell("gateway", f"⇢ {frame_title(frame)}", sent=shown)
            try:
                await self._handle_frame(connection, frame)
            except _RefusedFrameError as refused:
                await connection.close(*refused.args)

    async def _handle_frame(self, connection: GatewayConnection, frame: Json) -> None:
        op, data = frame.get("op"), frame.get("d")
        if op == 1:
            # Apart, as a client sends the first one just before it identifies.
            self._keep(asyncio.create_task(_acknowledge(connection)))
        elif op == 2:
            await self._identify(connection, data)
        elif op == 6:
            await self._resume(connection, data)
        elif op not in {3, 4, 8}:
            raise _RefusedFrameError(4001, "Unknown opcode")
        elif connection.session is None:
            raise _RefusedFrameError(4003, "Not authenticated")

    async def _identify(self, connection: GatewayConnection, data: Any) -> None:
        if connection.session is not None:
            raise _RefusedFrameError(4005, "Already authenticated")
        if not isinstance(data, dict) or data.get("token") != self.world.token:
            raise _RefusedFrameError(4004, "Authentication failed")
        intents = data.get("intents")
        if not isinstance(intents, int) or intents & ~KNOWN_INTENTS:
            raise _RefusedFrameError(4013, "Invalid intent(s)")
        if intents & PRIVILEGED & ~self.allowed_privileged:
            raise _RefusedFrameError(4014, "Disallowed intent(s)")
        session = Session(secrets.token_hex(16), intents, connection=connection)
        self.sessions[session.id] = session
        connection.session = session
        self.identified += 1
        world = self.world
        guilds = [{"id": str(world.guild.id), "unavailable": True}]
        ready = {
            "v": 10,
            "user": {**user_json(world.bot), "verified": True, "mfa_enabled": True},
            "guilds": guilds if world.guild.has_bot else [],
            "session_id": session.id,
            "resume_gateway_url": gateway_address(world),
            "application": {"id": str(world.application_id), "flags": 0},
            "private_channels": [],
        }
        await self._dispatch(session, "READY", ready)
        if intents & GUILDS and world.guild.has_bot:
            await self._dispatch(session, "GUILD_CREATE", guild_json(world))
        world.emit("gateway", {"connected": True})

    async def _resume(self, connection: GatewayConnection, data: Any) -> None:
        if not isinstance(data, dict) or data.get("token") != self.world.token:
            raise _RefusedFrameError(4004, "Authentication failed")
        session = self.sessions.get(str(data.get("session_id")))
        sequence = data.get("seq")
        if session is None:
            await connection.send(control_frame(9, False))
            return
        if not isinstance(sequence, int) or sequence > session.sequence:
            raise _RefusedFrameError(4007, "Invalid seq")
        session.connection = connection
        connection.session = session
        self.resumed += 1
        for frame in [f for f in session.replay if f["s"] > sequence]:
            await connection.send(frame)
        await self._dispatch(session, "RESUMED", {})
        self.world.emit("gateway", {"connected": True})

    async def _dispatch(self, session: Session, event: str, data: Json) -> None:
        session.sequence += 1
        frame = {"op": 0, "s": session.sequence, "t": event, "d": data}
        session.replay.append(frame)
        if session.connection is not None:
            await session.connection.send(frame)

    async def dispatch(self, event: str, data: Json, *, intent: int = 0) -> None:
        """Dispatch an event to every session with its intent.

        A disconnected session gets it when it resumes.
        """
        times = 2 if self.duplicate_next else 1
        self.duplicate_next -= times - 1
        for session in tuple(self.sessions.values()):
            if intent and not session.intents & intent:
                continue
            for _ in range(times):
                await self._dispatch(session, event, data)

    def _on_change(self, kind: str, payload: Json) -> None:
        message = payload.get("message")
        if kind not in {"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"}:
            return
        if not isinstance(message, Message) or MessageFlag.EPHEMERAL in message.flags:
            return
        channel = self.world.channels[message.channel_id]
        if not channel.has_bot:
            return
        in_guild = channel.type is ChannelType.GUILD_TEXT
        data: Json = dict(for_bot(self.world, message, payload["json"]))
        if in_guild:
            data["guild_id"] = str(channel.guild_id)
        if kind == "MESSAGE_DELETE":
            data = {k: data[k] for k in ("id", "channel_id", "guild_id") if k in data}
        intent = GUILD_MESSAGES if in_guild else DIRECT_MESSAGES
        self._keep(asyncio.create_task(self.dispatch(kind, data, intent=intent)))

    def _keep(self, task: "asyncio.Task[None]") -> None:
        """Keep a task from being collected before its end."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
