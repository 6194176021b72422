"""A queue on disk, jobs in it, and the true VGG19's first half where it is at hand."""

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import skimage
from PIL import Image

from common.options import PaintInputs, PaintOptions, StyleInput
from common.settings import Settings, load_settings
from jobs.model import Asker, Job, Reply, Submission
from jobs.outcomes import Accepted
from jobs.queue import JobQueue

SKIMAGE_DATA = Path(skimage.__file__).parent / "data"


def photograph(name: str, side_px: int = 160) -> bytes:
    """A photograph that scikit-image ships, reduced."""
    with Image.open(SKIMAGE_DATA / name) as image:
        small = image.convert("RGB")
        small.thumbnail((side_px, side_px))
        buffer = io.BytesIO()
        small.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        _env_file=None,
        atelier_data_dir=tmp_path / "data",
        atelier_device="cpu",
    )


@pytest.fixture
async def queue(settings: Settings) -> AsyncIterator[JobQueue]:
    async with await JobQueue.open(settings) as opened:
        yield opened


class Poster:
    """Posts jobs as the bot would."""

    def __init__(self, queue: JobQueue) -> None:
        self.queue = queue
        self._interaction_id = 1000

    async def post(self, *, user_id: int = 1, **options: object) -> Job:
        """Queue a painting of a coffee cup in the style of an astronaut's portrait."""
        content = await self.queue.store.put(photograph("coffee.png"), ".png")
        style = await self.queue.store.put(photograph("astronaut.png"), ".png")
        inputs = PaintInputs(content=content, styles=(StyleInput(picture=style),))
        return await self.submit(inputs, user_id=user_id, **options)

    async def submit(self, inputs: PaintInputs, *, user_id: int = 1, **options: object) -> Job:
        self._interaction_id += 1
        reply = Reply(
            application_id=1,
            interaction_id=self._interaction_id,
            interaction_token="token",
            token_expires_at=datetime.now(UTC) + timedelta(minutes=15),
        )
        outcome = await self.queue.submissions.submit(
            Submission(
                asker=Asker(user_id, "ada"),
                reply=reply,
                inputs=inputs,
                options=PaintOptions.model_validate({"size_px": 96, "iterations": 3} | options),
            )
        )
        assert isinstance(outcome, Accepted), outcome
        return outcome.job


@pytest.fixture
def poster(queue: JobQueue) -> Poster:
    return Poster(queue)
