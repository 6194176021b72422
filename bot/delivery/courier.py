"""Brings the state of one job to where its user can see it: by token, by the bot, or by DM."""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.delivery.cards import job_card
from bot.delivery.faults import (
    Fault,
    MessageGone,
    NoAccess,
    Rejected,
    TokenEnded,
    TooLarge,
    TryLater,
    fault_of,
)
from bot.delivery.files import JobFiles
from bot.delivery.originals import ORIGINAL
from bot.delivery.small_print import Attached
from bot.pictures.press import PressProblem
from bot.texts import Texts, texts_for
from bot.uploads import Upload
from jobs.model import Job, JobState, Standing
from jobs.store import StorageUnavailable

if TYPE_CHECKING:
    from bot.client import AtelierClient

log = logging.getLogger(__name__)

DEFAULT_LIMIT_BYTES = 10 * 1024 * 1024
SMALLEST_LIMIT_BYTES = 256 * 1024
TOKEN_MARGIN = timedelta(seconds=10)
TRIES_TO_FIT = 3
DM_HISTORY = 50
REMEMBERED_TOKENS = 10_000


@dataclass(frozen=True)
class Shown:
    """The user can see it."""

    how: str
    message_id: int
    channel_id: int


@dataclass(frozen=True)
class Later:
    """Not now; try again, after as many seconds as Discord asked for."""

    seconds: float | None


@dataclass(frozen=True)
class Nowhere:
    """There is no place left where the user would see it."""

    reason: str


Outcome = Shown | Later | Nowhere
Way = Callable[[ui.LayoutView, list[discord.File], Mapping[str, Any]], Awaitable[Shown]]
# A message that once held plain words takes a card only together with these.
EMPTIED: Mapping[str, Any] = {"content": None, "embeds": []}


@dataclass(frozen=True)
class Route:
    """One way to a message, and how large its files may be."""

    way: Way
    limit_bytes: int
    is_dm: bool = False


