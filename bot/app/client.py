"""The Discord client, and what all commands share: queue, settings, texts."""

import asyncio
import contextlib
import logging
from typing import Any

import discord
from cachetools import LRUCache
from discord import app_commands

from bot.app.autocompletes import quiet_autocompletes
from bot.app.gateway import bound_reconnects, skip_unreadable_events
from bot.app.running_commands import RESTARTING, RunningCommands
from bot.app.sync import keep_syncing, knows_commands
from bot.commands.job_access import record_removed
from bot.kit import Bot, Interaction, Service, UserError
from bot.pictures.upload_encoder import UploadEncoder
from bot.texts import CatalogueTranslator
from bot.traffic import Traffic
from bot.ui.people import has_only_commands
from bot.ui.reporting import STALE_MODAL, is_stale_modal
from bot.wire.addresses import discord_proxy
from bot.wire.connector import keepalive_connector
from bot.wire.errors import report
from bot.wire.in_flight import trace_config
from bot.wire.pending_edits import note_press
from bot.wire.rate_limit_locks import (
    LONGEST_WAIT_SECONDS,
    bound_interaction_waits,
    release_locks_when_cancelled,
)
from common.logs import add_log_ids
from common.settings import Settings
from common.steady_clock import steady_clock
from jobs.management.installation import DISCORD, LOOPBACK, of_new_database
from jobs.queue import JobQueue

log = logging.getLogger(__name__)

REMEMBERED_INTERACTIONS = 4096
FIRST_SYNC_SECONDS = 10.0  # how long startup waits for the command sync


