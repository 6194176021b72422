"""Telling Discord that an interaction was understood, also where its own answer gets lost."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

import discord

from bot.kit import Interaction
from bot.wire.faults import ALREADY_ACKNOWLEDGED, UNKNOWN_INTERACTION, TryLater, fault_of
from bot.wire.original_response import find_answer
from jobs.outcomes import QueueUnavailableError

log = logging.getLogger(__name__)

READING_SECONDS = 1.0  # of the three that there are for the acknowledgement
TRY_SECONDS = 2.5  # of the three that Discord gives
PAUSE_SECONDS = 0.1
T = TypeVar("T")
ACKNOWLEDGED = "acknowledged"
"""Set in an interaction's extras where Discord acknowledged it, unheard by discord.py."""
SEEN_BY_ALL = "seen_by_all"
"""Set in an interaction's extras where everybody sees that its answer is awaited."""
ANSWER_FOLLOWS = "answer_follows"
"""Set in an interaction's extras while its answer is deferred beyond the end of the command.

The first follow-up to such an interaction would become its answer."""


def is_acknowledged(interaction: discord.Interaction[Any]) -> bool:
    """Whether Discord waits no more for a first answer."""
    return interaction.response.is_done() or ACKNOWLEDGED in interaction.extras


async def acknowledge(
    interaction: Interaction,
    *,
    thinking: bool = False,
    ephemeral: bool = False,
    began: float | None = None,
) -> int | None:
    """Defer the answer; what fails is looked after, and tried again while there is time.

    An error says little: the connection may have broken, or a server in between given up, after
    Discord had carried it out. Then the user sees "thinking…" and waits for what follows.

    Args:
        interaction: What to acknowledge.
        thinking: Whether a new message is to say that the answer comes.
        ephemeral: Whether only the user sees it.
        began: The loop's time at which the interaction arrived; None: now.

    Returns:
        The id of the message that is the answer; None where it is not known.

    Raises:
        Exception: as the last try did, if Discord knows of none.
    """
    loop, traffic = asyncio.get_running_loop(), interaction.client.traffic
    until = (loop.time() if began is None else began) + TRY_SECONDS
    # Whether who has acknowledged it must be another program: nothing of ours can have come there.
    is_untold, unheard = traffic.begins(interaction.id), traffic.unheard
    while True:
        try:
            response = await interaction.response.defer(thinking=thinking, ephemeral=ephemeral)
        except discord.InteractionResponded:
            raise
        except Exception as error:
            if isinstance(error, discord.HTTPException) and error.code == UNKNOWN_INTERACTION:
                raise
            if is_untold and traffic.unheard == unheard and _is_acknowledged_already(error):
                traffic.note_answered_by_others()
            is_untold = False
            log.info("Interaction %s: no acknowledgement yet (%s)", interaction.id, error)
            found = await find_answer(interaction.client, interaction.followup)
            if found != 0:
                interaction.extras[ACKNOWLEDGED] = True
                interaction.extras[SEEN_BY_ALL] = thinking and not ephemeral
                return found
            fault, pause = fault_of(error), PAUSE_SECONDS
            if isinstance(fault, TryLater) and fault.seconds is not None:
                pause = fault.seconds
            if loop.time() + pause > until:
                raise
            await asyncio.sleep(pause)
        else:
            interaction.extras[SEEN_BY_ALL] = thinking and not ephemeral
            return response.message_id if response else None


def _is_acknowledged_already(error: Exception) -> bool:
    return isinstance(error, discord.HTTPException) and error.code == ALREADY_ACKNOWLEDGED


async def read_in_time(interaction: Interaction, read: Coroutine[Any, Any, T]) -> T:
    """What is read, within the time that there is.

    Raises:
        QueueUnavailableError: if the database is too slow for what has to be acknowledged yet.
    """
    try:
        return await answer_within(None if is_acknowledged(interaction) else READING_SECONDS, read)
    except TimeoutError:
        sentence = f"The database did not answer within {READING_SECONDS:g} s."
        raise QueueUnavailableError(sentence) from None


async def answer_within(seconds: float | None, asked: Coroutine[Any, Any, T]) -> T:
    """What the database answers, if it does so in time; else it is left to end by itself.

    To end it would take longer than there is: its connection is closed in order, and on a line
    that is silent that takes two seconds.

    Raises:
        TimeoutError: it does not answer in time.
    """
    asking = asyncio.create_task(asked)
    await asyncio.wait({asking}, timeout=seconds)
    if not asking.done():
        # Take note of what comes too late.
        asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        raise TimeoutError
    return asking.result()
