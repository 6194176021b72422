"""Keeps a rate limit from blocking requests for longer than it should.

discord.py 2.7 waits a rate limit out within the request that hit it, holding a lock. If that
request is cancelled or times out, the lock is never released, and all other requests wait forever
(findings/discord-py-global-limit-given-up.sh). An interaction's requests wait for as long as
Discord asks, even if that is an hour; the others give up, as the client's `max_ratelimit_timeout`
says.
"""

import asyncio
from types import TracebackType
from typing import Any

import aiohttp
import discord.webhook.async_
from discord.http import HTTPClient, json_or_text
from discord.webhook.async_ import AsyncDeferredLock

from bot.traffic import TOO_MANY_REQUESTS

LONGEST_WAIT_SECONDS = 60.0
"""A longer rate limit is not waited out within a request; whoever asked decides when to retry."""


class _BucketLock(AsyncDeferredLock):
    """discord.py's lock of a webhook bucket, released on cancellation as well."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hold the lock for as long as Discord asked, and release it in any case."""
        try:
            await super().__aexit__(kind, error, traceback)
        except asyncio.CancelledError:
            self.lock.release()
            raise


async def _answer(response: aiohttp.ClientResponse) -> Any:
    """The response to an interaction's request.

    Raises:
        discord.RateLimited: It asks for a longer wait than the other requests accept.
    """
    data = await json_or_text(response)
    asked = data.get("retry_after", 0.0) if isinstance(data, dict) else 0.0
    if response.status == TOO_MANY_REQUESTS and asked > LONGEST_WAIT_SECONDS:
        raise discord.RateLimited(asked)
    return data


def bound_interaction_waits() -> None:
    """Let an interaction's requests give up at a long rate limit."""
    discord.webhook.async_.json_or_text = _answer  # type: ignore[attr-defined]  # no other way in


def release_locks_when_cancelled(http: HTTPClient) -> None:
    """Release discord.py's rate limit locks when the request that holds them is cancelled.

    A request that is then sent too early is answered with a 429 of its own, and waits.
    """
    discord.webhook.async_.AsyncDeferredLock = _BucketLock  # type: ignore[misc]  # no other way in
    ask = http.request

    async def request(*arguments: Any, **named: Any) -> Any:
        try:
            return await ask(*arguments, **named)
        except asyncio.CancelledError:
            http._global_over.set()  # noqa: SLF001 - no other way in
            raise

    http.request = request  # type: ignore[method-assign]  # likewise
