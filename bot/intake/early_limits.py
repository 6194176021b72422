"""Checks the limits before a command is acknowledged, as long as that leaves enough time.

Only before the acknowledgement can a refusal be ephemeral. A check that takes too long is skipped:
`submit` checks the limits in any case.
"""

import asyncio
import logging

from bot.intake.moving import options_to_check
from bot.intake.request import PaintRequest
from bot.kit import Bot, Interaction, UserError
from bot.texts import texts_of
from bot.ui.refusals import refusal_words
from jobs.outcomes import Refusal

log = logging.getLogger(__name__)

LIMITS_SECONDS = 0.25  # of the 3 s within which Discord wants the acknowledgement
ASKED_AT_ONCE = 4  # leaves database connections for writing intakes


class EarlyLimitCheck:
    """Checks limits, a few requests at a time."""

    def __init__(self, client: Bot) -> None:
        self._client = client
        self._asking: set[asyncio.Task[Refusal | None]] = set()
        self._slots = asyncio.Semaphore(ASKED_AT_ONCE)

    async def check(self, interaction: Interaction, request: PaintRequest) -> None:
        """Refuse a request that exceeds a limit, if the database says so in time.

        Raises:
            UserError: The limit that refuses it.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + LIMITS_SECONDS
        try:
            async with asyncio.timeout_at(until):
                await self._slots.acquire()
        except TimeoutError:
            return
        asking = asyncio.create_task(
            self._client.queue.submissions.check_limits(
                request.asker, options_to_check(request), request.left_open
            )
        )
        self._asking.add(asking)
        asking.add_done_callback(self._asked)
        await asyncio.wait({asking}, timeout=until - loop.time())
        refusal = asking.result() if asking.done() and not asking.exception() else None
        if refusal is not None:
            guild = self._client.get_guild(request.asker.guild_id or 0)
            raise UserError(refusal_words(texts_of(interaction), refusal, guild))

    def _asked(self, asking: "asyncio.Task[Refusal | None]") -> None:
        self._asking.discard(asking)
        self._slots.release()
        if not asking.cancelled() and asking.exception() is not None:
            log.warning("The limits could not be asked: %s", asking.exception())
