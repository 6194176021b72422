"""From a stored request to a job, to a question for its member, or to the sentence why not."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from bot.delivery.undelivered import UndeliveredNotice
from bot.intake.dependencies import Dependencies
from bot.intake.journal import CommandJournal, JournalEntry
from bot.intake.moving import options_of
from bot.intake.pictures import PictureIntake
from bot.intake.request import PaintRequest
from bot.intake.stored import ERASED, NOT_KEPT, Undecided
from bot.intake.unacknowledged import Unacknowledged
from bot.kit import Bot, UserError
from bot.texts import _, texts_for
from bot.ui.components import Card
from bot.ui.refusals import refusal_words
from bot.wire.acknowledging import answer_within
from bot.wire.errors import sentence_for
from bot.wire.original_response import (
    answer_ephemerally,
    edit_response,
    send_ephemeral_followup,
)
from common.logs import add_log_ids
from jobs.model import Submission
from jobs.outcomes import (
    Accepted,
    AlreadySubmitted,
    QueueUnavailableError,
    Refused,
    SubmitOutcome,
)

NOTING_SECONDS = 1.0
"""How long a refusal waits to be noted before it is told."""
TOO_LATE_TO_ASK = _(
    "I was held up for so long that I can no longer ask you how to paint what you attached; please "
    "use /paint with it again."
)


@dataclass
class QuestionCards:
    """Build the cards with questions; set by the module that offers styles."""

    style: Callable[[PaintRequest], Awaitable[Card]] = field(init=False)
    """Asks for a style."""
    moving: Callable[[Undecided], Awaitable[Card]] = field(init=False)
    """Asks whether to paint a clip or its first frame."""


class RequestProcessor:
    """Stores the pictures of requests, and submits them or asks their members."""

    def __init__(
        self,
        client: Bot,
        *,
        pictures: PictureIntake,
        journal: CommandJournal,
        dependencies: Dependencies,
        unacknowledged: Unacknowledged,
        questions: QuestionCards,
    ) -> None:
        self._client = client
        self._pictures = pictures
        self._journal = journal
        self._dependencies = dependencies
        self._unacknowledged = unacknowledged
        self._questions = questions
        self.answered: set[int] = set()
        """Interaction IDs of requests whose question was answered in this run."""

    async def process(
        self, request: PaintRequest, message_id: int | None, entry: JournalEntry | None
    ) -> None:
        """Wait for its row, store its pictures and submit it; or tell its user why not."""
        asker, reply = request.asker, request.reply
        sentence = request.refusal or await self._begin(request, message_id, entry)
        if not sentence:
            return
        if request.asked:  # the question stays, so that it can be answered again
            await send_ephemeral_followup(self._client, asker.user_id, reply, sentence)
            return
        refused = request.model_copy(update={"refusal": sentence})
        with contextlib.suppress(QueueUnavailableError, TimeoutError):
            await answer_within(NOTING_SECONDS, self.replace(refused))
        await answer_ephemerally(self._client, asker.user_id, reply, sentence)
        if entry is not None:
            await entry.drop()
        await self._journal.close(reply.interaction_id)

    async def _begin(
        self, request: PaintRequest, message_id: int | None, entry: JournalEntry | None
    ) -> str:
        """Make a request a job or a question; returns why not, in its member's language, or ""."""
        asker, reply = request.asker, request.reply
        t = texts_for(reply.locale)
        when_available = self._dependencies.when_available
        is_new = entry is not None or (request.content is not None and request.content.key is None)
        try:
            if entry is not None and not await when_available(request, entry.settled):
                return ""  # whoever stored it first responds
            if request.lacks_style:
                # The intake stays open for a day and holds the pictures, so that the member can
                # choose a style and then another.
                kept = await when_available(request, lambda: self._pictures.store_pictures(request))
                page = await self._questions.style(kept)
                await self._ask(kept, page, message_id, is_new=is_new)
                return ""
            outcome = await when_available(
                request, lambda: self._submit(request, message_id), again=entry is None
            )
            if isinstance(outcome, Undecided):
                page = await self._questions.moving(outcome)
                await self._ask(outcome.request, page, message_id, is_new=is_new)
                return ""
        except Exception as error:  # noqa: BLE001 - errors become sentences here
            return sentence_for(error, t, f"intake {reply.interaction_id}")
        if isinstance(outcome, Accepted | AlreadySubmitted):
            add_log_ids(job=outcome.job.id)
            # The delivery loop finds the job and shows it.
            await self._client.service(UndeliveredNotice).tell_once_shown(outcome.job)
            return ""
        guild = self._client.get_guild(asker.guild_id or 0)
        return (
            refusal_words(t, outcome.refusal, guild) if isinstance(outcome, Refused) else t(ERASED)
        )

    async def _ask(
        self, kept: PaintRequest, page: Card, message_id: int | None, *, is_new: bool
    ) -> None:
        """Put a question into the response to a request whose pictures are stored.

        Args:
            kept: The request.
            page: The question.
            message_id: The response, if it is known.
            is_new: Whether it was never asked before, as far as is known.

        Raises:
            UserError: The response can no longer be edited, as after a long outage.
        """
        if kept.reply.interaction_id in self.answered:  # answered just before it was asked again
            return
        if not await self._dependencies.when_available(kept, lambda: self.replace(kept)):
            raise UserError(ERASED)
        is_put = await edit_response(
            self._client,
            replace(kept.reply, message_id=message_id),
            content=None,  # it may say that the command has to wait
            view=page,
            attachments=list(page.files),
        )
        if is_new and not is_put:
            raise UserError(TOO_LATE_TO_ASK)

    async def replace(self, request: PaintRequest) -> bool:
        """Replace the stored request. Returns whether its intake is still open."""
        return await self._client.queue.intakes.replace(
            request.reply.interaction_id, request.model_dump(mode="json")
        )

    async def _submit(
        self, request: PaintRequest, message_id: int | None
    ) -> SubmitOutcome | Undecided:
        taken = await self._pictures.gather_inputs(request)
        if isinstance(taken, Undecided):
            return taken
        if request.version is not None:
            return await self._take_version(request, message_id)
        options, said = options_of(request, taken)
        await self._unacknowledged.wait_for_others()
        notes = (*request.reply.notes, *taken.notes, *said)
        return await self._client.queue.submissions.submit(
            Submission(
                asker=request.asker,
                reply=replace(request.reply, message_id=message_id, notes=notes),
                inputs=taken.value,
                options=options,
                parent_job_id=request.parent_job_id,
                left_open=request.left_open,
            )
        )

    async def _take_version(self, request: PaintRequest, message_id: int | None) -> SubmitOutcome:
        """Make one version of the parent a job of its own."""
        queue = self._client.queue
        assert request.parent_job_id is not None
        assert request.version is not None
        parent = await queue.jobs.get(request.parent_job_id)
        if parent is None or request.version >= len(parent.versions):
            raise UserError(NOT_KEPT)
        if not await queue.store.exists(parent.versions[request.version]):
            raise UserError(NOT_KEPT)
        reply = replace(request.reply, message_id=message_id)
        taken = await queue.submissions.take_version(parent, request.version, request.asker, reply)
        if taken is None:
            raise UserError(NOT_KEPT)
        return AlreadySubmitted(taken)
