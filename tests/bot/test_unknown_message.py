"""Jobs of which nobody knows the message."""

import pytest

from jobs.model import JobState
from tests.bot.studio import Studio, has_result


async def is_delivered(studio: Studio) -> bool:
    jobs = await studio.jobs()
    return bool(jobs) and jobs[0].delivered_at is not None


@pytest.mark.parametrize("accepts_dms", [True, False])
async def test_a_picture_comes_although_nobody_knows_its_message(
    studio: Studio, accepts_dms: bool
) -> None:
    """The bot ended between acknowledgement and job, and for longer than the token lives."""
    await studio.start_painter()
    studio.discord.faults.add("GET", "*attachments/*", delay=20.0, times=2)
    interaction = await studio.paint()
    await studio.stop_bot()
    studio.discord.faults.clear()
    studio.shift_clock(20 * 60)
    studio.user().accepts_dms = accepts_dms
    await studio.start_bot()
    await studio.eventually(lambda: is_delivered(studio))
    (job,) = await studio.jobs()
    assert job.state is JobState.DONE
    assert not await studio.bot.queue.deliveries.undelivered(job.user_id)
    seen = studio.discord.dms(studio.user()) if accepts_dms else studio.discord.messages()
    (message,) = [each for each in seen if has_result(each)]
    assert message is not interaction.message
