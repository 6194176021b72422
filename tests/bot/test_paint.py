"""`/paint` from the command to the finished picture."""

from tests.bot.studio import BOTH, PHOTO, Studio


async def test_a_photo_and_a_style_become_a_picture(studio: Studio) -> None:
    await studio.start_painter()
    interaction = await studio.paint({"seed": 7})
    message = await studio.finished(interaction)
    assert "seed 7" in message.text
    assert message.is_v2
    assert message.attachments[0].name.startswith("atelier-")
    (job,) = await studio.jobs()
    await studio.discord.until(lambda: False, 0.3)
    job = await studio.bot.queue.get(job.id)
    assert job is not None
    assert job.delivered_at is not None
