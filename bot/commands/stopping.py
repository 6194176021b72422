"""Before a user's data is erased: end what is not finished, where its messages can still say so."""

import asyncio

from bot.kit import Bot
from jobs.model import JobState

LONGEST_SECONDS = 8.0
"""An engine stops within two seconds; Discord may be slow, and is not waited for any longer."""
LOOK_SECONDS = 0.2
JOBS_AT_ONCE = 500


async def stop_unfinished(client: Bot, user_id: int) -> None:
    """Cancel a user's jobs, and wait a moment until their messages show it.

    Erasing forgets where the messages are: they would show a place in the queue for ever.
    """
    queue = client.queue
    unfinished = (JobState.QUEUED, JobState.RUNNING)
    jobs = await queue.jobs.of_user(user_id, states=unfinished, limit=JOBS_AT_ONCE)
    for job in jobs:
        await queue.jobs.cancel(job.id, user_id)
    left = {job.id for job in jobs}
    give_up_at = asyncio.get_running_loop().time() + LONGEST_SECONDS
    while left and asyncio.get_running_loop().time() < give_up_at:
        await asyncio.sleep(LOOK_SECONDS)
        for job_id in list(left):
            now = await queue.jobs.get(job_id)
            if now is None or now.delivered_at is not None:
                left.discard(job_id)
