"""Brings the state of one job to its user, by the first route that works."""

import logging
from dataclasses import dataclass, replace

import discord
from cachetools import LRUCache

from bot.cards.fit_upload import fitted_result
from bot.cards.job_card import alt_texts
from bot.cards.small_print import Attached
from bot.delivery.presentations import (
    FailureCounts,
    Layout,
    PictureSize,
    Presentation,
    ShowRequest,
    fields_of,
    presentations_for,
)
from bot.delivery.role_spoilers import RoleSpoilers
from bot.delivery.routes import Route, Routes, SentMessage
from bot.kit import Bot
from bot.texts import Texts, texts_for
from bot.wire.faults import (
    Fault,
    MessageGone,
    NoAccess,
    Rejected,
    ThreadArchived,
    TokenEnded,
    TooLarge,
    TryLater,
    Unclear,
    fault_of,
)
from bot.wire.uploads import Upload
from common.child import ChildError
from common.store import PictureMissingError, StorageUnavailableError
from jobs.model import Job, JobState, QueuePosition
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)

SMALLEST_LIMIT_BYTES = 256 * 1024
TRIES_TO_FIT = 3
REMEMBERED = 4  # encoded results, so that a retry after an outage need not encode again
UNCLEAR_TRIES = 10  # a few minutes of retries until a proxy's answer is taken as Discord's

_Encoded = tuple[int, tuple[str | None, ...], int, str]
"""Cache key: the job, its pictures' keys, the upload limit in bytes, the language."""


@dataclass(frozen=True)
class RetryLater:
    """A transient failure: retry, after as many seconds as Discord asked for, if it did."""

    seconds: float | None


@dataclass(frozen=True)
class StoreAway:
    """The store of pictures does not answer; the job goes on without a preview."""


@dataclass(frozen=True)
class Undeliverable:
    """No route is left on which the user would see it."""

    reason: str


Outcome = SentMessage | RetryLater | Undeliverable


@dataclass
class SizeBudget:
    """The upload limit of a route, lowered while Discord refuses files as too large."""

    limit_bytes: int
    used_bytes: int = 0

    def halve(self) -> bool:
        """Halve the size of the file; False if there is no file, or if it is minimal already."""
        if not self.used_bytes or self.limit_bytes <= SMALLEST_LIMIT_BYTES:
            return False
        half = min(self.limit_bytes, self.used_bytes) // 2
        self.limit_bytes = max(SMALLEST_LIMIT_BYTES, half)
        return True


