"""A bot, a fake engine and a loopback Discord, each of which can be stopped and restarted."""

import asyncio
import contextlib
import inspect
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.app.client import AtelierClient
from bot.app.features import build_client
from bot.wire.addresses import point_discord_at
from bot.wire.original_response import FILLING
from common.options import PaintInputs, PaintOptions, StyleInput
from common.settings import Settings
from jobs.model import Job, JobState
from jobs.queue import JobQueue
from sandbox.loopback import LoopbackDiscord
from sandbox.model import Interaction, Message, User
from tests.kit.fake_engine import FakeEngine
from tests.kit.pictures import gradient_picture, plain_picture
from tests.kit.samples import reload, submit_job

TIMEOUT_SECONDS = 30.0
CANCEL_TIMEOUT_SECONDS = 2.0
PHOTO = {"content": ("photo.png", gradient_picture())}
PHOTO_AND_STYLE = {**PHOTO, "style": ("style.png", gradient_picture((64, 64)))}


BASE_SETTINGS = Settings(
    _env_file=None,
    atelier_engine="external",
    atelier_max_waiting_per_user=100,
    atelier_max_per_day=1000,
)


def settings_for(discord: LoopbackDiscord, data_dir: Path) -> Settings:
    """Settings for the bot of a test, with generous limits."""
    overrides = {
        "discord_token": SecretStr(discord.token),
        "discord_api_url": discord.api_url,
        "discord_gateway_url": discord.gateway_url,
        "atelier_data_dir": data_dir,
    }
    return BASE_SETTINGS.model_copy(update=overrides)


