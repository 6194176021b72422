"""Pictures that are finished or deleted after the thread of their message was archived."""

import pytest

from jobs.model import Job, JobState
from sandbox.model import Channel, Interaction
from tests.bot.commands.picture_buttons.pressing import press
from tests.kit.world import World, has_result, wait_for_answer

PUBLIC_THREAD = 11
SIXTEEN_MINUTES = 16 * 60


async def paint_in_thread(world: World, **options: object) -> tuple[Channel, Interaction]:
    """Open a thread, and submit a job in it; return both."""
    parent = world.discord.channel("paintings")
    thread = await world.discord.open_channel("sketches", PUBLIC_THREAD, parent=parent)
    interaction = await world.paint(dict(options), channel=thread)
    await world.wait_for_text(interaction, "Place 1")
    return thread, interaction


@pytest.mark.parametrize("after_seconds", [0, SIXTEEN_MINUTES])
async def test_finished_picture_reopens_its_archived_thread(
    world: World, after_seconds: int
) -> None:
    """With the interaction token, and with the bot's own after that has expired."""
    thread, interaction = await paint_in_thread(world)
    await world.discord.archive(thread)
    world.shift_clock(after_seconds)
    engine = await world.start_engine()
    engine.may_finish.clear()

    async def progress_was_tried() -> bool:
        job: Job = (await world.jobs())[0]
        return job.state is JobState.RUNNING and job.shown_revision >= job.revision

    await world.eventually(progress_was_tried)
    archived_while_painting = thread.archived
    engine.may_finish.set()
    assert has_result(await world.wait_finished(interaction))
    assert (archived_while_painting, thread.archived) == (True, False)
    assert not world.discord.dms(world.user())


@pytest.mark.parametrize("why", ["locked", "private picture"])
async def test_picture_comes_by_dm_where_its_thread_stays_archived(world: World, why: str) -> None:
    is_locked = why == "locked"
    thread, _interaction = await paint_in_thread(world, ephemeral=not is_locked)
    await world.discord.archive(thread, lock=is_locked)
    await world.start_engine()
    await world.eventually(lambda: world.discord.dms(world.user()))
    (dm,) = world.discord.dms(world.user())
    assert has_result(dm)
    assert "It could no longer be shown where you asked for it" in dm.text
    assert thread.archived


async def test_picture_in_a_deleted_thread_comes_by_dm(world: World) -> None:
    thread, _interaction = await paint_in_thread(world)
    await world.discord.delete_channel(thread)
    await world.start_engine()
    await world.eventually(lambda: world.discord.dms(world.user()))
    assert has_result(world.discord.dms(world.user())[0])


@pytest.mark.parametrize("lock", [False, True])
async def test_picture_in_an_archived_thread_is_deleted_from_elsewhere(
    world: World, lock: bool
) -> None:
    thread, interaction = await paint_in_thread(world)
    await world.start_engine()
    message = await world.wait_finished(interaction)
    job = await world.wait_delivered()
    await world.discord.archive(thread, lock=lock)
    world.shift_clock(SIXTEEN_MINUTES)
    copy = await wait_for_answer(
        await world.discord.slash(world.user(), "show", {"picture": job.id})
    )
    deleted = await press(world, copy, "Delete")
    await world.eventually(lambda: copy.deleted)
    assert message.deleted is not lock
    (notice,) = deleted.followups
    await world.eventually(lambda: ("allowed to delete its message" in notice.text) is lock)
    assert (await world.reload(job)).pictures_deleted_at is not None


@pytest.mark.parametrize("lock", [False, True])
async def test_picture_is_deleted_by_its_button_in_an_archived_thread(
    world: World, lock: bool
) -> None:
    thread, interaction = await paint_in_thread(world)
    await world.start_engine()
    message = await world.wait_finished(interaction)
    await world.wait_delivered()
    await world.discord.archive(thread, lock=lock)
    deleted = await press(world, message, "Delete")
    if lock:
        await deleted.wait(lambda i: len(i.followups) > 1)
        assert "its thread is closed and I may not open it" in deleted.followups[1].text
    else:
        await world.eventually(lambda: message.deleted)
        assert not thread.archived
        assert len(deleted.followups) == 1
    assert "You can undo this" in deleted.followups[0].text
    assert message.deleted is not lock
