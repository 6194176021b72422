"""Checks for free space before a member's pictures are downloaded."""

import asyncio
from functools import partial

from cachetools import TTLCache

from bot.kit import UserError
from bot.texts import _
from common.disk_space import least_space
from common.settings import MIB, Settings
from common.store.backends import folder_of
from jobs.queue import JobQueue

KNOWN_SECONDS = 60.0
"""How long the size of a member's stored pictures is cached."""
REMEMBERED = 1000

DISK_FULL = _(
    "There is hardly any room left on my disk, so I cannot accept pictures at the moment; "
    "please try again later. The operator of this bot can see this."
)
MEMBER_FULL = _(
    "Your pictures take up {used} MiB here, and the limit is {limit} MiB; please delete some "
    "(/history shows them), or wait until old ones are deleted."
)


class StorageQuota:
    """The disk's reserve, and each member's quota in the store, be it a folder or a bucket."""

    def __init__(self, settings: Settings, queue: JobQueue) -> None:
        self._settings = settings
        self._queue = queue
        self._folder = folder_of(settings.storage_url)
        self._used: TTLCache[int, int] = TTLCache(REMEMBERED, KNOWN_SECONDS)
        self._counting: dict[int, asyncio.Task[int]] = {}

    async def check(self, member: int, size_bytes: int) -> None:
        """Check that a file of this size fits.

        Raises:
            UserError: It does not.
        """
        is_here = self._folder is not None
        space = await asyncio.to_thread(least_space, self._settings) if is_here else None
        reserve_bytes = self._settings.disk_reserve_bytes
        if space is not None and space.free_bytes - size_bytes < reserve_bytes:
            raise UserError(DISK_FULL)
        limit = self._settings.atelier_max_member_mib
        used = await self._used_by(member)
        if used + size_bytes > limit * MIB:
            raise UserError(MEMBER_FULL, used=used // MIB, limit=limit)

    async def _used_by(self, member: int) -> int:
        if (known := self._used.get(member)) is not None:
            return known
        counting = self._counting.get(member)
        if counting is None:  # one query for all requests that a member sends at the same time
            counting = asyncio.create_task(self._queue.retention.bytes_of(member))
            self._counting[member] = counting
            counting.add_done_callback(partial(self._counted, member))
        used = self._used[member] = await asyncio.shield(counting)
        return used

    def _counted(self, member: int, counting: "asyncio.Task[int]") -> None:
        del self._counting[member]
        if not counting.cancelled():
            counting.exception()  # retrieve it; whoever still waited got it too
