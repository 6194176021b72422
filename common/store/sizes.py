"""Sizes of a store's files, for callers that sum up many of them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable

SIZES_AT_ONCE = 8
"""Half of the store's threads, for all callers together, so that size queries do not delay reads of
pictures."""
_REMEMBERED = 20_000


class Sizes:
    """A cache of sizes by key. Keys are content hashes, so a size is asked for at most once."""

    def __init__(self, ask: Callable[[str], Awaitable[int]], *, remembers: bool) -> None:
        self._ask, self._remembers = ask, remembers
        self._known: dict[str, int] = {}
        self._counting = asyncio.Semaphore(SIZES_AT_ONCE)

    def note(self, key: str, size_bytes: int) -> None:
        """Remember a size."""
        if self._remembers and size_bytes:  # a missing file may appear later
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = size_bytes

    def known(self, keys: Iterable[str]) -> dict[str, int]:
        """The remembered sizes of these keys."""
        return {key: self._known[key] for key in keys if key in self._known}

    async def of(self, keys: Collection[str]) -> dict[str, int]:
        """The size of each of these keys."""
        asked = list(dict.fromkeys(keys))
        sizes: dict[str, int] = {}
        for first in range(0, len(asked), SIZES_AT_ONCE):
            some = asked[first : first + SIZES_AT_ONCE]
            found = await asyncio.gather(*(self._of(key) for key in some))
            sizes |= zip(some, found, strict=True)
        return sizes

    async def _of(self, key: str) -> int:
        # Remembered one by one, so that a retry after a failure has fewer to ask for.
        if key not in self._known:
            async with self._counting:  # waiting here does not count as the store's delay
                if key not in self._known:
                    size = await self._ask(key)
                    self.note(key, size)
                    return size
        return self._known[key]
