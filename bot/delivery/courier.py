"""Brings the state of one job to where its user can see it: by token, by the bot, or by DM."""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import discord

from bot.cards.small_print import Attached
from bot.delivery.files import JobFiles
from bot.delivery.forms import Dress, Form, Picture, fields_of, forms_for
from bot.delivery.routes import Route, Shown, Ways
from bot.kit import Bot
from bot.pictures.upload_encoder import EncodingProblem
from bot.texts import Texts, texts_for
from bot.wire.faults import (
    Fault,
    MessageGone,
    NoAccess,
    Rejected,
    TokenEnded,
    TooLarge,
    TryLater,
    Unclear,
    fault_of,
)
from bot.wire.uploads import Upload
from common.store import StorageUnavailable
from jobs.model import Job, JobState, Standing

log = logging.getLogger(__name__)

DEFAULT_LIMIT_BYTES = 10 * 1024 * 1024
SMALLEST_LIMIT_BYTES = 256 * 1024
TOKEN_MARGIN = timedelta(seconds=10)
TRIES_TO_FIT = 3
UNCLEAR_TRIES = 10  # some minutes, until an answer that is none of Discord's own is believed
REMEMBERED_TOKENS = 10_000


@dataclass(frozen=True)
class Later:
    """Not now; try again, after as many seconds as Discord asked for."""

    seconds: float | None


@dataclass(frozen=True)
class Nowhere:
    """There is no place left where the user would see it."""

    reason: str


Outcome = Shown | Later | Nowhere


@dataclass(frozen=True)
class Errand:
    """One state of one job that is to be shown, for the so-many-th time if it is the last."""

    t: Texts
    job: Job
    standing: Standing | None
    attempt: int


@dataclass
class Room:
    """How large a file may be, and how large the last one was."""

    limit_bytes: int
    used_bytes: int = 0

    def halve(self) -> bool:
        """Ask for a file half as large; False where there is none, or it is small as can be."""
        if not self.used_bytes or self.limit_bytes <= SMALLEST_LIMIT_BYTES:
            return False
        half = min(self.limit_bytes, self.used_bytes) // 2
        self.limit_bytes = max(SMALLEST_LIMIT_BYTES, half)
        return True


