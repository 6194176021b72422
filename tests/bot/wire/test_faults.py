"""What an error of Discord, or of the way to it, means for a delivery."""

from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from bot.wire.faults import (
    Fault,
    MessageGone,
    NoAccess,
    Rejected,
    ThreadArchived,
    TokenEnded,
    TooLarge,
    TryLater,
    Unclear,
    fault_of,
)


def answered(status: int, code: int = 0, asked: str | None = None) -> discord.HTTPException:
    """The error of an answer; without a code it is none of Discord's own."""
    headers = {} if asked is None else {"Retry-After": asked}
    response: Any = SimpleNamespace(status=status, reason="", headers=headers)
    kind = {403: discord.Forbidden, 404: discord.NotFound}.get(status, discord.HTTPException)
    kind = discord.DiscordServerError if status >= 500 else kind
    return kind(response, {"code": code, "message": "said"} if code else "a page")


MEANINGS: dict[str, tuple[Exception, Fault]] = {
    "too many requests": (answered(429, asked="3.5"), TryLater(3.5)),
    "too many, nobody says for how long": (answered(429), TryLater()),
    "too many, for no number": (answered(429, asked="soon"), TryLater()),
    "a long rate limit": (discord.RateLimited(70.0), TryLater(70.0)),
    "Discord fails": (answered(500), TryLater()),
    "a server in between fails": (answered(502), TryLater()),
    "direct messages are opened too fast": (answered(400, 40003), TryLater(10.0)),
    "slow mode": (answered(429, 20016), TryLater()),
    "too many edits of an announcement": (answered(403, 20022), TryLater()),
    "too much is written in a channel": (answered(403, 20028), TryLater()),
    "too much is written in a server": (answered(403, 20029), TryLater()),
    "too many edits of an old message": (answered(400, 30046), TryLater(30.0)),
    "sending is switched off": (answered(403, 40004), TryLater(5.0)),
    "an internal network error": (answered(403, 40333), TryLater()),
    "Discord is overloaded": (answered(503, 130000), TryLater(10.0)),
    "a token that ended": (answered(401, 50027), TokenEnded()),
    "a token that ended, by another status": (answered(400, 50027), TokenEnded()),
    "a webhook that is unknown": (answered(404, 10015), TokenEnded()),
    "a 401 of nobody knows whom": (answered(401), Unclear(TokenEnded())),
    "a 403 of nobody knows whom": (answered(403), Unclear(NoAccess())),
    "a 404 of nobody knows whom": (answered(404), Unclear(MessageGone())),
    "a request that is too large": (answered(400, 40005), TooLarge()),
    "a body that a server in between does not take": (answered(413), TooLarge()),
    "a message that was deleted": (answered(404, 10008), MessageGone()),
    "a channel that was deleted": (answered(404, 10003), MessageGone()),
    "a channel that is closed to the bot": (answered(403, 50001), NoAccess()),
    "an archived thread": (answered(400, 50083), ThreadArchived()),
    "a request that is wrong": (answered(400, 50035), Rejected("400 50035: said")),
    "a connection that breaks": (aiohttp.ServerDisconnectedError(), TryLater()),
    "no way to it": (OSError("no route"), TryLater()),
    "no answer in time": (TimeoutError(), TryLater()),
    "an error that nobody foresaw": (
        ValueError("odd"),
        Unclear(Rejected("ValueError: odd")),
    ),
}


@pytest.mark.parametrize(("error", "fault"), MEANINGS.values(), ids=MEANINGS)
def test_each_error_maps_to_its_fault(error: Exception, fault: Fault) -> None:
    assert fault_of(error) == fault
