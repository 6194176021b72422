"""Takes commands to the queue as jobs, and resumes after a restart."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from bot.intake.dependencies import Dependencies
from bot.intake.early_limits import EarlyLimitCheck
from bot.intake.fair_use import FairUse
from bot.intake.journal import CommandJournal, JournalEntry
from bot.intake.moving import check_versions, decided
from bot.intake.own_defaults import OwnDefaults
from bot.intake.pictures import PictureIntake
from bot.intake.processing import QuestionCards, RequestProcessor
from bot.intake.request import PaintRequest, RequestedStyle, asker_of, reply_as
from bot.intake.requested_styles import in_style
from bot.intake.unacknowledged import Unacknowledged
from bot.intake.unreadable import tell_unreadable
from bot.kit import Bot, Feature, Interaction, Service, UserError, cancel
from bot.texts import _, texts_for
from bot.wire.acknowledging import RESPONSE_DEFERRED, acknowledge, read_in_time
from bot.wire.errors import sentence_for
from bot.wire.original_response import (
    find_response_to,
    is_mine,
    send_ephemeral_followup,
)
from common.logs import add_log_ids, log_ids
from common.memory import give_free_memory_back
from jobs.model import Intake
from jobs.outcomes import QueueUnavailableError

log = logging.getLogger(__name__)
PHOTO_NOT_KEPT = _("I no longer have what you attached; please use /paint with it again.")

STOP_SECONDS = 3.0
COMMANDS_FOLDER = "commands"
WRITING_SECONDS = 0.7  # of the 3 s for the acknowledgement; after that, a file has to do


class IntakeService(Service):
    """Accepts paint requests. Each is stored before it is acknowledged, so that none is lost."""

    pictures: PictureIntake
    _fair_use: FairUse
    _journal: CommandJournal
    _processor: RequestProcessor

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._dependencies = Dependencies(client)
        self._tasks: set[asyncio.Task[None]] = set()
        self._beginning: set[asyncio.Task[None]] = set()
        self.questions = QuestionCards()
        self._stopping = False
        self._unacknowledged = Unacknowledged()
        self._early_limits = EarlyLimitCheck(client)

    async def start(self) -> None:
        """Start up, and resume the intakes of an earlier run."""
        queue = self._client.queue
        self._fair_use = self._client.service(FairUse)
        settings = self._client.settings
        self._journal = CommandJournal(queue, settings.atelier_data_dir / COMMANDS_FOLDER)
        await self._journal.recover()
        self.pictures = PictureIntake(settings, queue, self._fair_use)
        await self.pictures.open()
        self._processor = RequestProcessor(
            self._client,
            pictures=self.pictures,
            journal=self._journal,
            dependencies=self._dependencies,
            unacknowledged=self._unacknowledged,
            questions=self.questions,
        )
        for intake in await queue.intakes.pending():
            with log_ids(member=intake.user_id):
                self._spawn(self._resume(intake))

    async def stop(self) -> None:
        """Let requests that are nearly done finish; the next start resumes the others."""
        self._stopping = True
        if self._beginning:  # an acknowledged command must become a row
            await asyncio.wait(self._beginning, timeout=STOP_SECONDS)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
        await cancel(*self._tasks)
        await self._dependencies.stop()
        await self.pictures.close()

    async def forget(self, user_id: int) -> None:
        """Drop a user's commands that are not in the queue yet. Call this before an erasure."""
        await self._journal.forget(user_id)

    async def begin(self, interaction: Interaction, request: PaintRequest) -> None:
        """Store a command, acknowledge it and start on it. Returns as soon as it is durable.

        Raises:
            UserError: A limit refuses it.
        """
        began = asyncio.get_running_loop().time()
        self._fair_use.check(request.asker.user_id)
        # Also before it is handled: acknowledging it may take long.
        with self._fair_use.request(request.asker.user_id), self._unacknowledged.counted():
            await self._begin(interaction, request, began)

    async def _begin(self, interaction: Interaction, request: PaintRequest, began: float) -> None:
        own = await self._client.service(OwnDefaults).of(interaction)
        if own.always_spoiler:  # the admins' setting also holds for buttons and forms
            request = request.with_reply(spoiler=True)
        if request.lacks_style:
            request = request.as_question()
        check_versions(request.options)
        entry = self._journal.open(request)
        if request.version is None:  # making a version a job of its own costs nothing
            try:
                await self._early_limits.check(interaction, request)
            except UserError:
                self._spawn(entry.drop())
                raise
        accepting = asyncio.create_task(self._accept(interaction, entry, began))
        self._beginning.add(accepting)
        accepting.add_done_callback(self._beginning.discard)
        await accepting

    async def _accept(self, interaction: Interaction, entry: JournalEntry, began: float) -> None:
        """Acknowledge a command once it is durable, as a row or a file, and start on it."""
        request = entry.request
        try:
            waited = asyncio.get_running_loop().time() - began
            is_new = await entry.written(WRITING_SECONDS - waited)
            interaction.extras[RESPONSE_DEFERRED] = True  # even if not new: whoever has it responds
            if not is_new:
                self._spawn(entry.drop())
                return
            message_id = await acknowledge(
                interaction, ephemeral=request.reply.ephemeral, thinking=True, began=began
            )
        except Exception:
            self._spawn(entry.drop())
            raise
        if not self._stopping:
            self._spawn(self._handle(request, message_id, entry))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not self._tasks:
            give_free_memory_back()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error(
                "An intake ended with an error; the next start goes on with it", exc_info=error
            )

    async def _resume(self, intake: Intake) -> None:
        try:
            request = PaintRequest.model_validate(intake.payload)
        except ValidationError:
            log.warning("The intake %s is of another version", intake.interaction_id)
            if await tell_unreadable(self._client, intake.payload, intake.user_id):
                await self._journal.close(intake.interaction_id)
            return
        reply = request.reply
        add_log_ids(member=request.asker.user_id, server=request.asker.guild_id)
        if not is_mine(self._client, reply):
            return  # another application's bot resumes it
        async with self._dependencies.retrying.turn(request.asker.user_id):
            message_id = await find_response_to(self._client, reply)
        if message_id == 0:
            log.info("The intake %s was never acknowledged; dropped", intake.interaction_id)
            await self._journal.close(intake.interaction_id)
            return
        log.info("Going on with the intake %s", intake.interaction_id)
        await self._handle(request, message_id)

    async def _handle(
        self, request: PaintRequest, message_id: int | None, entry: JournalEntry | None = None
    ) -> None:
        """Handle a request, which counts against its member's quota meanwhile."""
        with self._fair_use.request(request.asker.user_id):
            await self._processor.process(request, message_id, entry)
        if request.asked:
            self._processor.answered.discard(request.reply.interaction_id)

    async def decide(self, interaction: Interaction, request_id: int, *, moving: bool) -> None:
        """Paint a request whose member was asked whether to paint its clip.

        Args:
            interaction: The press of a button in the response to the request.
            request_id: The interaction ID of the request.
            moving: Whether to paint the clip; else its first frame.

        Raises:
            UserError: The request is no longer stored, or a limit refuses it.
        """
        self._fair_use.check(interaction.user.id)
        request = await self._unfinished(interaction, request_id)
        chosen = decided(request, interaction, moving=moving)
        await self._early_limits.check(interaction, chosen)
        self._processor.answered.add(request_id)
        # Stored only later: until then the question stands and can be answered again.
        message_id = await acknowledge(interaction)
        interaction.extras[RESPONSE_DEFERRED] = True
        message_id = interaction.message.id if interaction.message else message_id
        if not self._stopping:
            self._spawn(self._paint_decided(chosen, message_id, request))

    async def _paint_decided(
        self, request: PaintRequest, message_id: int | None, undecided: PaintRequest
    ) -> None:
        """Store how a question was answered and paint it, unless it was answered before.

        If that fails, the question stands as before, and no later start answers it by itself.
        """
        try:
            is_open = await self._dependencies.when_available(
                request, lambda: self._processor.replace(request)
            )
        except QueueUnavailableError as error:
            sentence = sentence_for(error, texts_for(request.reply.locale), "a question's answer")
            await send_ephemeral_followup(
                self._client, request.asker.user_id, request.reply, sentence
            )
            return
        if is_open:
            await self._handle(request, message_id)
            with contextlib.suppress(QueueUnavailableError):
                # Has no effect once the job has closed the intake.
                await self._processor.replace(undecided)

    async def finish(
        self,
        interaction: Interaction,
        request_id: int,
        styles: tuple[RequestedStyle, ...],
        **changes: Any,
    ) -> None:
        """Paint a request that had no style, as a new command; see `begin`.

        Args:
            interaction: The one by which the style was chosen.
            request_id: The interaction ID of the request.
            styles: The chosen styles.
            changes: Options that come with the choice, by name.

        Raises:
            UserError: The request is no longer stored, or a limit refuses it.
        """
        request = await self._unfinished(interaction, request_id)
        reply = reply_as(interaction, replace(request.reply, ephemeral=request.ephemeral))
        await self.begin(
            interaction, in_style(request, styles, asker_of(interaction), reply, changes)
        )

    async def _unfinished(self, interaction: Interaction, request_id: int) -> PaintRequest:
        found = await read_in_time(interaction, self._client.queue.intakes.get(request_id))
        if found is None:
            raise UserError(PHOTO_NOT_KEPT)
        try:
            return PaintRequest.model_validate(found.payload)
        except ValidationError:
            raise UserError(PHOTO_NOT_KEPT) from None


FEATURE = Feature(services=(IntakeService,))
