"""A moving picture with the real bot and the real engine, both killed on the way."""

import asyncio
import io

import pytest
from PIL import Image, ImageSequence

from common.settings import Settings
from jobs.model import JobState
from jobs.queue import JobQueue
from tests.common.clips.files import encode_frames
from tests.kit.forked import ForkServer
from tests.kit.installation import EXTERNAL_ENGINE, Installation, is_settled
from tests.kit.pictures import photograph

pytestmark = pytest.mark.slow

FRAMES = 4
DELAYS_MS = [100, 120, 500, 80]


def animation() -> bytes:
    """A GIF that pans across a photo."""
    photo = Image.open(io.BytesIO(photograph("coffee.png"))).convert("RGB").resize((160, 120))
    frames = [photo.crop((6 * n, 3 * n, 6 * n + 96, 3 * n + 72)) for n in range(FRAMES)]
    return encode_frames(frames, "GIF", duration=DELAYS_MS, loop=0)


async def wait_until_running(queue: JobQueue, user_id: int) -> None:
    """Wait for an engine to take the job."""
    async with asyncio.timeout(120):
        while not [
            job for job in await queue.jobs.of_user(user_id) if job.state is JobState.RUNNING
        ]:
            await asyncio.sleep(0.02)


async def test_animation_survives_kills_of_bot_and_engine(
    installation: Installation, fork_server: ForkServer
) -> None:
    discord = installation.discord
    ada = discord.user("ada")
    async with installation.bot(EXTERNAL_ENGINE) as bot:
        interaction = await discord.slash(
            ada,
            "paint",
            {"quality": "draft", "seed": 3, "preset": "starry-night"},
            attachments={"content": ("cat.gif", animation())},
        )
        is_asked = await discord.until(
            lambda: interaction.message and interaction.message.buttons, 60
        )
        assert is_asked
        message = interaction.message
        assert message is not None
        await bot.kill()  # before the question is answered
    settings = Settings(_env_file=None, atelier_data_dir=installation.folder / "data")
    async with (
        installation.bot(EXTERNAL_ENGINE) as bot,
        await JobQueue.open(settings) as queue,
        installation.engine(fork_server),
    ):
        moving = next(b for b in message.buttons if str(b["label"]).startswith("All of it"))
        await discord.use_component(ada, message, moving)
        await wait_until_running(queue, ada.id)
        await bot.kill()
    async with installation.bot(EXTERNAL_ENGINE), installation.engine(fork_server):
        assert await discord.until(lambda: is_settled(message), 240), message.text
    (shown,) = message.attachments
    assert shown.filename.endswith(".gif")
    with Image.open(io.BytesIO(shown.data)) as gif:
        frames = [frame.info["duration"] for frame in ImageSequence.Iterator(gif)]
        assert (gif.size, frames, gif.info["loop"]) == ((96, 72), DELAYS_MS, 0)
    async with await JobQueue.open(settings) as queue:
        (job,) = await queue.jobs.of_user(ada.id)
        kinds = [event.kind for event in await queue.jobs.history(job.id)]
        assert kinds.count("done") == 1
        assert kinds.count("claimed") == 2
        assert await queue.intakes.pending() == []