@dataclass
class World:
    """A loopback Discord with a bot and an engine, and what tests do with them."""

    discord: LoopbackDiscord
    settings: Settings
    client: AtelierClient | None = None
    engine: FakeEngine | None = None
    """The engine of `start_engine`."""
    clock_offset_seconds: float = 0.0
    tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    # The bot and its engine

    async def start_bot(self, *, ready_seconds: float = 2.0) -> AtelierClient:
        """Start it.

        Args:
            ready_seconds: how long it waits for further servers before it is ready.
        """
        point_discord_at(self.settings)
        self.client = build_client(self.settings)
        self.client._connection.guild_ready_timeout = ready_seconds
        self.client.clock = lambda: time.time() + self.clock_offset_seconds
        self.tasks["bot"] = asyncio.create_task(self.client.start(self.discord.token))
        await self.discord.ready()
        return self.client

    async def stop_bot(self) -> None:
        if self.client is not None:
            await self.client.wind_down()
            await self._end("bot")
            await self.client.close()
            self.client = None
            # Else the next start takes the old connection for its own, and commands go there.
            await self.eventually(lambda: not self.discord.gateway.connected)

    async def start_engine(self) -> FakeEngine:
        """Start an engine that works on any job."""
        self.engine = await FakeEngine.open(self.settings)
        self.tasks["engine"] = asyncio.create_task(self.engine.run())
        return self.engine

    async def stop_engine(self) -> None:
        if self.engine is not None:
            await self._end("engine")
            await self.engine.queue.close()
            self.engine = None

    async def _end(self, name: str) -> None:
        task = self.tasks.pop(name)
        while not task.done():  # a cancellation is lost if a transaction ends at that moment
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_TIMEOUT_SECONDS)
        if not task.cancelled():
            task.result()

    @property
    def bot(self) -> AtelierClient:
        assert self.client is not None
        return self.client

    @property
    def queue(self) -> JobQueue:
        return self.bot.queue

    @property
    def guild_id(self) -> int:
        return self.discord.world.guild.id

    def user(self, name: str = "ada", locale: str | None = None) -> User:
        user = self.discord.user(name)
        if locale is not None:
            user.locale = locale
        return user

    def shift_clock(self, seconds: float) -> None:
        """Let time pass, for Discord and for the bot."""
        self.discord.shift_clock(seconds)
        self.clock_offset_seconds += seconds

    # What users do

    async def paint(
        self,
        options: dict[str, Any] | None = None,
        attachments: dict[str, tuple[str, bytes]] | None = None,
        user: str = "ada",
        **details: Any,
    ) -> Interaction:
        """Use /paint with two small pictures, unless told otherwise."""
        return await self.discord.slash(
            self.user(user),
            "paint",
            {"size": 64, **(options or {})},
            PHOTO_AND_STYLE if attachments is None else attachments,
            **details,
        )

    async def paint_and_wait(
        self, options: dict[str, Any] | None = None, **details: Any
    ) -> Message:
        """Use /paint and wait; returns the message of the finished picture."""
        interaction = await self.paint(options, **details)
        return await self.wait_finished(interaction)

    async def paint_halfway(
        self, options: dict[str, Any] | None = None, **details: Any
    ) -> tuple[FakeEngine, Interaction]:
        """Use /paint; the engine stops halfway until `may_finish` is set, as the message shows."""
        engine = await self.start_engine()
        engine.may_finish.clear()
        interaction = await self.paint(options, **details)
        await self.wait_for_text(interaction, "Painting")
        return engine, interaction

    async def slash(
        self, user: User, name: str, options: dict[str, Any] | None = None, **details: Any
    ) -> Message:
        """Use a command and return its answer."""
        return await wait_for_answer(await self.discord.slash(user, name, options, **details))

    async def open_gallery(self) -> None:
        """Let an admin choose the channel `talk` as the server's gallery."""
        talk = self.discord.channel("talk")
        await self.slash(self.user("admin"), "limits set", {"gallery": str(talk.id)})

    async def press(self, user: User, message: Message, label: str) -> Interaction:
        """Press a button and wait for its effect."""
        before = message.revision
        interaction = await self.discord.press(user, message, label=label)
        await interaction.wait(
            lambda i: (
                message.revision > before
                or i.followups
                or i.modal
                or (i.message is not message and has_content(i.message))
            )
        )
        return interaction

    async def delete_and_undo(self, message: Message) -> Interaction:
        """Delete ada's picture by its button, and press *Undo* in the answer."""
        deleted = await self.discord.press(self.user(), message, label="Delete")
        await deleted.wait(lambda i: i.followups)
        return await self.discord.press(self.user(), deleted.followups[0], label="Undo")

    def show_admin_commands(self) -> None:
        """Let all members see the admin commands, as a server's owner can."""
        for command in self.discord.commands:
            command["default_member_permissions"] = None

    async def create_thread(self, channel: str, kind: int) -> int:
        """Create a thread of this Discord channel type, which the bot knows; returns its ID."""
        parent = self.discord.channel(channel)
        thread = await self.discord.open_channel("between us", kind, parent=parent)
        await self.eventually(lambda: self.bot.get_channel(thread.id))
        return thread.id

    @contextlib.asynccontextmanager
    async def locked_database(self) -> AsyncIterator[None]:
        """Keep the bot from writing to its database, as a backup tool does; reads still work."""
        path = self.settings.atelier_data_dir / "atelier.sqlite3"
        lock = sqlite3.connect(path, isolation_level=None, timeout=20, check_same_thread=False)
        with contextlib.closing(lock) as other:
            # In a thread: the bot may hold the lock and need the event loop to release it.
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            yield

    # Waiting

    async def wait_finished(self, interaction: Interaction) -> Message:
        """Wait for the finished picture."""
        await interaction.wait(is_finished, TIMEOUT_SECONDS)
        assert interaction.message is not None
        return interaction.message

    async def wait_for_text(self, interaction: Interaction, words: str) -> Message:
        """Wait for the answer to contain these words."""
        await interaction.wait(
            lambda i: i.message is not None and words in i.message.text, TIMEOUT_SECONDS
        )
        assert interaction.message is not None
        return interaction.message

    async def answer_text(self, interaction: Interaction) -> str:
        """Wait for text in the answer or its follow-ups, and return all of it."""
        await interaction.wait(text_of, TIMEOUT_SECONDS)
        return text_of(interaction)

    async def wait_delivered(self, job: Job | None = None) -> Job:
        """Wait until a job (by default ada's newest) was delivered or given up."""
        found: list[Job] = []

        async def is_delivered() -> bool:
            found[:] = await self.jobs() if job is None else [await self.reload(job)]
            return bool(found) and found[0].delivered_at is not None

        await self.eventually(is_delivered)
        return found[0]

    async def wait_message_removed(self, job: Job) -> None:
        """Wait until the bot has recorded that a job's message was deleted."""

        async def is_removed() -> bool:
            return (await self.reload(job)).message_removed_at is not None

        await self.eventually(is_removed)

    async def wait_no_intakes(self) -> None:
        """Wait until no intake is open."""
        await self.eventually(self._nothing_pending)

    async def _nothing_pending(self) -> bool:
        return not await self.queue.intakes.pending()

    async def eventually(self, condition: Callable[[], object]) -> None:
        """Poll until the condition, which may be a coroutine function, is true."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                result = condition()
                if await result if inspect.isawaitable(result) else result:
                    return
                await asyncio.sleep(0.05)

    async def jobs(self, user: str = "ada") -> list[Job]:
        return await self.queue.jobs.of_user(self.user(user).id)

    # Jobs without a command, and an engine controlled by the test

    async def make_job(
        self,
        user: User,
        *,
        channel: str = "paintings",
        in_guild: bool = True,
        ephemeral: bool = False,
        bot_in_channel: bool = True,
        guild_id: int | None = None,
        channel_id: int | None = None,
        color: str = "teal",
        **options: Any,
    ) -> Job:
        """Submit a job as `/paint` would."""
        key = await self.queue.store.put(plain_picture(color=color), ".png")
        place = self.discord.channel(channel) if in_guild else self.discord.world.dm_of(user)
        channel_id = channel_id or place.id
        if in_guild:
            guild_id = guild_id or self.guild_id
        return await submit_job(
            self.queue,
            user.id,
            guild_id,
            user_name=user.name,
            application_id=0,
            channel_id=channel_id,
            locale=user.locale,
            ephemeral=ephemeral,
            bot_in_channel=bot_in_channel,
            interaction_token="",
            token_expires_at=datetime.now(UTC) - timedelta(minutes=1),
            inputs=PaintInputs(content=key, styles=(StyleInput(picture=key),)),
            options=PaintOptions(**{"size_px": 128, **options}),
        )

    @property
    def manual_engine(self) -> FakeEngine:
        """An engine on the bot's own queue, which the test controls."""
        return FakeEngine(self.queue)

    async def make_painted_job(self, user: User, **details: Any) -> Job:
        """Submit a job and paint it."""
        return await self.manual_engine.paint(await self.make_job(user, **details))

    async def reload(self, job: Job) -> Job:
        return await reload(self.queue, job)

    async def state(self, job: Job) -> JobState:
        return (await self.reload(job)).state


