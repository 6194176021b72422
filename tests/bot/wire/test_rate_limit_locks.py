"""A cancelled wait for a rate limit does not block later requests."""

import asyncio

import pytest
from discord.webhook import async_

from tests.kit.world import World


async def test_cancelled_rate_limit_wait_releases_the_lock(world: World) -> None:
    """As a button cancels a slow fetch of a message."""
    user = world.user()
    world.discord.faults.add("GET", "/users/*", status=429, retry_after=9.0, global_limit=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await world.bot.fetch_user(user.id)
    async with asyncio.timeout(5):
        assert (await world.bot.fetch_user(user.id)).id == user.id
    # The same for an interaction's webhook, as an old preview is cancelled for the picture.
    lock = asyncio.Lock()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), async_.AsyncDeferredLock(lock) as turn:
            turn.delay_by(9.0)
    assert not lock.locked()
    async with async_.AsyncDeferredLock(lock) as turn:
        turn.delay_by(0.01)
    assert not lock.locked()
