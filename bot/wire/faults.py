"""What an error of Discord means for a delivery."""

from dataclasses import dataclass

import aiohttp
import discord

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
"""A reply points at a message, which the bot has to be allowed to read; a new one needs nothing."""

PASSING = {
    40003: 10.0,  # direct messages are opened too fast
    20016: None,  # the channel's slow mode
    20022: None,  # too many edits of an announcement
    20028: None,  # too much is written in this channel
    20029: None,  # too much is written in this server
    40004: 5.0,  # sending is switched off for a while
    40062: None,  # the service is limited
    40333: None,  # an internal network error, said with the status of a missing permission
    110001: 30.0,  # the application is not available yet
    130000: 10.0,  # Discord is overloaded
    OLD_MESSAGE_EDITS: 30.0,
}
"""Codes that pass, whatever status they come with, and after how many seconds to try again."""

BACKOFF = Backoff(first_seconds=1.5, longest_seconds=60.0)
"""Between tries of what Discord did not carry out."""


@dataclass(frozen=True)
class TryLater:
    """Discord or the way to it is troubled; the same again may work."""

    seconds: float | None = None  # as Discord asked; None: the usual back-off


@dataclass(frozen=True)
class TokenEnded:
    """The interaction's 15 minutes are over."""


@dataclass(frozen=True)
class MessageGone:
    """Somebody deleted the message, or its channel."""


@dataclass(frozen=True)
class NoAccess:
    """The bot may not do that there."""


@dataclass(frozen=True)
class TooLarge:
    """The files are larger than this place takes."""


@dataclass(frozen=True)
class Rejected:
    """Discord finds the request wrong; the same again will not work."""

    reason: str


FinalFault = TokenEnded | MessageGone | NoAccess | TooLarge | Rejected


@dataclass(frozen=True)
class Unclear:
    """An answer that is none of Discord's own, as servers in between give for a while."""

    if_it_stays: FinalFault
    """What to make of it where it is the same again and again."""


Fault = TryLater | Unclear | FinalFault


def fault_of(error: Exception) -> Fault:  # noqa: PLR0911 - a table of errors
    """Classify an error that a request to Discord raised."""
    match error:
        case discord.RateLimited():
            return TryLater(error.retry_after)
        case discord.HTTPException(status=429):
            return TryLater(_retry_after(error))
        case discord.HTTPException(code=code) if code in PASSING:
            return TryLater(PASSING[code])
        case discord.HTTPException() if error.status >= 500:
            return TryLater()
        case discord.HTTPException(code=0, status=401 | 403 | 404):
            return Unclear(_final(error, 0))  # Discord says which token, which message
        case discord.HTTPException(code=code):
            return _final(error, code)
        case aiohttp.ClientError() | OSError() | TimeoutError():
            return TryLater()
        case _:
            return Unclear(Rejected(f"{type(error).__name__}: {error}"))


def passes(error: BaseException) -> bool:
    """Whether Discord refuses only for the moment, whatever the status says."""
    return isinstance(error, discord.HTTPException) and error.code in PASSING


def _final(error: discord.HTTPException, code: int) -> FinalFault:
    if code in {INVALID_WEBHOOK_TOKEN, UNKNOWN_WEBHOOK} or error.status == 401:
        return TokenEnded()
    if code == REQUEST_TOO_LARGE or error.status == 413:
        return TooLarge()
    if code in {UNKNOWN_MESSAGE, UNKNOWN_CHANNEL} or error.status == 404:
        return MessageGone()
    if error.status == 403 or code == THREAD_ARCHIVED:
        return NoAccess()
    return Rejected(f"{error.status} {code}: {error.text}")


def _retry_after(error: discord.HTTPException) -> float | None:
    try:
        return float(error.response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
