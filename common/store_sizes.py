"""How large the files of a store are, for those who count many of them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable

SIZES_AT_ONCE = 8
"""Half of the store's threads, of all callers together: who asks for pictures is not to wait for
who counts them."""
_REMEMBERED = 20_000


class Sizes:
    """Sizes by key, which is of the bytes: asked once, or not at all of what was put here."""

    def __init__(self, ask: Callable[[str], Awaitable[int]], *, remembers: bool) -> None:
        self._ask, self._remembers = ask, remembers
        self._known: dict[str, int] = {}
        self._counting = asyncio.Semaphore(SIZES_AT_ONCE)

    def note(self, key: str, size_bytes: int) -> None:
        """Remember a size."""
        if self._remembers and size_bytes:  # what is not there may come
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = size_bytes

    def known(self, keys: Iterable[str]) -> dict[str, int]:
        """Those of these keys that are remembered."""
        return {key: self._known[key] for key in keys if key in self._known}

    async def of(self, keys: Collection[str]) -> dict[str, int]:
        """How large each of these is."""
        asked = list(dict.fromkeys(keys))
        sizes: dict[str, int] = {}
        for first in range(0, len(asked), SIZES_AT_ONCE):
            some = asked[first : first + SIZES_AT_ONCE]
            found = await asyncio.gather(*(self._of(key) for key in some))
            sizes |= zip(some, found, strict=True)
        return sizes

    async def _of(self, key: str) -> int:
        # Remembered one by one: when a later one fails, the next try has fewer to ask for.
        if key not in self._known:
            async with self._counting:  # to wait here is not the store's delay
                if key not in self._known:
                    size = await self._ask(key)
                    self.note(key, size)
                    return size
        return self._known[key]
