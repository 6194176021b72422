"""The notice about undelivered pictures at the user's next command."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot.delivery.undelivered import UndeliveredNotice
from bot.texts import texts_for
from jobs.model import Job, JobState
from sandbox.compose import delete_message
from sandbox.model import Interaction, Message
from tests.kit.samples import delete_for_good
from tests.kit.world import World

NOTICE = "could not be delivered"


async def undelivered_jobs(world: World, *, count: int = 1) -> list[Job]:
    """Finish jobs whose messages were deleted, of a user with closed DMs."""
    painter = await world.start_engine()
    painter.may_finish.clear()
    world.user().accepts_dms = False
    for interaction in [await world.paint() for _ in range(count)]:
        message = await world.wait_for_text(interaction, "#")
        delete_message(world.discord.world, message)
    painter.may_finish.set()

    async def are_given_up() -> bool:
        jobs = await world.jobs()
        return len(jobs) == count and all(job.delivered_at is not None for job in jobs)

    await world.eventually(are_given_up)
    return await world.jobs()


def notices(interaction: Interaction) -> list[Message]:
    return [message for message in interaction.followups if NOTICE in message.text]


async def wait_for_notice(interaction: Interaction) -> Message:
    await interaction.wait(notices)
    (notice,) = notices(interaction)
    return notice


@pytest.mark.parametrize("command", ["queue", "history", "show", "help"])
async def test_next_command_reports_undelivered_pictures_once(world: World, command: str) -> None:
    (job,) = await undelivered_jobs(world)
    assert job.state is JobState.DONE
    options = {"picture": job.id} if command == "show" else {}
    interaction = await world.discord.slash(world.user(), command, options)
    notice = await wait_for_notice(interaction)
    assert notice.text.startswith("1 finished picture of yours could not be delivered")
    assert notice.ephemeral
    assert interaction.message is not None
    assert NOTICE not in interaction.message.text
    again = await world.discord.slash(world.user(), "queue")
    await world.wait_for_text(again, "Queue")
    last = await world.discord.slash(world.user(), "queue")
    # By now a notice of the previous command would be there.
    await world.wait_for_text(last, "Queue")
    assert not notices(again) + notices(last)


async def test_undelivered_notice_is_marked_as_told_only_after_sending() -> None:
    """Also after a notice that Discord refused."""
    left, send = [4], AsyncMock(side_effect=[OSError("no way"), None, None])
    deliveries = SimpleNamespace(
        undelivered=AsyncMock(return_value=left), mark_told=AsyncMock(return_value=None)
    )
    client: Any = SimpleNamespace(queue=SimpleNamespace(deliveries=deliveries), application_id=1)
    webhook: Any = SimpleNamespace(send=send)
    notice = UndeliveredNotice(client)
    for marked in (0, 1, 2):
        await notice._tell(3, texts_for("en-US"), webhook)
        assert deliveries.mark_told.await_count == marked
    left.clear()
    await notice._tell(3, texts_for("en-US"), webhook)
    assert send.await_count == 3


async def test_paint_reports_undelivered_pictures_after_its_own_message(world: World) -> None:
    await undelivered_jobs(world, count=2)
    interaction = await world.paint()
    notice = await wait_for_notice(interaction)
    assert notice.text.startswith("2 finished pictures of yours could not be delivered")
    assert notice.ephemeral
    message = await world.wait_finished(interaction)
    assert NOTICE not in message.text


async def test_undelivered_notice_is_not_shown_to_other_members(world: World) -> None:
    await undelivered_jobs(world)
    of_grace = await world.discord.slash(world.user("grace"), "queue")
    await world.wait_for_text(of_grace, "Queue")
    of_ada = await world.discord.slash(world.user("ada"), "queue")
    await wait_for_notice(of_ada)  # by now a notice for grace would be there
    assert not of_grace.followups


async def test_deleted_picture_is_not_reported_as_undelivered(world: World) -> None:
    (job,) = await undelivered_jobs(world)
    await delete_for_good(world.bot.queue, job.id, world.user().id)
    assert not await world.bot.queue.deliveries.undelivered(world.user().id)


async def test_undelivered_notice_is_translated(world: World) -> None:
    await undelivered_jobs(world)
    world.user().locale = "de"
    interaction = await world.discord.slash(world.user(), "queue")
    await interaction.wait(lambda i: i.followups)
    assert interaction.followups[0].text.startswith("1 fertiges Bild von dir")
