"""Total sizes of pictures and a member's quota, counted once and in the background."""

import asyncio
import threading

import pytest

from bot.intake.quota import StorageQuota
from bot.kit import UserError
from common.options import PaintInputs, StyleInput
from common.store import PictureStore, StorageUnavailableError, key_for
from jobs.queue import JobQueue
from tests.kit.samples import Storage, submit_job


async def test_sizes_are_summed_and_asked_of_a_bucket_once(
    store: PictureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [await store.put(bytes(size), "png") for size in range(1, 21)]
    absent = f"{'0' * 64}.png"
    assert await store.total_bytes([*keys, absent]) == sum(range(1, 21))
    await store.delete(keys[0])
    requested: list[str] = []
    info = store._fs.info

    def counting_info(path: str) -> object:
        requested.append(path)
        return info(path)

    monkeypatch.setattr(store._fs, "info", counting_info)
    assert await store.total_bytes([*keys[1:], absent]) == sum(range(2, 21))
    assert len(requested) == (20 if store._local else 1), "a missing picture may be stored later"


async def test_counting_many_sizes_does_not_block_reading_a_picture(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PictureStore(s3_url)
    stored = await PictureStore(s3_url).put(b"there", "png")
    keys = [stored, *(key_for(bytes(size), "png") for size in range(1, 100))]
    release, lock = threading.Event(), threading.Lock()
    active, requested, peak = set[int](), list[str](), [0]

    def info(path: str) -> dict[str, int]:
        with lock:
            requested.append(path)
            active.add(threading.get_ident())
            peak[0] = max(peak[0], len(active))
        release.wait(30)
        with lock:
            active.discard(threading.get_ident())
        return {"size": 1}

    monkeypatch.setattr(store._fs, "info", info)
    counting = [asyncio.create_task(store.total_bytes(keys)) for _ in range(20)]
    async with asyncio.timeout(20):
        while len(requested) < 8:
            await asyncio.sleep(0.01)
        assert await store.get(stored) == b"there", "no thread is left for reading"
    release.set()
    assert set(await asyncio.gather(*counting)) == {100}
    assert peak[0] == 8
    assert len(requested) < 300, "sizes are not shared"


async def test_failed_count_resumes_from_known_sizes(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [key_for(bytes(size), "png") for size in range(1, 41)]
    store, requested, away = PictureStore(s3_url), list[str](), True

    def away_after_twenty(path: str) -> dict[str, int]:
        requested.append(path)
        if len(requested) > 20 and away:
            raise OSError("away")
        return {"size": keys.index(path.rpartition("/")[2]) + 1}

    monkeypatch.setattr(store._fs, "info", away_after_twenty)
    with pytest.raises(StorageUnavailableError):
        await store.total_bytes(keys)
    found, away = len(requested), False
    assert await store.total_bytes(keys) == sum(range(1, 41))
    assert len(requested) - found <= 20 + 4


async def test_member_storage_quota_applies_to_a_bucket(storage: Storage, s3_url: str) -> None:
    settings = storage.settings(atelier_storage_url=s3_url, atelier_max_member_mib=1)
    async with await JobQueue.open(settings) as queue:
        photo = await queue.store.put(bytes(900_000), "png")
        inputs = PaintInputs(content=photo, styles=(StyleInput(preset="starry-night"),))
        await submit_job(queue, 1, inputs=inputs)
        quota = StorageQuota(settings, queue)
        await quota.check(1, 100_000)
        with pytest.raises(UserError, match="Your pictures take up"):
            await quota.check(1, 200_000)
        await quota.check(2, 1_000_000)


async def test_simultaneous_quota_checks_share_one_count(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = storage.settings(atelier_storage_url="s3://bucket")  # no thread asks a disk first
    async with await JobQueue.open(storage.settings()) as queue:
        requested = 0

        async def bytes_of(user_id: int) -> int:
            nonlocal requested
            requested += 1
            await asyncio.sleep(0.05)
            if requested == 1:
                raise StorageUnavailableError("away")
            return user_id

        monkeypatch.setattr(queue.retention, "bytes_of", bytes_of)
        quota = StorageQuota(settings, queue)
        together = [quota.check(1, 1) for _ in range(10)]
        answers = await asyncio.gather(*together, return_exceptions=True)
        assert {type(answer) for answer in answers} == {StorageUnavailableError}
        assert requested == 1
        await asyncio.gather(*(quota.check(1, 1) for _ in range(10)))
        await quota.check(1, 1)
        assert requested == 2