def is_finished(interaction: Interaction) -> bool:
    return interaction.message is not None and has_result(interaction.message)


def button_labels(message: Message) -> list[str]:
    return [str(button.get("label")) for button in message.buttons]


def alt_texts(message: Message) -> list[str]:
    """The alt texts of the pictures in a message's only gallery."""
    (gallery,) = [each for each in message.walk() if each["type"] == 12]
    return [item["description"] for item in gallery["items"]]


def form_field(opened: Interaction, custom_id: str) -> dict[str, Any]:
    """A field of the form that an interaction has opened."""
    assert opened.modal is not None
    fields: list[dict[str, Any]] = [label["component"] for label in opened.modal["components"]]
    return next(each for each in fields if each["custom_id"] == custom_id)


def selected_values(opened: Interaction, custom_id: str) -> list[str]:
    """What is selected in a menu, or switched on, when a form opens."""
    options = form_field(opened, custom_id)["options"]
    return [each["value"] for each in options if each.get("default")]


def has_result(message: Message) -> bool:
    return "Again" in button_labels(message) and bool(message.attachments)


def text_of(interaction: Interaction) -> str:
    messages = [interaction.message, *interaction.followups]
    return "\n".join(m.text for m in messages if m is not None and has_content(m))


def has_content(message: Message | None) -> bool:
    result = "" if message is None else message.text.removeprefix(FILLING)
    return message is not None and not message.loading and bool(result)


async def wait_for_answer(interaction: Interaction) -> Message:
    """Wait until the answer or a follow-up has content, and return it."""
    await interaction.wait(lambda i: has_content(i.message) or any(map(has_content, i.followups)))
    if has_content(interaction.message):
        assert interaction.message is not None
        return interaction.message
    return next(message for message in interaction.followups if has_content(message))
