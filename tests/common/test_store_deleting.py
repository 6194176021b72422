"""What the store deletes, and what it leaves where others write at the same moment."""

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


async def test_a_picture_that_is_put_while_it_is_being_deleted_stays(
    store: PictureStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at its age and its end: the same bytes came from another member."""
    key = await store.put(b"a picture", "png")
    make_old(folder, key)
    move = Path.replace

    def put_just_before(self: Path, target: Path) -> Path:
        os.utime(self)
        return move(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", put_just_before)
        assert not await store.delete_if_untouched(key, HOUR)
    assert files(folder) == {key}
    assert await store.get(key) == b"a picture"


async def test_a_picture_that_is_new_is_not_moved_away_from_who_reads_it(
    store: PictureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await store.put(b"a picture", "png")

    def moved(*_: object) -> None:
        raise AssertionError("it is not at its place for a moment")

    monkeypatch.setattr(Path, "replace", moved)
    assert not await store.delete_if_untouched(key, HOUR)


async def test_what_is_deleted_leaves_nothing(store: PictureStore, folder: Path) -> None:
    key = await store.put(b"a picture", "png")
    make_old(folder, key)
    assert await store.delete_if_untouched(key, HOUR)
    assert files(folder) == set()


async def test_what_a_killed_process_left_goes_and_what_is_no_picture_stays(
    store: PictureStore, folder: Path
) -> None:
    key = await store.put(b"a picture", "png")
    half, trash = f"half{TEMPORARY}", f"{key_for(b'b', 'png')}.trash"
    for name in (half, trash, "README.txt", f"new{TEMPORARY}", f"{key_for(b'c', 'png')}.trash"):
        (folder / key[:2] / name).write_bytes(b"x")
    make_old(folder, half, trash, "README.txt")
    assert [picture.key for picture in store.walk_sync()] == [key]
    left = {key, "README.txt", f"new{TEMPORARY}", f"{key_for(b'c', 'png')}.trash"}
    assert files(folder) == left


async def test_the_look_at_a_store_leaves_nothing_and_finds_one_that_forgets(
    store: PictureStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.check()
    assert files(folder) == set()

    def forget(key: str) -> bytes:
        raise FileNotFoundError(key)

    monkeypatch.setattr(store._fs, "cat_file", forget)
    with pytest.raises(StorageUnavailableError, match="does not give back"):
        await store.check()


async def test_a_picture_that_is_put_again_is_as_new(store: PictureStore, folder: Path) -> None:
    key = await store.put(b"a picture", "png")
    make_old(folder, key)
    await store.put(b"a picture", "png")
    (picture,) = store.walk_sync()
    assert time.time() - picture.modified_at < HOUR
    assert not await store.delete_if_untouched(key, HOUR)