class JobPresenter:
    """Shows jobs. The routes are tried in order; transient failures end in `RetryLater`."""

    def __init__(self, client: Bot, routes: Routes) -> None:
        self._client = client
        self._encoded: LRUCache[_Encoded, Attached] = LRUCache(REMEMBERED)
        self._routes = routes
        self._spoilers = RoleSpoilers(client)

    async def show(
        self,
        job: Job,
        position: QueuePosition | None,
        failure_counts: FailureCounts,
        *,
        attempt: int = 1,
    ) -> Outcome:
        """Bring the message of a job to the job's state."""
        job = await self._spoilers.applied(job)
        t, has_gallery = texts_for(job.reply.locale), await self._has_gallery(job)
        request = ShowRequest(t, job, position, attempt, failure_counts, has_gallery)
        fault: Fault = NoAccess()
        message_gone = False
        for route in self._routes.of(job, search=attempt > 1):
            if message_gone and not route.is_dm:
                continue
            # Its member may have deleted it while another route was tried.
            if route.is_new and (changed := await self._changed(job)) is not None:
                return changed
            result = await self._try(request, route)
            if isinstance(result, ThreadArchived):
                result = await self._try_reopened(request, route)
            match result:
                case SentMessage() | RetryLater() as outcome:
                    return outcome
                case TokenEnded() as fault:
                    self._routes.token_ended(job)
                case MessageGone() as fault:
                    message_gone = True
                    reply = job.reply
                    if reply.is_public and reply.message_id:
                        # The public message was deleted while the bot was away.
                        await self._client.queue.deliveries.mark_removed({reply.message_id})
                case fault:
                    log.info("Job %d cannot be shown one way: %s", job.id, fault)
        return Undeliverable("the message was deleted" if message_gone else _reason(fault))

    async def _changed(self, job: Job) -> RetryLater | None:
        """Whether the database says something else of a job by now, or does not answer."""
        try:
            now = await self._client.queue.jobs.get(job.id)
        except QueueError:
            return RetryLater(None)
        return None if now is not None and now.revision == job.revision else RetryLater(0.0)

    async def _has_gallery(self, job: Job) -> bool:
        """Whether the picture can be published in the gallery of its server."""
        if job.state is not JobState.DONE or job.guild_id is None or not job.reply.bot_in_channel:
            return False
        try:
            limits = await self._client.queue.limits.in_force(job.guild_id)
        except QueueError:
            return False  # the picture does not wait for the database
        return limits.gallery_channel_id is not None

    async def is_unchanged(self, job: Job, shown: SentMessage) -> bool | RetryLater:
        """Whether the message is still as it was shown, as far as the bot can see it."""
        try:
            return await self._routes.is_unchanged(job, shown)
        except Exception as error:  # noqa: BLE001 - `fault_of` classifies every error
            fault = fault_of(error)
        return RetryLater(fault.seconds) if isinstance(fault, TryLater) else True

    async def _try(self, request: ShowRequest, route: Route) -> SentMessage | RetryLater | Fault:
        """Try one route, with ever plainer presentations where Discord refuses them."""
        budget = SizeBudget(route.limit_bytes)
        result: SentMessage | RetryLater | Fault = NoAccess()
        for presentation in presentations_for(request.job, is_new=route.is_new):
            if presentation.picture is not PictureSize.WHOLE and not budget.used_bytes:
                continue  # without a picture this presentation was tried already
            if presentation.picture is PictureSize.SMALLER and not budget.halve():
                continue
            if presentation.picture is not PictureSize.NONE and isinstance(result, TooLarge):
                continue  # the smallest picture was too large
            result = await self._offer(request, route, presentation, budget)
            if not isinstance(result, TooLarge | Rejected):
                return result
            log.warning("Job %d was refused as %s: %s", request.job.id, presentation, result)
        return result

    async def _try_reopened(
        self, request: ShowRequest, route: Route
    ) -> SentMessage | RetryLater | Fault:
        """Try a route once more, after opening the thread that was archived meanwhile."""
        try:
            is_open = await self._routes.reopen(request.job)
        except Exception as error:  # noqa: BLE001 - `fault_of` classifies every error
            fault = fault_of(error)
            return RetryLater(fault.seconds) if isinstance(fault, TryLater) else fault
        if not is_open:
            return ThreadArchived()
        log.info("The thread of job %d was opened again", request.job.id)
        return await self._try(request, route)

    async def _offer(
        self, request: ShowRequest, route: Route, presentation: Presentation, budget: SizeBudget
    ) -> SentMessage | RetryLater | Fault:
        """Try one presentation; while Discord refuses its files as too large, with smaller ones."""
        while True:
            attached = await self._file(request, presentation, budget.limit_bytes)
            if isinstance(attached, RetryLater):
                return attached
            if isinstance(attached, StoreAway):
                request, attached = replace(request, is_store_away=True), None
            budget.used_bytes = max(len(each.data) for each in attached.all) if attached else 0
            if route.is_dm:
                attached = _with_apology(request, attached)
            try:
                return await _send(request, route, presentation, attached)
            except Exception as error:  # noqa: BLE001 - `fault_of` classifies every error
                fault = fault_of(error)
            if isinstance(fault, TryLater):
                request.failure_counts.unclear_answers = 0
                return RetryLater(fault.seconds)
            if isinstance(fault, Unclear):
                log.warning("Job %d got an unclear answer: %s", request.job.id, fault.if_it_stays)
                request.failure_counts.unclear_answers += 1
                if (
                    not request.job.state.ended
                    or request.failure_counts.unclear_answers < UNCLEAR_TRIES
                ):
                    return RetryLater(None)
                fault = fault.if_it_stays
            if not isinstance(fault, TooLarge) or not budget.halve():
                return fault

    async def _file(
        self, request: ShowRequest, presentation: Presentation, limit_bytes: int
    ) -> Attached | RetryLater | StoreAway | None:
        job = request.job
        if presentation.picture is PictureSize.NONE:
            return None
        try:
            return await self._fitted(request.t, job, limit_bytes)
        except PictureMissingError:
            log.warning("A picture of job %d is gone", job.id)
            return None
        except ChildError as problem:
            log.error("The picture of job %d could not be made to fit: %s", job.id, problem)  # noqa: TRY400 - known
            request.failure_counts.unfit += 1
            return RetryLater(None) if request.failure_counts.unfit < TRIES_TO_FIT else None
        except StorageUnavailableError as error:
            log.warning("The picture of job %d cannot be read: %s", job.id, error)
            return RetryLater(None) if job.state.ended else StoreAway()

    async def _fitted(self, t: Texts, job: Job, limit_bytes: int) -> Attached | None:
        """The preview of a running job, or the result of an ended one; None: there is none."""
        if job.state is JobState.RUNNING and job.preview_key is not None:
            data = await self._client.queue.store.get(job.preview_key)
            name = f"preview-{job.id}.{job.preview_key.rpartition('.')[2]}"
            return Attached(data, name) if len(data) <= limit_bytes else None
        if not job.state.ended:
            return None
        keys = job.versions or (job.result_key,)  # an undone cancellation may add versions
        known = (job.id, keys, limit_bytes, t.region or t.language)
        if known in self._encoded:
            return self._encoded[known]
        attached = await fitted_result(t, self._client, job, limit_bytes, is_result=True)
        if attached is not None and attached.note is not None:  # it had to be encoded
            self._encoded[known] = attached
        return attached


async def _send(
    request: ShowRequest, route: Route, presentation: Presentation, attached: Attached | None
) -> SentMessage | Rejected:
    files: list[discord.File] = []
    if attached and presentation.layout is Layout.WORDS:  # which neither hide nor describe
        said, hides = alt_texts(request.t, request.job, attached), request.job.reply.spoiler
        for each, words in zip(attached.all, said, strict=True):
            files.append(Upload(each.data, each.filename, spoiler=hides, description=words))
    elif attached:
        files += [Upload(each.data, each.filename) for each in attached.all]
    try:
        fields = fields_of(request, presentation, attached)
    except Exception as error:
        log.exception("Job %d cannot be put as %s", request.job.id, presentation)
        return Rejected(f"{type(error).__name__}: {error}")
    return await route.send(fields, files)


def _with_apology(request: ShowRequest, attached: Attached | None) -> Attached | None:
    if attached is None or request.job.reply.channel_id is None:
        return attached
    apology = request.t("It could no longer be shown where you asked for it, so here it is.")
    note = f"{attached.note}\n-# {apology}" if attached.note else apology
    return replace(attached, note=note)


def _reason(fault: Fault) -> str:
    match fault:
        case Rejected(reason):
            return reason
        case TooLarge():
            return "the picture is too large for Discord"
        case _:
            return "the bot may write neither there nor to the user"
