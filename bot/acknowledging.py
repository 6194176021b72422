"""Telling Discord that an interaction was understood, also where its own answer gets lost."""

import asyncio
import logging
from typing import TYPE_CHECKING

import discord

from bot.delivery.faults import TryLater, fault_of
from bot.delivery.originals import Originals
from bot.errors import ACKNOWLEDGED, UNKNOWN_INTERACTION

if TYPE_CHECKING:
    from bot.client import AtelierClient

log = logging.getLogger(__name__)

TRY_SECONDS = 2.5  # of the three that Discord gives
PAUSE_SECONDS = 0.1


async def acknowledge(
    interaction: discord.Interaction["AtelierClient"],
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
    loop = asyncio.get_running_loop()
    until = (loop.time() if began is None else began) + TRY_SECONDS
    while True:
        try:
            response = await interaction.response.defer(thinking=thinking, ephemeral=ephemeral)
        except discord.InteractionResponded:
            raise
        except Exception as error:
            if isinstance(error, discord.HTTPException) and error.code == UNKNOWN_INTERACTION:
                raise
            log.info("Interaction %s: no acknowledgement yet (%s)", interaction.id, error)
            found = await Originals(interaction.client).find(
                interaction.application_id, interaction.token, interaction.expires_at
            )
            if found != 0:
                interaction.extras[ACKNOWLEDGED] = True
                return found
            pause = _pause_seconds(error)
            if loop.time() + pause > until:
                raise
            await asyncio.sleep(pause)
        else:
            return response.message_id if response else None


def _pause_seconds(error: Exception) -> float:
    match fault_of(error):
        case TryLater(float() as seconds):
            return seconds
        case _:
            return PAUSE_SECONDS
