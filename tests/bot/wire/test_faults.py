"""The fault that an error of Discord or of the connection stands for."""

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


def http_error(status: int, code: int = 0, retry_after: str | None = None) -> discord.HTTPException:
    """The exception for an answer; without a code it is one of a proxy."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    response: Any = SimpleNamespace(status=status, reason="", headers=headers)
    kind = {403: discord.Forbidden, 404: discord.NotFound}.get(status, discord.HTTPException)
    kind = discord.DiscordServerError if status >= 500 else kind
    return kind(response, {"code": code, "message": "said"} if code else "a page")


FAULTS: dict[str, tuple[Exception, Fault]] = {
    "rate limit": (http_error(429, retry_after="3.5"), TryLater(3.5)),
    "rate limit without Retry-After": (http_error(429), TryLater()),
    "rate limit with an invalid Retry-After": (http_error(429, retry_after="soon"), TryLater()),
    "long rate limit": (discord.RateLimited(70.0), TryLater(70.0)),
    "server error": (http_error(500), TryLater()),
    "bad gateway": (http_error(502), TryLater()),
    "DMs opened too fast": (http_error(400, 40003), TryLater(10.0)),
    "slow mode": (http_error(429, 20016), TryLater()),
    "announcement edit limit": (http_error(403, 20022), TryLater()),
    "channel write limit": (http_error(403, 20028), TryLater()),
    "server write limit": (http_error(403, 20029), TryLater()),
    "old message edit limit": (http_error(400, 30046), TryLater(30.0)),
    "sending temporarily disabled": (http_error(403, 40004), TryLater(5.0)),
    "internal network error": (http_error(403, 40333), TryLater()),
    "service overloaded": (http_error(503, 130000), TryLater(10.0)),
    "invalid webhook token": (http_error(401, 50027), TokenEnded()),
    "invalid webhook token, status 400": (http_error(400, 50027), TokenEnded()),
    "unknown webhook": (http_error(404, 10015), TokenEnded()),
    "401 without code": (http_error(401), Unclear(TokenEnded())),
    "403 without code": (http_error(403), Unclear(NoAccess())),
    "404 without code": (http_error(404), Unclear(MessageGone())),
    "request entity too large": (http_error(400, 40005), TooLarge()),
    "413 of a proxy": (http_error(413), TooLarge()),
    "unknown message": (http_error(404, 10008), MessageGone()),
    "unknown channel": (http_error(404, 10003), MessageGone()),
    "missing access": (http_error(403, 50001), NoAccess()),
    "archived thread": (http_error(400, 50083), ThreadArchived()),
    "invalid form body": (http_error(400, 50035), Rejected("400 50035: said")),
    "connection broken": (aiohttp.ServerDisconnectedError(), TryLater()),
    "no route": (OSError("no route"), TryLater()),
    "timeout": (TimeoutError(), TryLater()),
    "unexpected error": (
        ValueError("odd"),
        Unclear(Rejected("ValueError: odd")),
    ),
}


@pytest.mark.parametrize(("error", "fault"), FAULTS.values(), ids=FAULTS)
def test_each_error_maps_to_its_fault(error: Exception, fault: Fault) -> None:
    assert fault_of(error) == fault
