"""The Cancel button."""

from jobs.model import JobState
from tests.bot.commands.picture_buttons.pressing import press
from tests.kit.world import World


async def test_only_the_owner_or_an_admin_cancels(world: World) -> None:
    interaction = await world.paint()
    message = await world.wait_for_text(interaction, "Place 1")
    refused = await press(world, message, "Cancel", user="grace")
    await refused.wait(lambda i: i.followups)
    (refusal,) = refused.followups
    assert "Ada's" in refusal.text
    assert refusal.ephemeral
    await press(world, message, "Cancel", user="admin")
    await world.wait_for_text(interaction, "Cancelled")
    assert (await world.jobs())[0].state is JobState.CANCELLED


async def test_a_running_job_is_cancelled(world: World) -> None:
    _, interaction = await world.paint_halfway()
    message = await world.wait_for_text(interaction, "Painting")
    await press(world, message, "Cancel")
    await world.wait_for_text(interaction, "Cancelled")


async def test_cancel_is_acknowledged_while_the_database_is_locked(world: World) -> None:
    interaction = await world.paint()
    message = await world.wait_for_text(interaction, "Place 1")
    async with world.locked_database():
        pressed = await press(world, message, "Cancel")
        await pressed.wait(lambda i: i.acknowledged)
        (job,) = await world.jobs()
        assert job.state is JobState.QUEUED
    await world.wait_for_text(interaction, "Cancelled")


async def test_cancel_on_a_copy_updates_copy_and_original(world: World) -> None:
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    (job,) = await world.jobs()
    copy = await world.discord.slash(world.user(), "show", {"picture": job.id})
    message = await world.wait_for_text(copy, "Place 1")
    await press(world, message, "Cancel")
    await world.wait_for_text(copy, "Cancelled")
    await world.wait_for_text(interaction, "Cancelled")
