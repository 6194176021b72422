"""What waits for the store ends when it is to end."""

import asyncio
from pathlib import Path

import pytest

from common.store import PictureStore, StorageUnavailableError


async def test_a_cancellation_that_comes_with_the_answer_counts(tmp_path: Path) -> None:
    store = PictureStore(tmp_path.as_uri())
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(store._until(answer, 5))
    await asyncio.sleep(0)
    answer.set_exception(StorageUnavailableError("away"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
