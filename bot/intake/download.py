"""Downloading attachments, with limits on bytes, time and retries."""

import asyncio
from typing import Self

import aiohttp

from bot.kit import UserError
from bot.texts import _
from common.backoff import Backoff
from common.settings import MIB

TRIES = 3
BACKOFF = Backoff(first_seconds=0.3, longest_seconds=1.0)
TIMEOUT_SECONDS = 20.0
CHUNK_BYTES = 64 * 1024

TOO_LARGE = _(
    "That file is {size:.1f} MiB, and at most {limit} MiB are accepted; please attach a "
    "smaller version."
)
GONE = _("That file can no longer be downloaded from Discord; please attach it again.")
UNREACHABLE = _("Discord did not deliver that file in time; please try again in a minute.")


class UnreachableError(UserError):
    """Discord does not deliver the file; not the user's mistake."""


class Downloader:
    """Downloads files and aborts as soon as one exceeds `max_bytes`."""

    def __init__(self, max_bytes: int, *, proxy: str | None) -> None:
        self._max_bytes = max_bytes
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, sock_connect=5.0),
            auto_decompress=False,  # a small compressed response could expand without limit
            proxy=self._proxy,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def fetch(self, url: str, declared_bytes: int | None = None) -> bytes:
        """Download a file.

        Args:
            url: Its URL at Discord's CDN.
            declared_bytes: Its size as Discord declares it, if it does.

        Raises:
            UserError: It is too large, or no longer there.
            UnreachableError: It could not be downloaded, after retries.
        """
        if declared_bytes is not None:
            self._check(declared_bytes)
        for failures in range(TRIES):
            try:
                return await self._fetch_once(url)
            except (aiohttp.ClientError, TimeoutError, OSError):
                if failures == TRIES - 1:
                    raise UnreachableError(UNREACHABLE) from None
                await asyncio.sleep(BACKOFF.seconds(failures))
        raise AssertionError("unreachable")

    async def _fetch_once(self, url: str) -> bytes:
        assert self._session is not None
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status >= 500 or response.status == 429:
                response.raise_for_status()
            if response.status != 200:
                raise UserError(GONE)
            if response.content_length is not None:
                self._check(response.content_length)
            data = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                data += chunk
                self._check(len(data))
            return bytes(data)

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            raise UserError(TOO_LARGE, size=size_bytes / MIB, limit=self._max_bytes // MIB)
