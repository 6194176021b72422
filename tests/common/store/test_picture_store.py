import ast
import asyncio
import gc
import os
import stat
from pathlib import Path

import pytest
import s3fs
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.settings import Settings
from common.store import (
    PictureMissingError,
    PictureStore,
    StorageUnavailableError,
    key_for,
    picture_store,
)
from jobs.queue import JobQueue
from tests.common.conftest import BUCKET
from tests.kit.full_disk import raise_disk_full
from tests.kit.other_user import without_access
from tests.kit.samples import Storage, claim_job, paint_report, reload, submit_job


async def test_stored_picture_can_be_read_listed_and_deleted(store: PictureStore) -> None:
    key = await store.put(b"a picture", ".PNG")
    assert key.endswith(".png")
    assert await store.put(b"a picture", "png") == await store.put(b"a picture", key) == key
    assert await store.get(key) == b"a picture"
    assert await store.exists(key)
    other = await store.put(b"", "bin")
    assert {(p.key, p.size_bytes) for p in store.walk_sync()} == {(key, 9), (other, 0)}
    await store.delete(key)
    await store.delete(key)
    assert not await store.exists(key)
    with pytest.raises(PictureMissingError):
        await store.get(key)


async def test_keys_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    store, secret = PictureStore(str(tmp_path / "pictures")), tmp_path / "secret.png"
    await store.put(b"a picture", "png")
    secret.write_bytes(b"a secret")
    for key in ("../secret.png", "../../secret.png", str(secret)):
        for use in (store.get, store.exists, store.delete):
            with pytest.raises(PictureMissingError, match="no key of a picture"):
                await use(key)
    assert secret.exists()


async def test_long_files_are_stored_from_and_read_into_files(
    store: PictureStore, tmp_path: Path
) -> None:
    file, back = tmp_path / "long.clip", tmp_path / "back.clip"
    file.write_bytes(b"a long clip" * 100_000)
    key = await store.put_file(file, ".clip")
    assert key == key_for(file.read_bytes(), "clip")
    assert await store.get(key) == file.read_bytes()
    store.get_file_sync(key, back)
    assert back.read_bytes() == file.read_bytes()
    with pytest.raises(PictureMissingError):
        store.get_file_sync(key_for(b"another", "clip"), back)
    with pytest.raises(FileNotFoundError):
        await store.put_file(tmp_path / "nothing", ".clip")


async def test_full_disk_of_the_reader_is_not_a_store_error(store: PictureStore) -> None:
    key = await store.put(b"x" * 10_000, "clip")
    with pytest.raises(OSError, match="No space left"):
        store.get_file_sync(key, Path("/dev/full"))
    assert await store.get(key)


@pytest.mark.parametrize("known_since", ["start", "first picture"])
async def test_unmounted_store_folder_is_not_recreated(known_since: str, tmp_path: Path) -> None:
    """Pictures put into a new folder would be hidden by the next mount."""
    folder = tmp_path / "pictures"
    if known_since == "start":
        folder.mkdir()
    store = PictureStore(str(folder))
    await store.check()
    folder.rename(tmp_path / "away")
    with pytest.raises(StorageUnavailableError, match=r"folder .* is not there: mount"):
        await store.put(b"a picture", "png")
    with pytest.raises(StorageUnavailableError, match=r"folder .* is not there: mount"):
        await store.check()
    assert not folder.exists()
    (tmp_path / "away").rename(folder)
    assert await store.get(await store.put(b"a picture", "png")) == b"a picture"


async def test_delete_if_untouched_spares_recent_pictures(store: PictureStore) -> None:
    key = await store.put(b"x", "png")
    assert not await store.delete_if_untouched(key, 3600)
    assert await store.exists(key)
    assert await store.delete_if_untouched(key, -10)
    assert not await store.delete_if_untouched(key, -10)
    assert list(store.walk_sync()) == []


@pytest.mark.parametrize("name", ["my bot", "böt", "bot #2", "50%", "a%20b", "what?", "a::b"])
async def test_data_folder_with_any_name_holds_all_files(name: str, tmp_path: Path) -> None:
    settings = Settings(atelier_data_dir=tmp_path / name)
    async with await JobQueue.open(settings) as queue:
        key = await queue.store.put(b"a picture", "png")
        assert await queue.store.get(key) == b"a picture"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert {path.name for path in (tmp_path / name).iterdir()} >= {"atelier.sqlite3", "pictures"}


async def test_pictures_in_the_percent_encoded_folder_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "my bot" / "pictures"
    key = await PictureStore(str(tmp_path / "my%20bot" / "pictures")).put(b"a picture", "png")
    assert await PictureStore(str(folder)).get(key) == b"a picture"
    assert await PictureStore(folder.as_uri()).get(key) == b"a picture"


