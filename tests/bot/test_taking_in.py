"""What members do while a command of theirs is being taken in."""

import os
import time

from jobs.model import JobState
from tests.bot.studio import Studio


def delay_the_style(studio: Studio) -> None:
    studio.discord.faults.add("GET", "*style.png*", delay=4.0)


async def test_deleting_a_picture_leaves_the_photograph_to_the_next_one(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted()
    (first,) = await studio.jobs()
    (file,) = studio.settings.atelier_data_dir.rglob(first.inputs.content)
    long_ago = time.time() - 86_400.0
    os.utime(file, (long_ago, long_ago))
    delay_the_style(studio)
    interaction = await studio.paint()  # the same photograph
    await studio.eventually(lambda: file.stat().st_mtime > long_ago + 1.0)  # it is stored
    os.utime(file, (long_ago, long_ago))
    await studio.discord.press(studio.user(), message, label="Delete")
    await studio.eventually(lambda: _deleted(studio, first.id))
    await studio.finished(interaction)
    second, _ = await studio.jobs()
    assert second.inputs.content == first.inputs.content
    assert file.exists()


async def _deleted(studio: Studio, job_id: int) -> bool:
    job = await studio.bot.queue.jobs.get(job_id)
    return job is not None and job.pictures_deleted_at is not None


async def test_erasing_stops_what_is_being_taken_in(studio: Studio) -> None:
    await studio.start_painter()
    delay_the_style(studio)
    interaction = await studio.paint()
    queue = studio.bot.queue
    await studio.eventually(queue.intakes.pending)
    await queue.privacy.erase_user(studio.user().id)
    assert await queue.intakes.pending() == []
    assert "Your data was erased" in await studio.answer(interaction)
    assert await studio.jobs() == []
    await studio.paint()
    await studio.eventually(lambda: _done(studio))


async def _done(studio: Studio) -> bool:
    return any(job.state is JobState.DONE for job in await studio.jobs())
