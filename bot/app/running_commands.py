"""The commands in progress, which a shutdown lets end."""

import asyncio
from typing import Any

from bot.kit import Interaction, UserError
from bot.texts import _
from bot.wire.acknowledging import RESPONSE_DEFERRED
from bot.wire.errors import report

FINISH_SECONDS = 3.0
TELL_SECONDS = 2.0
RESTARTING = _("I am about to restart; please try again in a minute.")


class RunningCommands:
    """The tasks that carry out commands, buttons and forms.

    The queue's own work is not among them: the next start continues it.
    """

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[Any], Interaction] = {}

    def add(self, interaction: Interaction) -> None:
        """Note that the current task carries out what this interaction asks for."""
        task = asyncio.current_task()
        assert task is not None
        self._running[task] = interaction
        task.add_done_callback(lambda ended: self._running.pop(ended, None))

    async def finish(self) -> None:
        """Let all finish; the users of those that take longer are told to try again.

        Otherwise they would see "thinking…" until Discord gives up, after 15 minutes.
        """
        if self._running:
            await asyncio.wait(set(self._running), timeout=FINISH_SECONDS)
        late = [each for each in self._running.values() if RESPONSE_DEFERRED not in each.extras]
        telling = [asyncio.create_task(report(each, UserError(RESTARTING))) for each in late]
        if telling:
            await asyncio.wait(telling, timeout=TELL_SECONDS)
