"""Pictures that could be shown nowhere: their user hears of them when they are there again."""

import pytest

from jobs.model import Job, JobState
from sandbox.compose import delete_message
from sandbox.model import Interaction, Message
from tests.bot.studio import Studio

TOLD = "could not be delivered"


async def lost(studio: Studio, *, count: int = 1) -> list[Job]:
    """Finished pictures whose messages are gone, of a user who takes no DMs."""
    painter = await studio.start_painter()
    painter.hold.clear()
    studio.user().accepts_dms = False
    for interaction in [await studio.paint() for _ in range(count)]:
        message = await studio.says(interaction, "#")
        delete_message(studio.discord.world, message)
    painter.hold.set()

    async def are_given_up() -> bool:
        jobs = await studio.jobs()
        return len(jobs) == count and all(job.delivered_at is not None for job in jobs)

    await studio.eventually(are_given_up)
    return await studio.jobs()


def notices(interaction: Interaction) -> list[Message]:
    return [message for message in interaction.followups if TOLD in message.text]


async def told(interaction: Interaction) -> Message:
    await interaction.wait(notices)
    (notice,) = notices(interaction)
    return notice


@pytest.mark.parametrize("command", ["queue", "history", "show", "help"])
async def test_the_next_command_tells_of_it_once(studio: Studio, command: str) -> None:
    (job,) = await lost(studio)
    assert job.state is JobState.DONE
    options = {"picture": job.id} if command == "show" else {}
    interaction = await studio.discord.slash(studio.user(), command, options)
    notice = await told(interaction)
    assert notice.text.startswith("1 finished picture of yours could not be delivered")
    assert notice.ephemeral
    assert interaction.message is not None
    assert TOLD not in interaction.message.text
    again = await studio.discord.slash(studio.user(), "queue")
    await studio.says(again, "Queue")
    last = await studio.discord.slash(studio.user(), "queue")
    await studio.says(last, "Queue")  # whatever the one before had to say was said by now
    assert not notices(again) + notices(last)


async def test_paint_tells_of_it_after_its_message_is_there(studio: Studio) -> None:
    await lost(studio, count=2)
    interaction = await studio.paint()
    notice = await told(interaction)
    assert notice.text.startswith("2 finished pictures of yours could not be delivered")
    assert notice.ephemeral
    message = await studio.finished(interaction)
    assert TOLD not in message.text


async def test_others_are_told_nothing(studio: Studio) -> None:
    await lost(studio)
    for name in ("queue", "queue"):
        interaction = await studio.discord.slash(studio.user("grace"), name)
        await studio.says(interaction, "Queue")
        assert not interaction.followups


async def test_a_deleted_picture_is_not_told_of(studio: Studio) -> None:
    (job,) = await lost(studio)
    await studio.bot.queue.retention.delete_result(job.id, studio.user().id, by_admin=False)
    assert not await studio.bot.queue.deliveries.undelivered(studio.user().id)


async def test_it_is_told_in_german(studio: Studio) -> None:
    await lost(studio)
    studio.user().locale = "de"
    interaction = await studio.discord.slash(studio.user(), "queue")
    await interaction.wait(lambda i: i.followups)
    assert interaction.followups[0].text.startswith("1 fertiges Bild von dir")
