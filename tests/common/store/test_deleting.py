"""Deleting from the store, also while others write."""

import os
import time
from pathlib import Path

import pytest

from common.files import TEMPORARY
from common.store import PictureStore, StorageUnavailableError, key_for

HOUR = 3600.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


@pytest.fixture
def store(folder: Path) -> PictureStore:
    return PictureStore(str(folder))


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def make_old(folder: Path, *names: str) -> None:
    for name in names:
        (path,) = folder.rglob(name)
        os.utime(path, (1, 1))


async def test_picture_stored_during_its_deletion_stays(
    store: PictureStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another member uploads the same bytes after the age was checked."""
    key = await store.put(b"a picture", "png")
    make_old(folder, key)
    move = Path.replace

    def touch_then_move(self: Path, target: Path) -> Path:
        os.utime(self)
        return move(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", touch_then_move)
        assert not await store.delete_if_untouched(key, HOUR)
    assert files(folder) == {key}
    assert await store.get(key) == b"a picture"


async def test_delete_if_untouched_does_not_move_a_new_picture(
    store: PictureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await store.put(b"a picture", "png")

    def fail_on_move(*_: object) -> None:
        raise AssertionError("the picture would be missing for a moment")

    monkeypatch.setattr(Path, "replace", fail_on_move)
    assert not await store.delete_if_untouched(key, HOUR)


async def test_deleted_picture_leaves_no_files(store: PictureStore, folder: Path) -> None:
    key = await store.put(b"a picture", "png")
    make_old(folder, key)
    assert await store.delete_if_untouched(key, HOUR)
    assert files(folder) == set()


async def test_walk_deletes_old_leftovers_and_keeps_foreign_files(
    store: PictureStore, folder: Path
) -> None:
    key = await store.put(b"a picture", "png")
    half, trash = f"half{TEMPORARY}", f"{key_for(b'b', 'png')}.trash"
    for name in (half, trash, "README.txt", f"new{TEMPORARY}", f"{key_for(b'c', 'png')}.trash"):
        (folder / key[:2] / name).write_bytes(b"x")
    make_old(folder, half, trash, "README.txt")
    assert [picture.key for picture in store.walk_sync()] == [key]
    expected = {key, "README.txt", f"new{TEMPORARY}", f"{key_for(b'c', 'png')}.trash"}
    assert files(folder) == expected


async def test_store_check_leaves_no_files_and_detects_lost_writes(
    store: PictureStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.check()
    assert files(folder) == set()

    def raise_not_found(key: str) -> bytes:
        raise FileNotFoundError(key)

    monkeypatch.setattr(store._fs, "cat_file", raise_not_found)
    with pytest.raises(StorageUnavailableError, match="does not give back"):
        await store.check()


async def test_picture_stored_again_counts_as_new(store: PictureStore, folder: Path) -> None:
    key = await store.put(b"a picture", "png")
    make_old(folder, key)
    await store.put(b"a picture", "png")
    (picture,) = store.walk_sync()
    assert time.time() - picture.modified_at < HOUR
    assert not await store.delete_if_untouched(key, HOUR)