class Courier:
    """Shows jobs. Each way is tried in its order; Discord's bad moments end in `Later`."""

    def __init__(self, client: Bot) -> None:
        self._client = client
        self._files = JobFiles(client)
        self._ways = Ways(client)
        self._ended_tokens: OrderedDict[int, None] = OrderedDict()

    async def show(self, job: Job, standing: Standing | None, *, attempt: int = 1) -> Outcome:
        """Bring the message of a job to its present state.

        Args:
            job: As it is in the database.
            standing: Its place in the queue; None once it has ended.
            attempt: Which try at the final state this is; from the second on, a DM is only sent
                if the user's DMs do not hold it yet.
        """
        errand = Errand(texts_for(job.reply.locale), job, standing, attempt)
        fault: Fault = NoAccess()
        message_gone = False
        for route in self._routes(job, attempt):
            if message_gone and not route.is_dm:
                continue
            fault = NoAccess()
            result = await self._try(errand, route)
            match result:
                case Shown() | Later():
                    return result
                case TokenEnded():
                    self._remember_ended(job.reply.interaction_id)
                case MessageGone():
                    message_gone = True
                case _:
                    log.info("Job %d cannot be shown one way: %s", job.id, result)
            fault = result
        return Nowhere("the message was deleted" if message_gone else _reason(fault))

    async def is_last(self, job: Job, shown: Shown) -> bool | Later:
        """Whether the message still is as it was shown, as far as the bot may see it."""
        by_token = self.token_works(job)
        if not by_token and (job.reply.ephemeral or not job.reply.bot_in_channel):
            return True
        try:
            return await self._ways.is_last(job, shown, by_token=by_token)
        except Exception as error:  # noqa: BLE001 - every fault has its answer
            fault = fault_of(error)
        return Later(fault.seconds) if isinstance(fault, TryLater) else True

    def token_works(self, job: Job) -> bool:
        """Whether the interaction's 15 minutes still run, as far as is known."""
        now = datetime.fromtimestamp(self._client.clock(), UTC)
        return (
            job.reply.interaction_id not in self._ended_tokens
            and now < job.reply.token_expires_at - TOKEN_MARGIN
        )

    def _remember_ended(self, interaction_id: int) -> None:
        self._ended_tokens[interaction_id] = None
        if len(self._ended_tokens) > REMEMBERED_TOKENS:
            self._ended_tokens.popitem(last=False)

    def _routes(self, job: Job, attempt: int) -> list[Route]:
        reply = job.reply
        routes = []
        if self.token_works(job):
            routes.append(Route(self._ways.by_token(job), reply.upload_limit_bytes))
        visible_to_all = reply.bot_in_channel and not reply.ephemeral
        if visible_to_all and reply.message_id is not None:
            routes.append(Route(self._ways.by_bot(job), self._limit_later(job)))
        if job.state in {JobState.DONE, JobState.FAILED}:
            by_dm = self._ways.by_dm(job, search=attempt > 1)
            routes.append(Route(by_dm, DEFAULT_LIMIT_BYTES, is_dm=True, is_new=True))
            if visible_to_all and job.guild_id is not None and reply.message_id is None:
                # Which message it was is not known; it can only be said beside it.
                by_post = self._ways.by_post(job, search=attempt > 1)
                routes.append(Route(by_post, self._limit_later(job), is_new=True))
        return routes

    def _limit_later(self, job: Job) -> int:
        guild = self._client.get_guild(job.guild_id) if job.guild_id else None
        return guild.filesize_limit if guild is not None else DEFAULT_LIMIT_BYTES

    async def _try(self, errand: Errand, route: Route) -> Shown | Later | Fault:
        """Go one way, ever more plainly where Discord refuses what it is offered."""
        room = Room(route.limit_bytes)
        result: Shown | Later | Fault = NoAccess()
        for form in forms_for(errand.job, is_new=route.is_new):
            if form.picture is not Picture.WHOLE and not room.used_bytes:
                continue  # without a picture it would be the same again
            if form.picture is Picture.SMALLER and not room.halve():
                continue
            if form.picture is not Picture.NONE and isinstance(result, TooLarge):
                continue  # the smallest that there is was too large
            result = await self._offer(errand, route, form, room)
            if not isinstance(result, TooLarge | Rejected):
                return result
            log.warning("Job %d was refused as %s: %s", errand.job.id, form, result)
        return result

    async def _offer(
        self, errand: Errand, route: Route, form: Form, room: Room
    ) -> Shown | Later | Fault:
        """Offer one form, with a smaller picture if this one is too large."""
        while True:
            attached = None
            if form.picture is not Picture.NONE:
                attached = await self._file(errand, room.limit_bytes)
            if isinstance(attached, Later):
                return attached
            room.used_bytes = len(attached.data) if attached else 0
            if route.is_dm:
                attached = _with_apology(errand, attached)
            try:
                return await _send(errand, route, form, attached)
            except Exception as error:  # noqa: BLE001 - every fault has its answer
                fault = fault_of(error)
            if isinstance(fault, TryLater):
                return Later(fault.seconds)
            if isinstance(fault, Unclear):
                log.warning("Job %d got an unclear answer: %s", errand.job.id, fault.if_it_stays)
                if errand.attempt < UNCLEAR_TRIES:
                    return Later(None)
                fault = fault.if_it_stays
            if not isinstance(fault, TooLarge) or not room.halve():
                return fault

    async def _file(self, errand: Errand, limit_bytes: int) -> Attached | Later | None:
        job = errand.job
        try:
            return await self._files.of(errand.t, job, limit_bytes)
        except EncodingProblem as problem:
            log.error("The picture of job %d could not be made to fit: %s", job.id, problem)  # noqa: TRY400 - known
            return Later(None) if errand.attempt < TRIES_TO_FIT else None
        except StorageUnavailable as error:
            log.warning("The picture of job %d cannot be read: %s", job.id, error)
            return Later(None)


async def _send(
    errand: Errand, route: Route, form: Form, attached: Attached | None
) -> Shown | Rejected:
    files: list[discord.File] = []
    if attached:
        hides = form.dress is Dress.WORDS and errand.job.reply.spoiler
        files.append(Upload(attached.data, attached.filename, spoiler=hides))
    try:
        fields = fields_of(errand.t, errand.job, errand.standing, form, attached)
    except Exception as error:
        log.exception("Job %d cannot be put as %s", errand.job.id, form)
        return Rejected(f"{type(error).__name__}: {error}")
    return await route.way(fields, files)


def _with_apology(errand: Errand, attached: Attached | None) -> Attached | None:
    if attached is None or errand.job.reply.channel_id is None:
        return attached
    apology = errand.t("It could not be shown where you asked for it any more, so here it is.")
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
