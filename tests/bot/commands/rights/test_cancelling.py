"""Members who may delete a finished picture may cancel it before."""

from typing import Any

import pytest

from bot.commands.rights import TABLE, AskerRole, Origin, Right
from jobs.model import JobState
from tests.bot.commands.rights.origins import MEMBERS
from tests.kit.fake_engine import ENGINE_INFO
from tests.kit.world import World

JOB_DETAILS: dict[Origin, dict[str, Any]] = {
    Origin.PUBLIC: {},
    Origin.PRIVATE: {"ephemeral": True},
    Origin.USER_INSTALLED: {"bot_in_channel": False},
    Origin.DIRECT_MESSAGE: {"in_guild": False},
}


@pytest.mark.parametrize("origin", JOB_DETAILS)
async def test_cancel_requires_the_right_to_delete(world: World, origin: Origin) -> None:
    in_dm = origin is Origin.DIRECT_MESSAGE
    for role, name in MEMBERS.items():
        job, user = await world.make_job(world.user("ada"), **JOB_DETAILS[origin]), world.user(name)
        answer = await world.slash(user, "cancel", {"job": job.id}, channel="talk")
        is_of_this_server = role not in {AskerRole.ADMIN, AskerRole.MODERATOR} or not in_dm
        if is_of_this_server and role in TABLE[origin][Right.DELETE]:
            assert f"#{job.id} was cancelled." in answer.text, role
            assert await world.state(job) is JobState.CANCELLED
        else:
            assert f"You have no picture #{job.id}" in answer.text, role
            assert await world.state(job) is JobState.QUEUED


async def test_moderator_cancelling_a_running_job_is_logged(world: World) -> None:
    job, moderator = await world.make_job(world.user("ada")), world.user("grace")
    assert await world.queue.claims.claim(ENGINE_INFO.id)
    answer = await world.slash(moderator, "cancel", {"job": job.id}, channel="talk")
    assert f"#{job.id} is being stopped." in answer.text
    assert (await world.reload(job)).cancel_requested
    (entry,) = await world.queue.audit.read(world.guild_id)
    assert (entry.action, entry.user_id) == ("remove", moderator.id)
