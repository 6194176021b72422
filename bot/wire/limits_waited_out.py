"""Discord's limits, waited out also where a request is given up that others wait for.

discord.py 2.7 waits a limit out within the request that met it, and lets the others go on when that
has waited. Where it is cancelled, or its time is up, they would wait for ever
(findings/discord-py-global-limit-given-up.sh).
"""

import asyncio
from types import TracebackType
from typing import Any

import discord.webhook.async_
from discord.http import HTTPClient
from discord.webhook.async_ import AsyncDeferredLock


class _Turn(AsyncDeferredLock):
    """Of the requests by one token, one after the other."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait as long as Discord asked before the next may go, and let it go in any case."""
        try:
            await super().__aexit__(kind, error, traceback)
        except asyncio.CancelledError:
            self.lock.release()
            raise


def let_others_go_on(http: HTTPClient) -> None:
    """Let requests go on where the one is given up that waits a limit out.

    Those that go on too early are told by Discord to wait themselves.
    """
    discord.webhook.async_.AsyncDeferredLock = _Turn  # type: ignore[misc]  # no other way in
    ask = http.request

    async def request(*arguments: Any, **named: Any) -> Any:
        try:
            return await ask(*arguments, **named)
        except asyncio.CancelledError:
            http._global_over.set()  # noqa: SLF001 - no other way in
            raise

    http.request = request  # type: ignore[method-assign]  # likewise