async def test_store_folder_is_private_to_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "pictures"
    key = await PictureStore(str(folder)).put(b"a picture", "png")
    for path in (folder.parent, folder, folder / key[:2]):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / key[:2] / key).stat().st_mode) == 0o600


async def test_missing_store_is_not_reported_as_a_missing_picture(
    s3_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "disk"
    for store, take_away in (
        (PictureStore(str(folder)), lambda: folder.rename(tmp_path / "unplugged")),
        (
            PictureStore(s3_url),
            lambda: s3fs.S3FileSystem(skip_instance_cache=True).rm(BUCKET, True),
        ),
    ):
        await store.check()
        key = await store.put(b"a picture", "png")
        take_away()
        with pytest.raises(StorageUnavailableError, match="is not there"):
            await store.get(key)
        with pytest.raises(StorageUnavailableError, match="is not there"):
            await store.exists(key)
    with pytest.raises(StorageUnavailableError):
        await PictureStore(s3_url).check()


async def test_discarded_bucket_store_causes_no_event_loop_errors(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))

    async def no_content(_: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", no_content)  # keeps connections open like a real server
    async with TestServer(app) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", str(server.make_url("/")))
        store = PictureStore(s3_url)
        await store.delete(key_for(b"", "png"))
        del store
        for _ in range(5):
            gc.collect()
            await asyncio.sleep(0.05)
    assert errors == []


async def test_concurrent_store_checks_succeed(store: PictureStore) -> None:
    for _ in range(3):  # like a bot and its engines
        await asyncio.gather(*(store.check() for _ in range(8)))
    assert list(store.walk_sync()) == []


def test_unknown_storage_scheme_is_refused_naming_the_setting() -> None:
    with pytest.raises(StorageUnavailableError, match="ATELIER_STORAGE_URL"):
        PictureStore("gopher://pictures")


def test_empty_store_lists_nothing_and_refuses_unsafe_suffixes(store: PictureStore) -> None:
    assert list(store.walk_sync()) == []
    with pytest.raises(ValueError, match="suffix"):
        store.put_sync(b"x", "../x")


def test_full_disk_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PictureStore(tmp_path.as_uri())
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", raise_disk_full)
        with pytest.raises(StorageUnavailableError, match="No space left"):
            store.put_sync(b"a picture", "png")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert store.get_sync(store.put_sync(b"a picture", "png")) == b"a picture"


def test_old_partial_files_are_deleted(tmp_path: Path) -> None:
    store = PictureStore(tmp_path.as_uri())
    old, new = tmp_path / "ab" / "x.part", tmp_path / "ab" / "y.part"
    old.parent.mkdir()
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert list(store.walk_sync()) == []
    assert not old.exists()
    assert new.exists()


async def test_queue_works_with_pictures_on_s3(storage: Storage, s3_url: str) -> None:
    settings = storage.settings(atelier_storage_url=s3_url)
    async with await JobQueue.open(settings) as bot, await JobQueue.open(settings) as engine:
        content = await bot.store.put(b"photograph", "png")
        job = await submit_job(bot)
        claim = await claim_job(engine)
        assert await engine.store.get(content) == b"photograph"
        key = await engine.store.put(b"painting", "png")
        await engine.claims.finish(claim, key, paint_report())
        done = await reload(bot, job)
        assert done.result_key is not None
        assert await bot.store.get(done.result_key) == b"painting"
        await bot.privacy.export_user(1)
        await bot.retention.gc()


def test_unreachable_store_raises_storage_unavailable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    store = PictureStore("s3://nowhere/pictures", config_kwargs={"retries": {"max_attempts": 0}})
    with pytest.raises(StorageUnavailableError):
        store.put_sync(b"x", "png")


@pytest.mark.parametrize("name", ["pictures", "my pictures"])
async def test_folder_that_may_not_be_looked_at_is_reported_when_it_is_used(
    name: str, tmp_path: Path
) -> None:
    with without_access(tmp_path):
        store = PictureStore(str(tmp_path / name))
        with pytest.raises(StorageUnavailableError, match="cannot be written: Permission denied"):
            await store.check()


def test_every_file_system_call_is_timed_and_translated() -> None:
    """`_called` is the only place that measures time and translates errors."""
    module = ast.parse(Path(picture_store.__file__).read_text(encoding="utf-8"))
    (store,) = [
        each
        for each in module.body
        if isinstance(each, ast.ClassDef) and each.name == "PictureStore"
    ]
    for method in store.body:
        if isinstance(method, ast.FunctionDef) and method.name not in {"__init__", "_called"}:
            source = ast.unparse(method)
            calls = "_fs." in source or "_whole(" in source or ".unlink(" in source
            counted = "self._called(" in source or "self._putting(" in source
            assert not calls or counted, method.name
            assert "translated(" not in source, method.name
