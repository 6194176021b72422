"""Classifies Discord's errors: retry, take another route to the user, or give up."""

from dataclasses import dataclass

import aiohttp
import discord

from bot.traffic import TOO_MANY_REQUESTS
from common.backoff import Backoff

UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
UNKNOWN_INTERACTION = 10062
CANNOT_SEND_TO_USER = 50007
INVALID_WEBHOOK_TOKEN = 50027
REQUEST_TOO_LARGE = 40005
OLD_MESSAGE_EDITS = 30046
ALREADY_ACKNOWLEDGED = 40060
NO_MUTUAL_SERVER = 50278
THREAD_ARCHIVED = 50083
MAY_NOT_REPLY = 160002
"""A reply refers to a message, which the bot must be allowed to read; a plain message needs
less."""

TRANSIENT_CODES = {
    40003: 10.0,  # too many direct messages opened
    20016: None,  # the channel's slowmode
    20022: None,  # too many edits of an announcement
    20028: None,  # the channel's write rate limit
    20029: None,  # the server's write rate limit
    40004: 5.0,  # sending is temporarily disabled
    40062: None,  # the service is rate limited
    40333: None,  # an internal network error, sent with the status of a missing permission
    110001: 30.0,  # the application is not available yet
    130000: 10.0,  # Discord is overloaded
    OLD_MESSAGE_EDITS: 30.0,
}
"""Codes of transient errors, whatever their HTTP status, with the seconds until the retry; None:
the usual backoff."""

BACKOFF = Backoff(first_seconds=1.5, longest_seconds=60.0)
"""Between retries of what Discord did not carry out."""


@dataclass(frozen=True)
class TryLater:
    """Discord or the connection to it has a transient problem; the same request may work later."""

    seconds: float | None = None  # as Discord asked; None: the usual backoff


@dataclass(frozen=True)
class TokenEnded:
    """The interaction token's 15 minutes are over."""


@dataclass(frozen=True)
class MessageGone:
    """The message or its channel was deleted."""


@dataclass(frozen=True)
class NoAccess:
    """The bot lacks the permission there."""


@dataclass(frozen=True)
class ThreadArchived(NoAccess):
    """The message is in an archived thread, which may be opened again."""


@dataclass(frozen=True)
class TooLarge:
    """The files exceed the upload limit there."""


@dataclass(frozen=True)
class Rejected:
    """Discord considers the request invalid; a retry would not help."""

    reason: str


FinalFault = TokenEnded | MessageGone | NoAccess | TooLarge | Rejected


@dataclass(frozen=True)
class Unclear:
    """An error without one of Discord's error codes, as proxies give them for a while."""

    if_it_stays: FinalFault
    """What it means if it persists."""


Fault = TryLater | Unclear | FinalFault


def fault_of(error: Exception) -> Fault:  # noqa: PLR0911 - a table of errors
    """Classify an error that a request to Discord raised."""
    match error:
        case discord.RateLimited():
            return TryLater(error.retry_after)
        case discord.HTTPException(status=status) if status == TOO_MANY_REQUESTS:
            return TryLater(_retry_after(error))
        case discord.HTTPException(code=code) if code in TRANSIENT_CODES:
            return TryLater(TRANSIENT_CODES[code])
        case discord.HTTPException() if error.status >= 500:
            return TryLater()
        case discord.HTTPException(code=0, status=401 | 403 | 404):
            return Unclear(_final(error, 0))  # Discord itself would name the reason by a code
        case discord.HTTPException(code=code):
            return _final(error, code)
        case aiohttp.ClientError() | OSError():
            return TryLater()
        case _:
            return Unclear(Rejected(f"{type(error).__name__}: {error}"))


def is_transient(error: BaseException) -> bool:
    """Whether an error is transient by its code, whatever its HTTP status, or a rate limit."""
    if not isinstance(error, discord.HTTPException):
        return False
    return error.code in TRANSIENT_CODES or error.status == TOO_MANY_REQUESTS


def _final(error: discord.HTTPException, code: int) -> FinalFault:
    if code in {INVALID_WEBHOOK_TOKEN, UNKNOWN_WEBHOOK} or error.status == 401:
        return TokenEnded()
    if code == REQUEST_TOO_LARGE or error.status == 413:
        return TooLarge()
    if code in {UNKNOWN_MESSAGE, UNKNOWN_CHANNEL} or error.status == 404:
        return MessageGone()
    if code == THREAD_ARCHIVED:
        return ThreadArchived()
    if error.status == 403:
        return NoAccess()
    return Rejected(f"{error.status} {code}: {error.text}")


def _retry_after(error: discord.HTTPException) -> float | None:
    try:
        return float(error.response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
