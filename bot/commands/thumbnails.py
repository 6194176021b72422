"""Small versions of stored pictures, for galleries; made where a bad file does no harm."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import discord

from bot.kit import Bot, Feature, Service
from bot.wire.uploads import Upload
from common.pictures import DecodeLimits, DecoderPool, DecoderUnavailableError, PictureError
from common.store import PictureMissingError

THUMBNAIL_PX = 480
# Ours, and of any size that can be painted: what strangers sent was checked when it came in.
LIMITS = DecodeLimits(
    max_bytes=500 * 1024 * 1024,
    max_pixels=100_000_000,
    max_side_px=THUMBNAIL_PX,
    min_side_px=1,
    max_aspect=float("inf"),
)


class Thumbnails(Service):
    """Makes small pictures in one child process, which starts at the first."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._decoder = DecoderPool(LIMITS, processes=1)
        self._one_at_a_time = asyncio.Lock()  # so that large pictures do not add up in memory

    async def stop(self) -> None:
        """End the child process."""
        await self._decoder.close()

    async def small(self, key: str) -> bytes | None:
        """A stored picture as a small PNG, or None where it is gone or cannot be read."""
        async with self._one_at_a_time:
            try:
                return (await self._decoder.normalize(await self._client.queue.store.get(key))).png
            except (PictureMissingError, PictureError, DecoderUnavailableError):
                return None

    async def small_file(self, path: Path) -> bytes | None:
        """The same of a file, such as the scan of a painting."""
        async with self._one_at_a_time:
            try:
                data = await asyncio.to_thread(path.read_bytes)
                return (await self._decoder.normalize(data)).png
            except (OSError, PictureError, DecoderUnavailableError):
                return None

    async def files(self, pictures: Iterable[tuple[str, str]]) -> dict[str, discord.File]:
        """Small files to attach, by name; of (name, key) those whose pictures are still there."""
        found: dict[str, discord.File] = {}
        for name, key in pictures:
            png = await self.small(key)
            if png is not None:
                found[name] = Upload(png, f"{name}.png")
        return found


FEATURE = Feature(services=(Thumbnails,))
