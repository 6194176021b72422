"""How long the store is waited for, and that what waits ends when it is to end."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from common import store as store_module
from common import store_backends
from common.store import PictureStore, StorageUnavailableError

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
    """A line of one megabit a second needs longer for a large painting than for a small file."""
    store = PictureStore(str(tmp_path), timeout_seconds=0.1)
    monkeypatch.setattr(store_module, "SLOWEST_BYTES_PER_SECOND", 100)
    carried = threading.Event()

    def slowly(call: Callable[..., object]) -> Callable[..., object]:
        def waits(*arguments: object) -> object:
            assert carried.wait(30)
            return call(*arguments)

        return waits

    async def on_its_way(moved: Coroutine[Any, Any, T]) -> T:
        moving = asyncio.create_task(moved)
        await asyncio.wait({moving}, timeout=0.5)
        assert not moving.done(), "it is given up"
        carried.set()
        return await moving

    monkeypatch.setattr(store, "put_sync", slowly(store.put_sync))
    with pytest.raises(StorageUnavailableError, match="did not answer"):
        await store.put(b"small", "png")
    key = await on_its_way(store.put(b"large" * 1000, "png"))
    carried.clear()
    monkeypatch.setattr(store, "get_sync", slowly(store.get_sync))
    assert await on_its_way(store.get(key)) == b"large" * 1000
    carried.clear()
    monkeypatch.setattr(store._fs, "info", slowly(store._fs.info))
    with pytest.raises(StorageUnavailableError, match="did not answer"):
        await store.get(key)  # nor does it say how large it is: it is silent
    carried.set()


def test_silent_bucket_is_tried_a_limited_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The painting thread reads and writes without a limit of its own: its client ends it."""
    quick = {**store_backends._S3_OPTIONS["config_kwargs"], "read_timeout": 0.2}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*silent.getsockname()))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        store = PictureStore("s3://bucket/pictures", config_kwargs=quick)
        with pytest.raises(StorageUnavailableError):
            store.put_sync(b"a picture", "png")
        silent.settimeout(0.5)
        tries = 0
        with contextlib.suppress(TimeoutError):
            while True:
                silent.accept()[0].close()
                tries += 1
    assert tries == quick["retries"]["total_max_attempts"]
