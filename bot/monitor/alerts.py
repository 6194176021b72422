"""Alerts the operators about troubles: once when one begins, once when it is over.

Each in the language that they chose with `/settings`, else in English: Discord reveals a user's
language only in interactions.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import discord

from bot.intake.own_defaults import texts_of_server
from bot.kit import DISCORD_FAILED, Bot, Feature, Service
from bot.monitor.troubles import troubles_of
from bot.texts import Texts, texts_for
from common.files import read_texts, write_texts
from common.logs import log_ids
from common.sentences import Sentence
from common.settings import Settings
from jobs.health.state import Health, StoreState
from jobs.health.troubles import Trouble, database_trouble
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)

FILE = "alerts.json"
"""What was sent, in the data folder."""
START = "start"
"""The name of the trouble that the bot cannot start."""
START_SECONDS = 8.0
"""Timeout, as the process is about to exit with an error."""
LOOK_SECONDS = 30.0
TOLD_AGAIN_AFTER = timedelta(days=1)
LOOKED_BACK = 20
"""The newest messages in which a failed start is searched for that could not be written down."""
CANNOT_START = "⚠️ Atelier cannot start: "
OVER = "✅"
MESSAGE_LIMIT = 2000
"""Characters in a message; a trouble may have long words of its own."""
STORE_EVERY_LOOKS = 4
"""Checking the store writes a file, so not at every check unless there was an error."""

GRACE_SECONDS: Mapping[str, float] = {
    "clock": 60.0,
    "database": 60.0,
    "engine-version": 300.0,
    "no-engine": 300.0,
    "no-bot": float("inf"),
    "other-weights": 300.0,
    "store": 60.0,
    "weights": 60.0,
}
"""How long a trouble may last before it is reported. Those not listed are reported at once: the bot
that reports them is running."""


class Alerts(Service):
    """Checks health periodically, and remembers across restarts what it has sent."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._file: Path = client.settings.atelier_data_dir / FILE
        self._since: dict[str, float] = {}
        self._told: dict[str, str] = {}
        self._looks = 0
        self._has_looked_back = False
        self._store_failures = 0
        self._store = StoreState()

    async def start(self) -> None:
        """Start, if there is anybody to alert."""
        if not recipients(self._client.settings):
            return
        self._told = await asyncio.to_thread(read_texts, self._file)
        self._run_every(LOOK_SECONDS, "alerting", self.check_health, first=LOOK_SECONDS)

    async def check_health(self) -> None:
        """Check once, and report what is new or over.

        Alerts that could not be sent are retried at the next check.
        """
        if (new_database_notice := self._client.new_database_notice) is not None:
            await self._say(lambda t: f"⚠️ {t.say(new_database_notice)}")
            self._client.new_database_notice = None
        if not self._has_looked_back:
            self._told = await self._looked_back() | self._told
            self._has_looked_back = True
        try:
            health = await self._ask()
        except QueueError as error:
            # The database is down, so nothing else can be known to be new or over.
            trouble = database_trouble(error)
            if self._is_news(trouble, self._since.setdefault(trouble.name, _now())):
                await self._tell(trouble)
            return
        found = {trouble.name: trouble for trouble in troubles_of(health, self._client.traffic)}
        self._since = {name: self._since.get(name, _now()) for name in found}
        for name, trouble in found.items():
            if name == "no-engine" and not health.waiting:
                continue  # no user is waiting for it
            if self._is_news(trouble, self._since[name]):
                await self._tell(trouble)
        for name in sorted(set(self._told) - set(found)):
            over = _sentence(self._told[name])
            log.info("Over: %s", over)
            await self._say(partial(_over_words, over))
            await self._remember({k: v for k, v in self._told.items() if k != name})

    async def _looked_back(self) -> dict[str, str]:
        """A failed start that could not be written down, but was told."""
        for target in recipients(self._client.settings):
            if why := await _failed_start(self._client, self._client.settings, target):
                return {START: why}
        return {}

    async def _ask(self) -> Health:
        # A single failure may be accidental: keep checking until the grace period is over.
        store = self._client.queue.store
        has_failed = store.timings.failures() > self._store_failures  # for a member, perhaps
        ask_store = self._looks % STORE_EVERY_LOOKS == 0 or has_failed or bool(self._store.problem)
        self._looks += 1
        health = await self._client.queue.health.ask(ask_store=ask_store)
        if not ask_store:
            return replace(health, store=self._store)
        self._store = health.store
        self._store_failures = store.timings.failures()
        return health

    def _is_news(self, trouble: Trouble, since: float) -> bool:
        """Whether it has lasted for its grace period, and was not reported in this extent."""
        told = self._told.get(trouble.name)
        if told is None:
            return _now() - since >= GRACE_SECONDS.get(trouble.name, 0.0)
        said = str(_sentence(told))
        return any(place not in said for place in trouble.places)

    async def _tell(self, trouble: Trouble) -> None:
        with log_ids(job=trouble.job_id):
            log.error("%s", trouble.sentence)
        await self._say(lambda t: f"⚠️ {t.say(trouble.sentence)}")
        told = json.dumps(asdict(trouble.sentence), ensure_ascii=False)
        await self._remember(self._told | {trouble.name: told})

    async def _say(self, words: "Callable[[Texts], str]") -> None:
        said = {
            target: words(await self._texts_of(target))
            for target in recipients(self._client.settings)
        }
        await _post(self._client, self._client.settings, said)

    async def _texts_of(self, target: int) -> Texts:
        """The sentences for a user, or for the server of a channel."""
        client = self._client
        if target != client.settings.atelier_alert_channel_id:
            return texts_for(client.languages.get(target))
        guild = getattr(client.get_channel(target), "guild", None)
        if guild is None:
            return texts_for(None)
        try:
            return await texts_of_server(client, guild.id, guild.preferred_locale)
        except QueueError:  # the database may be the very trouble
            return texts_for(None)

    async def _remember(self, told: dict[str, str]) -> None:
        self._told = told
        await asyncio.to_thread(write_texts, self._file, told)