class AtelierTree(app_commands.CommandTree[Bot]):
    """All commands; ignores repeated deliveries and turns errors into sentences."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Whether to serve this interaction."""
        return await self.client.may_serve(interaction)

    async def on_error(
        self,
        interaction: Interaction,
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        """Tell the user."""
        await report(interaction, error)


class AtelierClient(Bot):
    """The bot's Discord client."""

    def __init__(self, settings: Settings) -> None:
        trace = trace_config()
        super().__init__(
            # Message events come without content: the bot needs their existence and deletion only.
            intents=discord.Intents(guilds=True, guild_messages=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,  # no message cache; nothing reads it
            http_trace=trace,
            proxy=discord_proxy(settings),
            max_ratelimit_timeout=LONGEST_WAIT_SECONDS,  # the delivery loop handles longer waits
        )
        release_locks_when_cancelled(self.http)
        bound_interaction_waits()
        quiet_autocompletes()
        self.traffic = Traffic()
        self.traffic.watch(trace)
        self.settings = settings
        self.clock = steady_clock()
        self.encoder = UploadEncoder()
        self.tree = AtelierTree(
            self,
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=True
            ),
        )
        self.services = []
        self.when_connected = []
        self.after_command = []
        self.picture_actions = {}
        self.languages = {}
        self.scans_unreachable = False
        self.new_database_notice = None
        self.only_commands = set()
        self.accepting = True
        self._seen: LRUCache[int, None] = LRUCache(REMEMBERED_INTERACTIONS)
        self._running = RunningCommands()
        self._started: list[Service] = []
        self._winding_down: asyncio.Task[None] | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._reconnect_pauses = bound_reconnects(self)
        skip_unreadable_events(self)

    async def login(self, token: str) -> None:
        """Log in, with connections that notice a dead network path."""
        self.http.connector = keepalive_connector()
        await super().login(token)

    async def setup_hook(self) -> None:
        """Open the queue, sync the commands if they changed, start the services."""
        self.queue = await JobQueue.open(self.settings)
        is_new = await self.queue.installation.belongs_to(
            LOOPBACK if self.settings.discord_api_url else DISCORD, self.application_id or 0
        )
        if self.settings.atelier_engine == "embedded":
            await self.queue.engines.expect()  # its process starts at the same time
        if is_new and await knows_commands(self.tree):
            self.new_database_notice = of_new_database(self.queue.database.location)
            log.warning("%s", self.new_database_notice)
        await self.tree.set_translator(CatalogueTranslator())
        tried = asyncio.Event()
        self._syncing = asyncio.create_task(
            keep_syncing(self.tree, self.settings.atelier_data_dir, tried), name="commands"
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SYNC_SECONDS):
                await tried.wait()
        for service in self.services:
            await service.start()
            self._started.append(service)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Dispatch an event, unless the client is closed.

        discord.py dispatches `ready` seconds late, from a task that outlives the client; its
        handlers would then run without services.
        """
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def on_connect(self) -> None:
        """The gateway began a new session."""
        self._reconnect_pauses.session_began()
        self.traffic.sessions += 1

    async def on_ready(self) -> None:
        """Log that the bot is ready."""
        servers = "1 server" if len(self.guilds) == 1 else f"{len(self.guilds)} servers"
        log.info("Connected as %s, in %s", self.user, servers)
        self._discord_is_there()

    async def on_resumed(self) -> None:
        """The gateway resumed the session."""
        self.traffic.resumes += 1
        self._discord_is_there()

    def _discord_is_there(self) -> None:
        """Call what waits for Discord."""
        for wake in self.when_connected:
            wake()

    async def on_interaction(self, interaction: Interaction) -> None:
        """Answer modals that discord.py no longer knows."""
        if is_stale_modal(interaction) and await self.may_serve(interaction):
            await report(interaction, UserError(STALE_MODAL))

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """A message was deleted."""
        add_log_ids(server=payload.guild_id)
        await record_removed(self, {payload.message_id})

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Many messages were deleted."""
        add_log_ids(server=payload.guild_id)
        await record_removed(self, payload.message_ids)

    async def on_app_command_completion(
        self,
        interaction: Interaction,
        command: app_commands.Command[Any, ..., Any] | app_commands.ContextMenu,  # noqa: ARG002 - discord.py's signature
    ) -> None:
        """A command has completed, or its response is on its way."""
        for follow_up in self.after_command:
            await follow_up(interaction)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - discord.py's signature
        """Log an error in an event handler."""
        log.error("Error in the event %s", event_method, exc_info=True)  # noqa: LOG014 - called while handling

    async def may_serve(self, interaction: Interaction) -> bool:
        """Whether to serve an interaction: not a repeated delivery, and not while shutting down.

        Discord may deliver an interaction twice around a resume; the second must have no effect.
        """
        add_log_ids(member=interaction.user.id, server=interaction.guild_id)
        if interaction.guild_id is not None and has_only_commands(interaction):
            self.only_commands.add(interaction.guild_id)
        if interaction.id in self._seen:
            log.info("Interaction %s came twice", interaction.id)
            return False
        self._seen[interaction.id] = None
        if interaction.type is discord.InteractionType.autocomplete:
            return self.accepting
        note_press(interaction)
        if not self.accepting:
            await report(interaction, UserError(RESTARTING))
            return False
        self._running.add(interaction)
        return True

    async def wind_down(self) -> None:
        """Accept nothing new, finish commands and edits in flight; the next start does the rest.

        The connection stays open, so that new interactions are told to come again.
        """
        if self._winding_down is None:
            self._winding_down = asyncio.create_task(self._stop_services())
        await asyncio.shield(self._winding_down)

    async def close(self) -> None:
        """Wind down and disconnect."""
        await self.wind_down()
        if self._syncing is not None:
            self._syncing.cancel()
        if not self.is_closed():
            await super().close()
            if hasattr(self, "queue"):
                await self.queue.close()

    async def _stop_services(self) -> None:
        self.accepting = False
        await self._running.finish()
        for service in reversed(self._started):
            try:
                await service.stop()
            except Exception:
                log.exception("%s did not stop in order", type(service).__name__)
        self._started.clear()
