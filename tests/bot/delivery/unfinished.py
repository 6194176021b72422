"""Jobs of several versions that end with some of them."""

from typing import Any

from jobs.model import Job
from sandbox.model import Interaction, Message
from tests.kit.world import World

ADMIN = 9


async def submit_versions(
    world: World, options: dict[str, Any] | None = None, **details: Any
) -> tuple[Interaction, Job]:
    """Submit a job of four versions, and wait until its card is shown."""
    interaction = await world.paint({"variants": 4, "seed": 3, **(options or {})}, **details)
    await world.wait_for_text(interaction, "Place 1")
    return interaction, (await world.jobs())[0]


async def cancel_after(world: World, job: Job, count: int = 2, by_admin: int | None = None) -> Job:
    """Cancel a job when a number of its pictures are finished."""
    claim = await world.manual_engine.finish_some(job, count)
    by_user_id = job.user_id if by_admin is None else by_admin
    await world.queue.jobs.cancel(job.id, by_user_id, by_admin=by_admin is not None)
    await world.queue.claims.cancelled(claim)
    return await world.reload(job)


async def stored_pictures(world: World, job: Job) -> list[bytes]:
    return [await world.queue.store.get(key) for key in (await world.reload(job)).versions]


async def assert_shows_finished(world: World, message: Message, job: Job) -> None:
    """Check that a message shows exactly the finished pictures of a job, unchanged."""
    assert [each.data for each in message.attachments] == await stored_pictures(world, job)
