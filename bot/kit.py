"""What all parts of the bot agree on: the bot, an interaction with it, a service, a feature."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import discord
from discord import app_commands, ui

from bot.pictures.upload_encoder import UploadEncoder
from bot.traffic import Traffic
from common.sentences import ExplainedError, Sentence
from common.settings import Settings
from jobs.queue import JobQueue


class UserError(ExplainedError):
    """Something that the user can put right; says in one sentence what is wrong and what to do.

    Its template is a key of the texts (marked with `_`).
    """


class Service:
    """Something that runs beside the commands for as long as the bot does."""

    def __init__(self, client: "Bot") -> None:
        self._client = client
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin; the queue is open, the connection to Discord is not there yet."""

    async def stop(self) -> None:
        """Finish what is in flight and end; what is left waits in the database."""
        await cancel(self._task)

    def _run_beside(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Begin with work that goes on until the service stops."""
        self._task = asyncio.create_task(work, name=name)


async def cancel(*tasks: "asyncio.Task[Any] | None") -> None:
    """End tasks, and wait until they have."""
    begun = [task for task in tasks if task is not None]
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)


ServiceT = TypeVar("ServiceT", bound=Service)


class Bot(discord.Client):
    """Atelier in Discord, as its parts see it; `bot.app.client` connects it."""

    settings: Settings
    """As read at the start."""
    queue: JobQueue
    """The jobs; open while the services run."""
    clock: Callable[[], float]
    """The time, in seconds since the epoch: by it Discord's answers and pauses are judged."""
    encoder: UploadEncoder
    """Encodes pictures, outside of this process."""
    tree: "app_commands.CommandTree[Bot]"
    """All commands."""
    services: list[Service]
    """Started in their order once the queue is open, stopped in the reverse order."""
    when_connected: list[Callable[[], None]]
    """Called whenever the connection to Discord is there (again)."""
    after_command: list[Callable[["Interaction"], Awaitable[None]]]
    """Called when a command has done its work; may follow its answer up."""
    picture_actions: dict[str, "PictureAction"]
    """What the buttons under a picture do, by their names."""
    languages: dict[int, str]
    """Languages that members chose, by their ids."""
    traffic: Traffic
    """What goes between the bot and Discord."""
    scans_unreachable: bool
    """Whether paintings that are not on this machine could not be fetched lately."""
    begins_anew: Sentence | None
    """What owners are to be told of a database that is new though the bot is not."""
    only_commands: set[int]
    """Servers that installed the commands without the bot, and used them lately."""
    may_serve: Callable[["Interaction"], Awaitable[bool]]
    """Whether to serve an interaction; one that is refused has been answered."""
    accepting: bool
    """False from the beginning of the end: nothing new is begun."""

    def service(self, kind: type[ServiceT]) -> ServiceT:
        """The running service of a kind."""
        return next(service for service in self.services if isinstance(service, kind))


Interaction = discord.Interaction[Bot]
PictureAction = Callable[[Interaction, int], Awaitable[None]]
"""Serves a button under the picture of a job, whose number is given."""
Tree = app_commands.CommandTree[Bot]
Command = app_commands.Command[Any, ..., Any] | app_commands.Group | app_commands.ContextMenu


@dataclass(frozen=True)
class Feature:
    """What a module offers to the bot; `bot.app.features` collects them."""

    commands: tuple[Command, ...] = ()
    """Slash commands, groups of them, and menus."""
    buttons: "tuple[type[ui.DynamicItem[Any]], ...]" = ()
    """Buttons and menus that go on working after a restart."""
    services: tuple[Callable[[Bot], Service], ...] = ()
    """What makes the services that run beside the commands."""
    picture_actions: Mapping[str, PictureAction] = field(default_factory=dict)
    """What buttons under a picture do, by the buttons' names."""