def _over_words(over: Sentence, t: Texts) -> str:
    return t("✅ Resolved: “{told}”", told=t.say(over))


def _sentence(told: str) -> Sentence:
    """Parse a sentence from the file; a failed start stores plain English."""
    try:
        return Sentence.from_plain(json.loads(told))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Sentence(told)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _channel_of(
    client: discord.Client, settings: Settings, target: int
) -> discord.abc.Messageable:
    """The alert channel, or a user's direct messages."""
    if target == settings.atelier_alert_channel_id:
        return client.get_partial_messageable(target)
    return await client.create_dm(discord.Object(target))


async def _post(client: discord.Client, settings: Settings, said: Mapping[int, str]) -> None:
    """Post to the channel in the settings, else to each owner's DMs.

    Args:
        client: The bot.
        settings: Its settings.
        said: What to say, by recipient.

    Raises:
        discord.DiscordException, aiohttp.ClientError, OSError: Nobody could be reached.
    """
    failures: list[Exception] = []
    for target, text in said.items():
        try:
            channel = await _channel_of(client, settings, target)
            await channel.send(text[:MESSAGE_LIMIT])
        except DISCORD_FAILED as error:
            to_member = target != settings.atelier_alert_channel_id
            with log_ids(member=target if to_member else None):
                log.warning("%d could not be told: %s", target, error)
            failures.append(error)
    if failures and len(failures) == len(said):
        raise failures[0]


async def tell_of_failed_start(settings: Settings, why: str) -> None:
    """Report once why the bot cannot start, however often its start is retried.

    The bot that starts again reports that it is over. If what was said cannot be written down, as
    on a full disk, what stands in Discord tells whether it was said.
    """
    if not recipients(settings) or settings.discord_token is None:
        return
    file = settings.atelier_data_dir / FILE
    told = await asyncio.to_thread(read_texts, file)
    if told.get(START) == why:
        return
    try:
        async with (
            asyncio.timeout(START_SECONDS),
            discord.Client(intents=discord.Intents(guilds=True)) as client,
        ):
            await client.login(settings.discord_token.get_secret_value())
            words = f"{CANNOT_START}{why}"[:MESSAGE_LIMIT]
            to = list(recipients(settings))
            if not await asyncio.to_thread(_can_write, file, told):
                to = [each for each in to if not await _was_told(client, settings, each, words)]
            await _post(client, settings, dict.fromkeys(to, words))
        with contextlib.suppress(OSError):
            await asyncio.to_thread(write_texts, file, told | {START: why})
    except DISCORD_FAILED as error:
        log.warning("Nobody could be told that the bot cannot start: %s", error)


def _can_write(file: Path, told: Mapping[str, str]) -> bool:
    try:
        write_texts(file, told)
    except OSError:
        return False
    return True


async def _was_told(client: discord.Client, settings: Settings, target: int, words: str) -> bool:
    """Whether one of the newest messages there says so, and not longer ago than a day."""
    since = discord.utils.utcnow() - TOLD_AGAIN_AFTER
    newest = await _own_messages(client, settings, target)
    return any(each.content == words and each.created_at > since for each in newest)


async def _failed_start(client: discord.Client, settings: Settings, target: int) -> str | None:
    """Why a start failed, as one of the newest messages there says; None if it is over."""
    for message in await _own_messages(client, settings, target):
        if message.content.startswith(OVER):
            break
        if message.content.startswith(CANNOT_START):
            return message.content.removeprefix(CANNOT_START)
    return None


async def _own_messages(
    client: discord.Client, settings: Settings, target: int
) -> list[discord.Message]:
    """The bot's own among the newest messages there, newest first.

    Empty where they cannot be read, so that one recipient does not keep others from being told.
    """
    try:
        channel = await _channel_of(client, settings, target)
        messages = [message async for message in channel.history(limit=LOOKED_BACK)]
    except DISCORD_FAILED as error:
        log.info("Whether %d was told is not known: %s", target, error)
        return []
    return [message for message in messages if message.author == client.user]


def recipients(settings: Settings) -> tuple[int, ...]:
    """The channel, or else the users, that are alerted."""
    if settings.atelier_alert_channel_id is not None:
        return (settings.atelier_alert_channel_id,)
    return settings.atelier_owner_ids


FEATURE = Feature(services=(Alerts,))
