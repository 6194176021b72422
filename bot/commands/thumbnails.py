"""Thumbnails of styles and paintings, made in a child process, where a bad file does no harm."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import discord
from cachetools import LRUCache

from bot.kit import Bot, Feature, Service
from bot.wire.uploads import Upload
from common.catalogue import Painting
from common.catalogue.catalogue import kept_scan, swatch_at_hand
from common.pictures import DecodeLimits, DecoderPool, DecoderUnavailableError, PictureError
from common.store import PictureMissingError

THUMBNAIL_PX = 480
CACHE_BYTES = 8 * 1024 * 1024
"""For thumbnails of the catalogue's scans, which are about 300 KiB each."""
# For our own pictures, of any size that can be painted; strangers' files were checked before.
LIMITS = DecodeLimits(
    max_bytes=500 * 1024 * 1024,
    max_pixels=100_000_000,
    max_side_px=THUMBNAIL_PX,
    min_side_px=1,
    max_aspect=float("inf"),
)


class Thumbnails(Service):
    """Makes thumbnails in one child process, which is started by the first."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._decoder = DecoderPool(LIMITS, processes=1)
        self._one_at_a_time = asyncio.Lock()  # so that large pictures do not add up in memory
        self._of_scans: LRUCache[tuple[Path, int, int], bytes] = LRUCache(CACHE_BYTES, len)

    async def stop(self) -> None:
        """Stop the child process."""
        await self._decoder.close()

    async def small(self, read: Callable[[], Awaitable[bytes]]) -> bytes | None:
        """A picture as a small PNG; None if it is missing or cannot be read."""
        async with self._one_at_a_time:
            try:
                return (await self._decoder.normalize(await read())).png
            except (PictureMissingError, OSError, PictureError, DecoderUnavailableError):
                return None

    async def of_scan(self, scan: Path) -> bytes | None:
        """A painting's scan as a small PNG, which every page of styles shows again.

        Members' pictures are not cached: they may be deleted at any moment.
        """
        key = await asyncio.to_thread(_content, scan)
        if key is None:
            return None
        png = self._of_scans.get(key)
        if png is None:
            png = await self.small(lambda: asyncio.to_thread(scan.read_bytes))
            if png is not None:
                self._of_scans[key] = png
        return png


async def thumbnail_of(client: Bot, pictured: Painting | str, name: str) -> discord.File | None:
    """The thumbnail of a style; None if there is none.

    For a painting: of its scan if that is on this machine, else of its swatch. For a key: of what
    is stored there.
    """
    thumbnails, styles_dir = client.service(Thumbnails), client.settings.styles_dir
    if isinstance(pictured, str):
        png = await thumbnails.small(lambda: client.queue.store.get(pictured))
        return None if png is None else Upload(png, f"{name}.png")
    if (scan := kept_scan(pictured, styles_dir)) is not None:
        png = await thumbnails.of_scan(scan)
        if png is not None:
            return Upload(png, f"{name}.png")
    swatch = swatch_at_hand(pictured, styles_dir)
    data = None if swatch is None else await asyncio.to_thread(_read, swatch)
    return None if swatch is None or data is None else Upload(data, f"{name}{swatch.suffix}")


def _content(path: Path) -> tuple[Path, int, int] | None:
    """What tells a file's content from an earlier one; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return path, found.st_mtime_ns, found.st_size


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


FEATURE = Feature(services=(Thumbnails,))
