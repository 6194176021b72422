"""Keeps a cancelled request from blocking all others behind a rate limit.

discord.py 2.7 waits a rate limit out within the request that hit it, holding a lock. If that
request is cancelled or times out, the lock is never released, and all other requests wait forever
(findings/discord-py-global-limit-given-up.sh).
"""

import asyncio
from types import TracebackType
from typing import Any

import discord.webhook.async_
from discord.http import HTTPClient
from discord.webhook.async_ import AsyncDeferredLock


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
