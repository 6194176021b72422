"""Deletions and erasures while a command of the member is pending."""

import os
import time

from jobs.model import JobState
from tests.kit.world import World


def delay_style_download(world: World) -> None:
    world.discord.faults.add("GET", "*style.png*", delay=4.0)


async def test_deleting_a_picture_keeps_the_photo_for_a_pending_intake(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    (first,) = await world.jobs()
    (file,) = world.settings.atelier_data_dir.rglob(first.inputs.content)
    long_ago = time.time() - 86_400.0
    os.utime(file, (long_ago, long_ago))
    delay_style_download(world)
    interaction = await world.paint()  # with the same photo
    await world.eventually(lambda: file.stat().st_mtime > long_ago + 1.0)  # it is stored
    os.utime(file, (long_ago, long_ago))
    await world.discord.press(world.user(), message, label="Delete")
    await world.eventually(lambda: is_deleted(world, first.id))
    await world.wait_finished(interaction)
    second, _ = await world.jobs()
    assert second.inputs.content == first.inputs.content
    assert file.exists()


async def is_deleted(world: World, job_id: int) -> bool:
    job = await world.bot.queue.jobs.get(job_id)
    return job is not None and job.pictures_deleted_at is not None


async def test_erasure_stops_a_pending_intake(world: World) -> None:
    await world.start_engine()
    delay_style_download(world)
    interaction = await world.paint()
    queue = world.bot.queue
    await world.eventually(queue.intakes.pending)
    await queue.privacy.erase_user(world.user().id)
    assert await queue.intakes.pending() == []
    assert "was erased while it was being prepared" in await world.answer_text(interaction)
    assert await world.jobs() == []
    await world.paint()
    await world.eventually(lambda: any_done(world))


async def any_done(world: World) -> bool:
    return any(job.state is JobState.DONE for job in await world.jobs())
