"""Timeouts of the store, and cancelled waits."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from common.store import PictureStore, StorageUnavailableError, backends, picture_store

T = TypeVar("T")


async def test_cancellation_wins_over_a_simultaneous_answer(tmp_path: Path) -> None:
    store = PictureStore(tmp_path.as_uri())
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(store._until(answer, 5))
    await asyncio.sleep(0)
    answer.set_exception(StorageUnavailableError("away"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_silent_store_server_times_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*silent.getsockname()))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        store = PictureStore("s3://bucket/pictures", timeout_seconds=0.5)
        with pytest.raises(StorageUnavailableError, match="did not answer"):
            await store.put(b"a picture", "png")


async def test_timeout_grows_with_the_picture_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow connection a large painting needs longer than a small file."""
    store = PictureStore(str(tmp_path), timeout_seconds=0.1)
    monkeypatch.setattr(picture_store, "SLOWEST_BYTES_PER_SECOND", 100)
    release = threading.Event()

    def wait_for_release(call: Callable[..., object]) -> Callable[..., object]:
        def call_after_release(*arguments: object) -> object:
            assert release.wait(30)
            return call(*arguments)

        return call_after_release

    async def release_after_timeout(operation: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(operation)
        await asyncio.wait({task}, timeout=0.5)
        assert not task.done(), "given up too early"
        release.set()
        return await task

    monkeypatch.setattr(store, "put_sync", wait_for_release(store.put_sync))
    with pytest.raises(StorageUnavailableError, match="did not answer"):
        await store.put(b"small", "png")
    key = await release_after_timeout(store.put(b"large" * 1000, "png"))
    release.clear()
    monkeypatch.setattr(store, "get_sync", wait_for_release(store.get_sync))
    assert await release_after_timeout(store.get(key)) == b"large" * 1000
    release.clear()
    monkeypatch.setattr(store._fs, "info", wait_for_release(store._fs.info))
    with pytest.raises(StorageUnavailableError, match="did not answer"):
        await store.get(key)  # its size is unknown, so that it gets no more time
    release.set()


def test_silent_bucket_is_tried_a_limited_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The synchronous methods of the painting thread rely on the timeouts of the S3 client."""
    config = {**backends._S3_OPTIONS["config_kwargs"], "read_timeout": 0.2}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*silent.getsockname()))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        store = PictureStore("s3://bucket/pictures", config_kwargs=config)
        with pytest.raises(StorageUnavailableError):
            store.put_sync(b"a picture", "png")
        silent.settimeout(0.5)
        attempts = 0
        with contextlib.suppress(TimeoutError):
            while True:
                silent.accept()[0].close()
                attempts += 1
    assert attempts == config["retries"]["total_max_attempts"]
