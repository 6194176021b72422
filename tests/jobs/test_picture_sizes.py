"""The sizes of a member's pictures are stored, so that the bucket is not asked for each."""

from collections import Counter

import pytest
import sqlalchemy as sa

from common.store import PictureStore
from jobs.db import schema
from jobs.queue import JobQueue
from tests.jobs.privacy.conftest import make_delivered_job
from tests.kit.samples import FakeClock, Storage


@pytest.fixture(autouse=True)
def no_multipart_uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bucket of these tests is in memory, where there are no multipart uploads to clean up."""
    monkeypatch.setattr("common.store.picture_store.end_abandoned_uploads", lambda *_: None)


@pytest.fixture
def size_requests(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts for each picture how often a store was asked for its size."""
    size_requests = Counter[str]()
    ask = PictureStore._size_bytes

    async def count_request(store: PictureStore, key: str) -> int:
        size_requests[key] += 1
        return await ask(store, key)

    monkeypatch.setattr(PictureStore, "_size_bytes", count_request)
    return size_requests


def bucket() -> PictureStore:
    """A store on the shared bucket, as another process opens it."""
    return PictureStore("memory://sizes")


async def stored_sizes(queue: JobQueue) -> dict[str, int]:
    async with queue.database.read() as connection:
        rows = await connection.execute(sa.select(schema.picture_sizes))
        return {row.key: row.size_bytes for row in rows}


async def test_sizes_of_stored_pictures_are_not_asked_of_the_bucket(
    storage: Storage, clock: FakeClock, size_requests: Counter[str]
) -> None:
    async with await JobQueue.open(storage.settings(), clock=clock, store=bucket()) as queue:
        await make_delivered_job(queue, "a")
        style = await queue.store.put(b"a style", "png")
        await queue.styles.save("user", 1, "Waves", style, 1)
        size = await queue.retention.bytes_of(1)
        assert sum((await stored_sizes(queue)).values()) == size > len(b"a style")
    async with await JobQueue.open(storage.settings(), clock=clock, store=bucket()) as restarted:
        assert await restarted.retention.bytes_of(1) == size
    assert not size_requests


async def test_size_of_an_earlier_versions_picture_is_asked_only_once(
    storage: Storage, clock: FakeClock, size_requests: Counter[str]
) -> None:
    async with await JobQueue.open(storage.settings(), clock=clock, store=bucket()) as queue:
        await make_delivered_job(queue, "b")
        async with queue.database.write() as transaction:
            await transaction.connection.execute(sa.delete(schema.picture_sizes))
    for _ in range(2):
        async with await JobQueue.open(storage.settings(), clock=clock, store=bucket()) as queue:
            assert await queue.retention.bytes_of(1) > 0
    assert set(size_requests.values()) == {1}


async def test_size_row_is_deleted_with_its_picture(storage: Storage, clock: FakeClock) -> None:
    async with await JobQueue.open(storage.settings(), clock=clock, store=bucket()) as queue:
        await make_delivered_job(queue, "c")
        assert await stored_sizes(queue)
        await queue.privacy.erase_user(1)
        await queue.retention.gc()
        assert await stored_sizes(queue) == {}


async def test_folder_store_keeps_no_size_rows(queue: JobQueue) -> None:
    await make_delivered_job(queue, "a")
    assert await queue.retention.bytes_of(1) > 0
    assert await stored_sizes(queue) == {}
