"""The types that all parts of the bot share: `Bot`, `Interaction`, `Service`, `Feature`."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
import discord
from discord import app_commands, ui

from bot.pictures.upload_encoder import UploadEncoder
from bot.traffic import Traffic
from common.sentences import ExplainedError, Sentence
from common.settings import Settings
from common.store import StorageUnavailableError
from jobs.outcomes import QueueError
from jobs.queue import JobQueue

log = logging.getLogger(__name__)

DISCORD_FAILED = (discord.DiscordException, aiohttp.ClientError, OSError)
"""What a request to Discord raises: discord.py passes on how a connection failed."""
UNAVAILABLE = (QueueError, StorageUnavailableError, *DISCORD_FAILED)
"""What is not available at the moment: database, store, Discord, disk."""


class UserError(ExplainedError):
    """A mistake that users can correct: one sentence with what is wrong and what to do.

    Its template is a translation key, marked with `_`.
    """


class Service:
    """A background service, which runs for as long as the bot does."""

    def __init__(self, client: "Bot") -> None:
        self._client = client
        self._background: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start. The queue is open; the connection to Discord is not there yet."""

    async def stop(self) -> None:
        """Finish what is in flight and stop; the next start resumes the rest from the database."""
        await cancel(*self._background)

    def _run_in_background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start a task that runs until the service stops."""
        self._background.append(asyncio.create_task(work, name=name))

    def _run_every(
        self,
        seconds: float,
        name: str,
        work: Callable[[], Awaitable[object]],
        *,
        first: float = 0.0,
        when_ready: bool = False,
    ) -> None:
        """Do work again and again until the service stops. Its errors are logged.

        Args:
            seconds: The pause between two turns.
            name: Of the work, for the log.
            work: One turn.
            first: Seconds before the first turn.
            when_ready: Whether to wait until the servers and their languages are known.
        """

        async def repeat() -> None:
            await asyncio.sleep(first)
            while True:
                if when_ready:
                    await self._client.wait_until_ready()
                try:
                    await work()
                except UNAVAILABLE as error:
                    log.warning("%s has to wait: %s", name, error)
                except Exception:
                    log.exception("Error in %s", name)
                await asyncio.sleep(seconds)

        self._run_in_background(repeat(), name)


async def cancel(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel tasks, and wait until they have ended."""
    begun = [task for task in tasks if task is not None]
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)


ServiceT = TypeVar("ServiceT", bound=Service)


class Bot(discord.Client):
    """The Discord client as the other parts see it; `bot.app.client` implements it."""

    settings: Settings
    """As read at startup."""
    queue: JobQueue
    """The job queue; open while the services run."""
    clock: Callable[[], float]
    """Returns the time in seconds since the epoch; tokens expire and pauses end by it."""
    encoder: UploadEncoder
    """Encodes pictures in a child process."""
    tree: "app_commands.CommandTree[Bot]"
    """All slash commands and context menus."""
    services: list[Service]
    """Started in this order once the queue is open, stopped in reverse order."""
    when_connected: list[Callable[[], None]]
    """Called on each connect and reconnect to Discord."""
    after_command: list[Callable[["Interaction"], Awaitable[None]]]
    """Called after a command has completed; may send a followup."""
    picture_actions: dict[str, "PictureAction"]
    """The handlers of the buttons under a picture, by action name."""
    languages: dict[int, str]
    """Languages that members chose with `/settings`, by user ID."""
    traffic: Traffic
    """Counts requests to Discord."""
    scans_unreachable: bool
    """Whether downloading paintings that are not on this machine failed recently."""
    new_database_notice: Sentence | None
    """What to tell owners if the database is new although the application's commands are not."""
    only_commands: set[int]
    """Servers with the commands but without the bot, from which interactions came recently."""
    may_serve: Callable[["Interaction"], Awaitable[bool]]
    """Whether to serve an interaction; if not, it has been answered already."""
    accepting: bool
    """False from the beginning of the shutdown: nothing new is accepted."""

    def service(self, kind: type[ServiceT]) -> ServiceT:
        """The running service of this class."""
        return next(service for service in self.services if isinstance(service, kind))


Interaction = discord.Interaction[Bot]
PictureAction = Callable[[Interaction, int], Awaitable[None]]
"""Handles a button under the picture of the job with this number."""
Tree = app_commands.CommandTree[Bot]
Command = app_commands.Command[Any, ..., Any] | app_commands.Group | app_commands.ContextMenu


@dataclass(frozen=True)
class Feature:
    """What a module adds to the bot; `bot.app.features` collects these."""

    commands: tuple[Command, ...] = ()
    """Slash commands, their groups, and context menus."""
    buttons: "tuple[type[ui.DynamicItem[Any]], ...]" = ()
    """Buttons and select menus that keep working after a restart."""
    services: tuple[Callable[[Bot], Service], ...] = ()
    """Factories of background services."""
    picture_actions: Mapping[str, PictureAction] = field(default_factory=dict)
    """Handlers of the buttons under a picture, by action name."""