class Courier:
    """Shows jobs. Each way is tried in its order; Discord's bad moments end in `Later`."""

    def __init__(self, client: "AtelierClient") -> None:
        self._client = client
        self._files = JobFiles(client)
        self._ended_tokens: OrderedDict[int, None] = OrderedDict()

    async def show(self, job: Job, standing: Standing | None, *, attempt: int = 1) -> Outcome:
        """Bring the message of a job to its present state.

        Args:
            job: As it is in the database.
            standing: Its place in the queue; None once it has ended.
            attempt: Which try at the final state this is; from the second on, a DM is only sent
                if the user's DMs do not hold it yet.
        """
        fault: Fault = NoAccess()
        message_gone = False
        for route in self._routes(job, attempt):
            if message_gone and not route.is_dm:
                continue
            fault = NoAccess()
            result = await self._try(job, standing, route, attempt)
            match result:
                case Shown() | Later():
                    return result
                case TokenEnded():
                    self._remember_ended(job.target.interaction_id)
                case MessageGone():
                    message_gone = True
                case _:
                    log.info("Job %d cannot be shown one way: %s", job.id, result)
            fault = result
        return Nowhere("the message was deleted" if message_gone else _reason(fault))

    def token_works(self, job: Job) -> bool:
        """Whether the interaction's 15 minutes still run, as far as is known."""
        now = datetime.fromtimestamp(self._client.clock(), UTC)
        return (
            job.target.interaction_id not in self._ended_tokens
            and now < job.target.token_expires_at - TOKEN_MARGIN
        )

    def _remember_ended(self, interaction_id: int) -> None:
        self._ended_tokens[interaction_id] = None
        if len(self._ended_tokens) > REMEMBERED_TOKENS:
            self._ended_tokens.popitem(last=False)

    def _routes(self, job: Job, attempt: int) -> list[Route]:
        target = job.target
        routes = []
        if self.token_works(job):
            routes.append(Route(self._by_token(job), target.upload_limit_bytes))
        if target.bot_in_channel and not target.ephemeral and target.message_id is not None:
            routes.append(Route(self._by_bot(job), self._limit_later(job)))
        if job.state in {JobState.DONE, JobState.FAILED}:
            by_dm = self._by_dm(job, search=attempt > 1)
            routes.append(Route(by_dm, DEFAULT_LIMIT_BYTES, is_dm=True))
        return routes

    def _limit_later(self, job: Job) -> int:
        guild = self._client.get_guild(job.target.guild_id) if job.target.guild_id else None
        return guild.filesize_limit if guild is not None else DEFAULT_LIMIT_BYTES

    async def _try(
        self, job: Job, standing: Standing | None, route: Route, attempt: int
    ) -> Shown | Later | Fault:
        """Go one way, with a smaller file if this one is refused as too large."""
        limit_bytes = route.limit_bytes
        t = texts_for(job.target.locale)
        fields: Mapping[str, Any] = {}
        while True:
            attached = await self._file(t, job, limit_bytes, attempt)
            if isinstance(attached, Later):
                return attached
            if route.is_dm:
                attached = _with_apology(t, job, attached)
            card = job_card(t, job, standing, attached)
            files: list[discord.File] = []
            if attached:
                files.append(Upload(attached.data, attached.filename))
            try:
                return await route.way(card, files, fields)
            except Exception as error:  # noqa: BLE001 - every fault has its answer
                fault = fault_of(error)
            match fault:
                case TryLater(seconds):
                    return Later(seconds)
                case TooLarge() if attached and limit_bytes > SMALLEST_LIMIT_BYTES:
                    limit_bytes = min(limit_bytes, len(attached.data)) // 2
                case Rejected(reason) if not fields and not route.is_dm:
                    log.warning("A card of job %d was refused: %s", job.id, reason)
                    fields = EMPTIED
                case _:
                    return fault

    async def _file(
        self, t: Texts, job: Job, limit_bytes: int, attempt: int
    ) -> Attached | Later | None:
        try:
            return await self._files.of(t, job, limit_bytes)
        except PressProblem as problem:
            log.error("The picture of job %d could not be made to fit: %s", job.id, problem)  # noqa: TRY400 - known
            return Later(None) if attempt < TRIES_TO_FIT else None
        except StorageUnavailable as error:
            log.warning("The picture of job %d cannot be read: %s", job.id, error)
            return Later(None)

    def _by_token(self, job: Job) -> Way:
        async def way(
            card: ui.LayoutView, files: list[discord.File], fields: Mapping[str, Any]
        ) -> Shown:
            target = job.target
            webhook = discord.Webhook.partial(
                target.application_id, target.interaction_token, client=self._client
            )
            message = await webhook.edit_message(ORIGINAL, view=card, attachments=files, **fields)
            return Shown("token", message.id, message.channel.id)

        return way

    def _by_bot(self, job: Job) -> Way:
        async def way(
            card: ui.LayoutView, files: list[discord.File], fields: Mapping[str, Any]
        ) -> Shown:
            target = job.target
            assert target.channel_id is not None
            assert target.message_id is not None
            channel = self._client.get_partial_messageable(
                target.channel_id, guild_id=target.guild_id
            )
            message = channel.get_partial_message(target.message_id)
            await message.edit(view=card, attachments=files, **fields)
            return Shown("bot", target.message_id, target.channel_id)

        return way

    def _by_dm(self, job: Job, *, search: bool) -> Way:
        async def way(
            card: ui.LayoutView, files: list[discord.File], fields: Mapping[str, Any]
        ) -> Shown:
            dm = await self._client.create_dm(discord.Object(job.user_id))
            if search:
                sent = await _find(dm, job.id)
                if sent is not None:
                    return Shown("dm", sent.id, dm.id)
            message = await dm.send(view=card, files=files, nonce=f"atelier-{job.id}", **fields)
            return Shown("dm", message.id, dm.id)

        return way


async def _find(dm: discord.DMChannel, job_id: int) -> discord.Message | None:
    """The message with a job's buttons that an earlier run sent, if it did."""
    ending = f":{job_id}"
    async for message in dm.history(limit=DM_HISTORY):
        layout = ui.LayoutView.from_message(message)
        ids = (getattr(item, "custom_id", None) or "" for item in layout.walk_children())
        if any(id_.startswith("atelier:job:") and id_.endswith(ending) for id_ in ids):
            return message
    return None


def _with_apology(t: Texts, job: Job, attached: Attached | None) -> Attached | None:
    if attached is None or job.target.channel_id is None:
        return attached
    apology = t("It could not be shown where you asked for it any more, so here it is.")
    note = f"{attached.note}\n-# {apology}" if attached.note else apology
    return Attached(attached.data, attached.filename, note)


def _reason(fault: Fault) -> str:
    match fault:
        case Rejected(reason):
            return reason
        case TooLarge():
            return "the picture is too large for Discord"
        case _:
            return "the bot may write neither there nor to the user"
