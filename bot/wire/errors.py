"""What users are told about an error: one sentence, with an ID that is in the log too."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
from discord import app_commands
from pydantic import ValidationError

from bot.kit import UserError
from bot.texts import Texts, _, texts_of
from bot.wire.acknowledging import DEFERRED_PUBLICLY, is_acknowledged, respond
from bot.wire.faults import (
    ALREADY_ACKNOWLEDGED,
    THREAD_ARCHIVED,
    UNKNOWN_INTERACTION,
    is_transient,
)
from bot.wire.original_response import FILL_TRIES, replace_by_ephemeral, with_retries
from common.pictures import PictureError
from common.sentences import Sentence
from common.store import PictureMissingError, StorageUnavailableError
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Explanation:
    """What to tell the user about an error."""

    sentence: Sentence
    expected: bool = True  # the user's own mistake: needs no ID and no line in the log


_MOMENT = _("Discord did not answer as it should; please try again in a minute.")
_ARCHIVED = _(
    "That thread is archived; write something in it to open it again, and try once more. If it is "
    "locked, only a moderator can open it."
)
_CHANGED = _(
    "This command has changed; please reload Discord (Ctrl+R; on a phone, close and reopen it) and "
    "try again."
)
_UNUSABLE = _("One of the values cannot be used; please choose again.")
# In both tables the first match wins, so a subclass stands before its parents.
_EXPECTED: Mapping[type[BaseException], str] = {
    app_commands.TransformerError: _UNUSABLE,
    app_commands.NoPrivateMessage: _("This command works only in a server."),
    app_commands.MissingPermissions: _("This needs the permission to manage the server."),
    app_commands.CommandNotFound: _CHANGED,
    app_commands.CommandSignatureMismatch: _CHANGED,
    app_commands.CommandOnCooldown: _(
        "That was a little fast; please wait a moment and try again."
    ),
    app_commands.CheckFailure: _("You may not use this command here."),
}
_UNEXPECTED: Mapping[type[BaseException], str] = {
    PictureMissingError: _(
        "The pictures of this painting are no longer kept; please use /paint with new ones."
    ),
    StorageUnavailableError: _(
        "Pictures cannot be read or stored at the moment; please try again in a few minutes."
    ),
    QueueError: _("The queue cannot be reached at the moment; please try again in a minute."),
    discord.Forbidden: _(
        "Discord does not let me do that here; please ask an admin to check my permissions."
    ),
    discord.DiscordServerError: _MOMENT,
    aiohttp.ClientError: _MOMENT,
    discord.RateLimited: _("Discord asks me to slow down; please try again in a minute."),
    ValidationError: _UNUSABLE,
    BaseException: _("Something went wrong on my side; please try again."),
}
_TRANSIENT_FAILURES = (
    StorageUnavailableError,
    QueueError,
    discord.DiscordServerError,
    discord.RateLimited,
    aiohttp.ClientError,
)
"""Transient failures outside the bot."""


def explain(error: BaseException) -> Explanation:
    """Map an error to what its user reads; the only place that does."""
    error = _unwrapped(error)
    if isinstance(error, UserError | PictureError):
        return Explanation(error.sentence)
    if is_transient(error):
        return Explanation(Sentence(_MOMENT), expected=False)
    if isinstance(error, discord.HTTPException) and error.code == THREAD_ARCHIVED:
        return Explanation(Sentence(_ARCHIVED))
    for kind, sentence in _EXPECTED.items():
        if isinstance(error, kind):
            return Explanation(Sentence(sentence))
    sentence = next(sentence for kind, sentence in _UNEXPECTED.items() if isinstance(error, kind))
    return Explanation(Sentence(sentence), expected=False)


def sentence_for(error: BaseException, t: Texts, what: str) -> str:
    """What to tell the user; an unexpected error is logged, under the ID in the sentence."""
    explanation = explain(error)
    sentence = t.say(explanation.sentence)
    if explanation.expected:
        return sentence
    error_id, cause = secrets.token_hex(4), _unwrapped(error)
    if is_outage(cause):  # one line, without a traceback
        log.warning("[%s] %s: %s: %s", error_id, what, type(cause).__name__, cause)
    else:
        log.error("[%s] %s", error_id, what, exc_info=error)
    return t("{sentence} (error {error_id})", sentence=sentence, error_id=error_id)


def is_outage(error: BaseException) -> bool:
    """Whether an error is of a transient failure outside the bot."""
    return is_transient(error) or isinstance(error, _TRANSIENT_FAILURES)


def _unwrapped(error: BaseException) -> BaseException:
    """The original exception inside one of discord.py's wrappers."""
    wraps = isinstance(error, app_commands.CommandInvokeError | app_commands.TransformerError)
    return error.__cause__ if wraps and error.__cause__ is not None else error


async def report(interaction: discord.Interaction[Any], error: BaseException) -> None:
    """Tell the user what went wrong, whatever the state of the interaction. Never raises."""
    if is_lost_interaction(error):
        log.info("Interaction %s was answered elsewhere or too late", interaction.id)
        return
    name = interaction.command.qualified_name if interaction.command else interaction.type.name
    sentence = sentence_for(error, texts_of(interaction), f"interaction {interaction.id} ({name})")
    try:
        await reply(interaction, sentence)
    except Exception as problem:  # noqa: BLE001 - there is no other way to tell them
        log.info("The user of interaction %s could not be told: %s", interaction.id, problem)


def is_lost_interaction(error: BaseException) -> bool:
    """Whether the interaction is gone: acknowledged twice, or after Discord's 3 seconds."""
    error = _unwrapped(error)
    if isinstance(error, discord.InteractionResponded):
        return False
    return isinstance(error, discord.HTTPException) and error.code in {
        ALREADY_ACKNOWLEDGED,
        UNKNOWN_INTERACTION,
    }


async def reply(interaction: discord.Interaction[Any], sentence: str) -> None:
    """Send an ephemeral sentence: as the response, or as a followup where there is one already.

    A public deferred response is removed: otherwise the followup would fill it, for all to see.
    """
    if interaction.extras.get(DEFERRED_PUBLICLY):
        await replace_by_ephemeral(interaction.followup, sentence)
    elif is_acknowledged(interaction):
        await with_retries(
            lambda: interaction.followup.send(sentence, ephemeral=True, wait=True), FILL_TRIES
        )
    else:
        await respond(
            interaction, lambda: interaction.response.send_message(sentence, ephemeral=True)
        )
