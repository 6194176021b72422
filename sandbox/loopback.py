"""The loopback Discord as an object: start it, act as its users, inspect the result."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from sandbox.addresses import gateway_address
from sandbox.compose import delete_message
from sandbox.faults import FAULTS, Faults
from sandbox.gateway import GUILDS, Gateway, control_frame
from sandbox.model import Channel, Json, Message
from sandbox.payloads import channel_json, guild_json
from sandbox.rest.context import WORLD
from sandbox.rest.routes import API, add_routes, traffic
from sandbox.user_actions import UserActions
from sandbox.world import TrafficLine, World

MAX_REQUEST_BYTES = 110 * 1024 * 1024


class LoopbackDiscord(UserActions):
    """One Discord with one server, three users and one bot, on 127.0.0.1.

    Use `async with LoopbackDiscord.start() as discord:` and give the bot `environment()`.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world, Gateway(world))
        self.token = world.token
        """The bot's token."""
        self.application_id = world.application_id
        """The bot's application ID, which is also its user ID."""
        self.violations = world.violations
        """The strict rules that the bot violated."""
        self.faults = Faults()
        self.app = web.Application(middlewares=[traffic], client_max_size=MAX_REQUEST_BYTES)
        self.app[WORLD] = world
        self.app[FAULTS] = self.faults
        add_routes(self.app)
        self.app.router.add_get("/gateway", self.gateway.handle)
        self.app.router.add_get("/gateway/", self.gateway.handle)

    @classmethod
    @asynccontextmanager
    async def start(
        cls, port: int = 0, *, extend: Callable[["LoopbackDiscord"], None] | None = None
    ) -> AsyncIterator["LoopbackDiscord"]:
        """Serve on 127.0.0.1; port 0 picks a free one."""
        discord = cls(World())
        if extend is not None:
            extend(discord)
        runner = web.AppRunner(discord.app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            port = runner.addresses[0][1]
            discord.world.base_url = f"http://127.0.0.1:{port}"
            yield discord
        finally:
            for connection in tuple(discord.gateway.connections):
                await connection.close(1001, "Going away")
            await runner.cleanup()

    # Addresses

    @property
    def api_url(self) -> str:
        """The base URL of the REST API, ending in `/api/v10`."""
        return self.world.base_url + API

    @property
    def gateway_url(self) -> str:
        """The URL of the gateway."""
        return gateway_address(self.world)

    def environment(self) -> dict[str, str]:
        """The environment variables that point a bot here."""
        return {
            "DISCORD_TOKEN": self.token,
            "DISCORD_API_URL": self.api_url,
            "DISCORD_GATEWAY_URL": self.gateway_url,
        }

    # Inspecting

    @property
    def commands(self) -> list[Json]:
        """The registered commands."""
        return self.world.commands

    @property
    def traffic(self) -> list[TrafficLine]:
        """REST calls, gateway frames and downloads, oldest first."""
        return list(self.world.traffic)

    async def ready(self, timeout_seconds: float = 20.0) -> None:
        """Wait until the bot is connected and its commands are registered."""
        if not await self.until(
            lambda: self.gateway.connected and self.world.commands, timeout_seconds
        ):
            missing = "register commands" if self.gateway.connected else "connect"
            raise TimeoutError(f"The bot did not {missing} within {timeout_seconds:g} s.")

    # Faults

    async def drop_sockets(self) -> None:
        """Drop every gateway connection without a close frame."""
        for connection in tuple(self.gateway.connections):
            connection.abort()
        await asyncio.sleep(0)

    async def send_op7(self) -> None:
        """Ask every client to reconnect and resume."""
        for connection in tuple(self.gateway.connections):
            await connection.send(control_frame(7))

    async def send_op9(self) -> None:
        """Invalidate and delete every session."""
        for connection in tuple(self.gateway.connections):
            if connection.session is not None:
                self.gateway.sessions.pop(connection.session.id, None)
            await connection.send(control_frame(9, False))

    def duplicate_next_dispatch(self) -> None:
        """Send the next dispatch twice."""
        self.gateway.duplicate_next += 1

    def shift_clock(self, seconds: float) -> None:
        """Move the sandbox's clock forward; tokens and URLs expire by it."""
        self.world.clock.shift_seconds += seconds
        self.world.emit("clock", {})

    async def outage(self, seconds: float) -> None:
        """Drop the gateway and every request for some seconds; returns at once."""
        self.faults.start_outage(seconds)
        await self.drop_sockets()

    # What moderators and owners do to a bot

    def delete(self, message: Message) -> None:
        """Delete a message as a moderator."""
        delete_message(self.world, message)

    def open_command(self, name: str) -> None:
        """Let every member use a command, as a server's permission overrides may."""
        self.world.open_commands.add(name)
        self.world.emit("commands", {})

    async def open_channel(self, name: str, kind: int, *, parent: Channel | None = None) -> Channel:
        """Create a channel of another type, or a thread (in a forum a post) in a parent."""
        channel = self.world.add_channel(name)
        channel.kind, channel.parent_id = kind, None if parent is None else parent.id
        event = "CHANNEL_CREATE" if parent is None else "THREAD_CREATE"
        data = channel_json(self.world, channel)
        await self.gateway.dispatch(event, data, intent=GUILDS)
        return channel

    async def archive(self, thread: Channel, *, lock: bool = False) -> None:
        """Archive a thread; locked, only moderators can open it again."""
        thread.archived, thread.locked = True, lock
        self.world.emit("channels", {})
        data = channel_json(self.world, thread)
        await self.gateway.dispatch("THREAD_UPDATE", data, intent=GUILDS)

    async def delete_channel(self, place: Channel) -> None:
        """Delete a channel with its messages."""
        for message in self.world.messages_in(place):
            message.deleted = True
        data = channel_json(self.world, place)
        del self.world.channels[place.id]
        self.world.emit("channels", {})
        await self.gateway.dispatch("CHANNEL_DELETE", data, intent=GUILDS)

    async def remove_bot(self, *, keep_commands: bool = False) -> None:
        """Remove the bot from the server; optionally the server's commands stay."""
        self.world.guild.has_bot, self.world.guild.has_commands = False, keep_commands
        self.world.emit("channels", {})
        data = {"id": str(self.world.guild.id)}
        await self.gateway.dispatch("GUILD_DELETE", data, intent=GUILDS)

    async def return_bot(self) -> None:
        """Invite the bot again."""
        self.world.guild.has_bot = self.world.guild.has_commands = True
        self.world.emit("channels", {})
        await self.gateway.dispatch("GUILD_CREATE", guild_json(self.world), intent=GUILDS)
