"""Decoding processes shared by tests, as starting them is slow."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from common.pictures import ClipLimits, Decoded, DecodeLimits, DecoderPool, NormalizedPicture

T = TypeVar("T")


class SharedDecoders:
    """Real decoder pools, one per set of limits, on an event loop shared by tests."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._pools: dict[DecodeLimits, DecoderPool] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def pool(self, limits: DecodeLimits, *, processes: int = 2) -> "SharedPool":
        """The pool for these limits; closing it has no effect."""
        if limits not in self._pools:
            self._pools[limits] = self._submit(self._create_pool(limits, processes)).result()
        return SharedPool(self, self._pools[limits])

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the shared loop."""
        return await asyncio.wrap_future(self._submit(work))

    def close(self) -> None:
        """End the processes and the loop."""
        for pool in self._pools.values():
            self._submit(pool.close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _create_pool(self, limits: DecodeLimits, processes: int) -> DecoderPool:
        return DecoderPool(limits, processes=processes)


class SharedPool:
    """A `DecoderPool` whose processes keep running after `close`."""

    def __init__(self, shared: SharedDecoders, pool: DecoderPool) -> None:
        self._shared, self._pool = shared, pool

    async def normalize(self, data: bytes) -> NormalizedPicture:
        return await self._shared.run(self._pool.normalize(data))

    async def decode(self, data: bytes, clip_limits: ClipLimits | None = None) -> Decoded:
        return await self._shared.run(self._pool.decode(data, clip_limits))

    async def close(self) -> None:
        """Do nothing, as the next test uses the processes."""


@contextlib.contextmanager
def shared_decoders() -> Iterator[None]:
    """Let all bots of this process share decoders."""
    shared = SharedDecoders()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.intake.pictures.DecoderPool", shared.pool)
        patch.setattr("bot.commands.thumbnails.DecoderPool", shared.pool)
        yield
    shared.close()
