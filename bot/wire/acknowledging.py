"""Acknowledging an interaction within three seconds, also where Discord's answer gets lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import discord

from bot.kit import Interaction
from bot.wire.faults import ALREADY_ACKNOWLEDGED, UNKNOWN_INTERACTION, TryLater, fault_of
from bot.wire.original_response import RESPONSE_ID, find_response
from jobs.outcomes import QueueUnavailableError

log = logging.getLogger(__name__)

READING_SECONDS = 1.0  # of the 3 s within which Discord wants the acknowledgement
TRY_SECONDS = 2.5  # no retry after this; Discord ends the interaction after 3 s
PAUSE_SECONDS = 0.1
T = TypeVar("T")
ACKNOWLEDGED = "acknowledged"
"""Key in `interaction.extras`: Discord has acknowledged it, but discord.py never saw the
response."""
DEFERRED_PUBLICLY = "deferred_publicly"
"""Key in `interaction.extras`: it was deferred publicly, so everybody sees "thinking…"."""
RESPONSE_DEFERRED = "response_deferred"
"""Key in `interaction.extras`: the deferred response is filled only after the command has ended.

Until then the first followup to such an interaction would become its response.
"""


def is_acknowledged(interaction: discord.Interaction[Any]) -> bool:
    """Whether the interaction has had its initial response."""
    return interaction.response.is_done() or ACKNOWLEDGED in interaction.extras


async def acknowledge(
    interaction: Interaction,
    *,
    thinking: bool = False,
    ephemeral: bool = False,
    began: float | None = None,
) -> int | None:
    """Defer the response, with retries while time is left.

    After an error, ask Discord whether there is a response. The error alone proves little: the
    connection or a proxy may have failed after Discord had carried the request out. The user then
    sees "thinking…" and waits for the response.

    Args:
        interaction: What to acknowledge.
        thinking: Whether a new message shows "thinking…" until the response comes.
        ephemeral: Whether only the user sees it.
        began: The event loop's time at which the interaction arrived; None: now.

    Returns:
        The ID of the response's message; None where it is not known.

    Raises:
        Exception: of the last try, if Discord has not acknowledged the interaction.
    """
    loop, traffic = asyncio.get_running_loop(), interaction.client.traffic
    until = (loop.time() if began is None else began) + TRY_SECONDS
    # Tells "another program acknowledged it" from "our own lost request did".
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
            found = await find_response(interaction.followup)
            if found != 0:
                interaction.extras[ACKNOWLEDGED] = True
                interaction.extras[DEFERRED_PUBLICLY] = thinking and not ephemeral
                interaction.extras[RESPONSE_ID] = found
                return found
            fault, pause = fault_of(error), PAUSE_SECONDS
            if isinstance(fault, TryLater) and fault.seconds is not None:
                pause = fault.seconds
            if loop.time() + pause > until:
                raise
            await asyncio.sleep(pause)
        else:
            interaction.extras[DEFERRED_PUBLICLY] = thinking and not ephemeral
            message_id = response.message_id if response else None
            interaction.extras[RESPONSE_ID] = message_id
            return message_id


async def respond(interaction: Interaction, send: Callable[[], Awaitable[object]]) -> None:
    """Make an initial response that is no deferral, with retries while time is left.

    If Discord says that the interaction is acknowledged after a request was lost, that one was
    carried out.

    Args:
        interaction: What to respond to.
        send: Sends the response: a sentence or a form.

    Raises:
        Exception: of the last try.
    """
    loop, traffic = asyncio.get_running_loop(), interaction.client.traffic
    until, unheard = loop.time() + TRY_SECONDS, traffic.unheard
    while True:
        try:
            await send()
        except discord.InteractionResponded:
            raise
        except Exception as error:
            if interaction.response.is_done():  # only its confirmation cannot be read
                return
            if _is_acknowledged_already(error) and traffic.unheard > unheard:
                interaction.extras[ACKNOWLEDGED] = True
                return
            fault = fault_of(error)
            if not isinstance(fault, TryLater):
                raise
            pause = PAUSE_SECONDS if fault.seconds is None else fault.seconds
            if loop.time() + pause > until:
                raise
            log.info("Interaction %s: no response yet (%s)", interaction.id, error)
            await asyncio.sleep(pause)
        else:
            return


def _is_acknowledged_already(error: Exception) -> bool:
    return isinstance(error, discord.HTTPException) and error.code == ALREADY_ACKNOWLEDGED


async def read_in_time(interaction: Interaction, read: Awaitable[T]) -> T:
    """Await a database read; before the acknowledgement, for at most `READING_SECONDS`.

    Raises:
        QueueUnavailableError: The database was too slow for an interaction that is not
            acknowledged.
    """
    try:
        return await answer_within(None if is_acknowledged(interaction) else READING_SECONDS, read)
    except TimeoutError:
        sentence = f"The database did not answer within {READING_SECONDS:g} s."
        raise QueueUnavailableError(sentence) from None


async def answer_within(seconds: float | None, asked: Awaitable[T]) -> T:
    """The result of a database call if it comes in time; a late call is not cancelled.

    Cancelling would take longer than the time that is left: it closes the connection cleanly, which
    takes two seconds on a dead network link.

    Args:
        seconds: How long to wait; None: until it is there.
        asked: The call.

    Raises:
        TimeoutError: There was no result in time.
    """
    asking = asyncio.ensure_future(asked)
    await asyncio.wait({asking}, timeout=seconds)
    if not asking.done():
        # Retrieve a late exception, so that asyncio does not log it as never retrieved.
        asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        raise TimeoutError
    return asking.result()
