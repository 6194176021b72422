"""A wait for a rate limit does not block other requests, nor lasts forever."""

import asyncio

import discord
import pytest
from discord.webhook import async_

from bot.wire.original_response import ORIGINAL, webhook_of, with_retries
from tests.kit.world import TIMEOUT_SECONDS, World


async def test_cancelled_rate_limit_wait_releases_the_lock(world: World) -> None:
    """As a button cancels a slow fetch of a message."""
    user = world.user()
    world.discord.faults.add("GET", "/users/*", status=429, retry_after=50.0, global_limit=True)
    slow = asyncio.create_task(world.bot.fetch_user(user.id))
    await world.eventually(lambda: not world.bot.http._global_over.is_set())
    slow.cancel()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        assert (await world.bot.fetch_user(user.id)).id == user.id
    # The same for an interaction's webhook, as an old preview is cancelled for the picture.
    lock = asyncio.Lock()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), async_.AsyncDeferredLock(lock) as turn:
            turn.delay_by(50.0)
    assert not lock.locked()
    async with async_.AsyncDeferredLock(lock) as turn:
        turn.delay_by(0.01)
    assert not lock.locked()


async def test_rate_limit_of_an_hour_is_not_waited_out_for_an_interaction(world: World) -> None:
    await world.wait_for_text(await world.paint(), "Place 1")
    (job,) = await world.jobs()
    webhook = webhook_of(world.bot, job.reply)
    asked = world.discord.faults.add("GET", "/webhooks/*", status=429, retry_after=3600.0)
    with pytest.raises(discord.RateLimited):
        async with asyncio.timeout(5):
            await with_retries(lambda: webhook.fetch_message(ORIGINAL))
    assert len(asked.hits) == 1
