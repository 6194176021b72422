"""Jobs whose message is unknown."""

import pytest

from jobs.model import JobState
from tests.kit.world import World, has_result


@pytest.mark.parametrize("accepts_dms", [True, False])
async def test_picture_arrives_although_its_message_is_unknown(
    world: World, accepts_dms: bool
) -> None:
    """The bot stopped between acknowledgement and submission, until the token had expired."""
    await world.start_engine()
    world.discord.faults.add("GET", "*attachments/*", delay=20.0, times=2)
    interaction = await world.paint()
    await world.stop_bot()
    world.discord.faults.clear()
    world.shift_clock(20 * 60)
    world.user().accepts_dms = accepts_dms
    await world.start_bot()
    job = await world.wait_delivered()
    assert job.state is JobState.DONE
    assert not await world.bot.queue.deliveries.undelivered(job.user_id)
    seen = world.discord.dms(world.user()) if accepts_dms else world.discord.messages()
    (message,) = [each for each in seen if has_result(each)]
    assert message is not interaction.message
