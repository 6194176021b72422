"""How large a member's pictures are is kept beside them, so that a bucket is not asked for each."""

from collections import Counter

import pytest
import sqlalchemy as sa

from common.store import PictureStore
from jobs.db import schema
from jobs.queue import JobQueue
from tests.jobs.privacy.conftest import painted
from tests.kit.samples import FakeClock, Storage

DAY = 86_400.0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The pictures of which a store was asked how large they are."""
    asked = Counter[str]()
    ask = PictureStore._size_bytes

    async def counting(store: PictureStore, key: str) -> int:
        asked[key] += 1
        return await ask(store, key)

    monkeypatch.setattr(PictureStore, "_size_bytes", counting)
    return asked


def bucket() -> PictureStore:
    """Another process's way to one bucket."""
    return PictureStore("memory://sizes")


async def kept(queue: JobQueue) -> dict[str, int]:
    async with queue.database.read() as connection:
        rows = await connection.execute(sa.select(schema.picture_sizes))
        return {row.key: row.size_bytes for row in rows}


async def test_sizes_of_stored_pictures_are_not_asked_of_the_bucket(
    storage: Storage, clock: FakeClock, asked: Counter[str]
) -> None:
    async with await JobQueue.open(storage.settings(), clock=clock, store=bucket()) as queue:
        await painted(queue, "a")
        style = await queue.store.put(b"a style", "png")
        await queue.styles.save("user", 1, "Waves", style, 1)
        size = await queue.retention.bytes_of(1)
        assert sum((await kept(queue)).values()) == size > len(b"a style")
    async with await JobQueue.open(storage.settings(), clock=clock, store=bucket()) as restarted:
        assert await restarted.retention.bytes_of(1) == size
    assert not asked


async def test_size_of_an_earlier_versions_picture_is_asked_only_once(
    storage: Storage, clock: FakeClock, asked: Counter[str]
) -> None:
    async with await JobQueue.open(storage.settings(), clock=clock, store=bucket()) as queue:
        await painted(queue, "b")
        async with queue.database.write() as transaction:
            await transaction.connection.execute(sa.delete(schema.picture_sizes))
    for _ in range(2):
        async with await JobQueue.open(storage.settings(), clock=clock, store=bucket()) as queue:
            assert await queue.retention.bytes_of(1) > 0
    assert set(asked.values()) == {1}


async def test_size_row_is_deleted_with_its_picture(storage: Storage, clock: FakeClock) -> None:
    async with await JobQueue.open(storage.settings(), clock=clock, store=bucket()) as queue:
        await painted(queue, "c")
        assert await kept(queue)
        await queue.privacy.erase_user(1)
        await queue.retention.gc()
        assert await kept(queue) == {}


async def test_folder_store_keeps_no_size_rows(queue: JobQueue) -> None:
    await painted(queue, "a")
    assert await queue.retention.bytes_of(1) > 0
    assert await kept(queue) == {}
