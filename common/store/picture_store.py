"""The picture store: reads, writes, lists and deletes pictures in a folder or a bucket."""

import asyncio
import contextlib
import errno
import functools
import hashlib
import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from common.files import copy_whole, path_exists, write_whole
from common.store.backends import folder_of, modified_at, open_backend
from common.store.bucket import end_abandoned_uploads, is_there, keeps_deleted
from common.store.check import check_store
from common.store.errors import (
    PictureMissingError,
    StorageUnavailableError,
    absence,
    translated,
)
from common.store.folder import delete_leftover, delete_untouched
from common.store.keys import KEY, key_for, key_of
from common.store.sizes import SIZES_AT_ONCE, Sizes
from common.timings import FAILED, Timings

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT_SECONDS = 30.0
"""Timeout of the coroutines: a server may accept a connection and never answer."""
_LARGEST_CHECK_BYTES = 4 * 1024 * 1024
"""Largest file that a check writes to find out whether one that was refused would be taken now."""
SLOWEST_BYTES_PER_SECOND = 16 * 1024
"""Minimum transfer rate assumed: the timeout of large files is extended accordingly."""
_THREADS = ThreadPoolExecutor(2 * SIZES_AT_ONCE, thread_name_prefix="store")
"""A separate thread pool, so that a hung store blocks nothing else."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""Errors of writing; during a read, they are those of the destination file."""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A file of the store."""

    key: str
    size_bytes: int
    modified_at: float
    """Seconds since 1970, by the store's clock."""


def _in_thread(
    call: Callable[Concatenate["PictureStore", P], T],
) -> Callable[Concatenate["PictureStore", P], Coroutine[Any, Any, T]]:
    """Decorator for coroutines: runs the method in a thread, with a timeout."""

    @functools.wraps(call)
    async def waited(store: "PictureStore", /, *arguments: P.args, **named: P.kwargs) -> T:
        return await store._in_time(functools.partial(call, store, *arguments, **named))  # noqa: SLF001 - a method of it

    return waited


class PictureStore:
    """Stores pictures, checkpoints and time-lapses by key. Thread-safe and multi-process-safe.

    Methods are coroutines that work in a thread; those ending in `_sync` are for the engine's
    painting thread.
    """

    def __init__(
        self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS, **options: Any
    ) -> None:
        """Open the store.

        Args:
            url: a folder, as a path or `file:…`, or `s3://bucket/prefix`.
            timeout_seconds: timeout of the coroutines.
            options: passed to fsspec's file system.

        Raises:
            StorageUnavailableError: when the address is invalid, or its client is not installed.
        """
        self._local = folder_of(url) is not None
        self._sizes = Sizes(self._size_bytes, remembers=not self._local)
        self.timeout_seconds = timeout_seconds
        self.timings = Timings()
        """Durations of file system calls: `put`, `get`, `size`, `exists`, `delete`, `list`; `wait`
        for those that timed out."""
        try:
            self._fs, self._root = open_backend(url, options)
        except (ValueError, ImportError) as error:
            raise StorageUnavailableError(
                f"ATELIER_STORAGE_URL is not the address of a picture store: {error}."
            ) from error
        # The folder is not created again if its disk is unmounted later: files put there would be
        # hidden when it is mounted.
        self._was_there = self._local and _may_be_there(Path(self._root))
        self._refused_bytes = 0
        """Size of the last file that could not be stored: what is full may take smaller ones."""

    async def _in_time(self, work: Callable[[], T], size_bytes: int = 0) -> T:
        """Work in a thread, with a timeout that depends on the size."""
        running = asyncio.get_running_loop().run_in_executor(_THREADS, work)
        return await self._until(running, self._seconds_for(size_bytes))

    def _seconds_for(self, size_bytes: int) -> float:
        return self.timeout_seconds + size_bytes / SLOWEST_BYTES_PER_SECOND

    async def _until(self, running: "asyncio.Future[T]", seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await running
        except TimeoutError:
            self.timings.observe("wait", FAILED, seconds)
            raise StorageUnavailableError(
                f"The picture store did not answer within {seconds:.0f} s."
            ) from None

    @contextlib.contextmanager
    def _called(self, operation: str) -> Iterator[None]:
        """Measure a file system call and translate its errors."""
        # A missing file is a valid answer, except to `put`.
        answers = () if operation == "put" else (FileNotFoundError,)
        with translated(operation), self.timings.measured(operation, *answers):
            yield

    @contextlib.contextmanager
    def _putting(self, size_bytes: int) -> Iterator[None]:
        try:
            with self._called("put"):
                if self._was_there:
                    Path(self._root).stat()
                yield
                self._was_there = self._local
            if size_bytes >= self._refused_bytes:
                self._refused_bytes = 0
        except StorageUnavailableError:
            self._refused_bytes = min(size_bytes, _LARGEST_CHECK_BYTES)
            raise
        except FileNotFoundError as error:
            self._believe_missing()
            raise StorageUnavailableError(
                f"The picture store cannot be written: {error}."
            ) from error

    async def check(self) -> None:
        """Check the store: write, read and delete a small file, and find that it is gone.

        Raises:
            StorageUnavailableError: when one of them fails.
        """
        await check_store(self, self._refused_bytes)

    @_in_thread
    def absence(self) -> str:
        """What to say if the store itself is missing; empty if it is there."""
        return self._absence()

    async def put(self, data: bytes, suffix: str) -> str:
        """Store these bytes and return their key; equal bytes have the same key.

        Args:
            data: the content.
            suffix: of the file name; or the key, if known, which saves computing it.

        Raises:
            StorageUnavailableError: when they could not be written; nothing was stored.
        """
        return await self._in_time(lambda: self.put_sync(data, suffix), len(data))

    def put_sync(self, data: bytes, suffix: str) -> str:
        """As `put`. An existing key is written again, which renews its modification time."""
        key = suffix if KEY.fullmatch(suffix) else key_for(data, suffix)
        path = self._path(key)
        with self._putting(len(data)):
            if self._local:
                write_whole(Path(path), data)
            else:
                self._fs.pipe_file(path, data)
        self._sizes.note(key, len(data))
        return key

    async def put_file(self, file: Path, suffix: str) -> str:
        """As `put`, streaming from a file.

        Raises:
            OSError: when the file cannot be read.
            StorageUnavailableError: as `put`.
        """
        return await self._in_time(lambda: self._put_file(file, suffix), _size_of(file))

    def _put_file(self, file: Path, suffix: str) -> str:
        with file.open("rb") as opened:
            key = key_of(hashlib.file_digest(opened, "sha256").hexdigest(), suffix)
            opened.seek(0)
            path = self._path(key)
            with self._putting(_size_of(file)):
                if self._local:
                    copy_whole(opened, Path(path))
                else:
                    self._fs.put_file(str(file), path)
        return key

    async def get(self, key: str) -> bytes:
        """Return the bytes of a key.

        Raises:
            PictureMissingError: when the key does not exist.
            StorageUnavailableError: when they could not be read.
        """
        reading = asyncio.get_running_loop().run_in_executor(_THREADS, self.get_sync, key)
        try:
            await asyncio.wait({reading}, timeout=self.timeout_seconds)
            if reading.done():
                return reading.result()
            # A store that answers this query in the meantime is slow, not hung: the timeout is
            # extended.
            return await self._until(reading, self._seconds_for(await self._size_bytes(key)))
        finally:
            reading.cancel()

    async def total_bytes(self, keys: Collection[str]) -> int:
        """Total size of these keys; missing ones count as 0."""
        return sum((await self.sizes_bytes(keys)).values())

    async def sizes_bytes(self, keys: Collection[str]) -> dict[str, int]:
        """Size of each of these keys; 0 for missing ones."""
        return await self._sizes.of(keys)

    def known_sizes_bytes(self, keys: Iterable[str]) -> dict[str, int]:
        """Sizes of these keys that are cached; always empty for a folder."""
        return self._sizes.known(keys)

    @_in_thread
    def _size_bytes(self, key: str) -> int:
        with contextlib.suppress(FileNotFoundError), self._called("size"):
            return int(self._fs.info(self._path(key))["size"])
        return 0

    def get_sync(self, key: str) -> bytes:
        """As `get`."""

        def get() -> tuple[bytes, str]:
            with self._called("get"):
                data = self._fs.cat_file(self._path(key))
            assert isinstance(data, bytes)
            return data, "" if self._local else hashlib.sha256(data).hexdigest()

        return self._read(key, get)

    def get_file_sync(self, key: str, file: Path) -> None:
        """As `get_sync`, streaming into a file.

        Raises:
            OSError: when the file cannot be written.
        """

        def get() -> tuple[None, str]:
            with self._called("get"):
                self._fs.get_file(self._path(key), str(file))
            if self._local:
                return None, ""
            with file.open("rb") as opened:
                return None, hashlib.file_digest(opened, "sha256").hexdigest()

        try:
            self._read(key, get)
        except StorageUnavailableError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _NO_ROOM:
                raise error.__cause__ from None
            raise

    def _read(self, key: str, get: Callable[[], tuple[T, str]]) -> T:
        """What `get` reads; a bucket, of which others may be in between, is asked twice.

        Args:
            key: the key.
            get: reads it, and computes the SHA-256 of what came from a bucket.

        Raises:
            PictureMissingError: when the key does not exist, or its bytes are others both times.
        """
        for _ in range(2):
            with self._told_if_missing(key):
                found, digest = get()
            if key.startswith(digest):
                return found
        raise PictureMissingError(f"The picture {key} is damaged in the bucket.")

    @_in_thread
    def exists(self, key: str) -> bool:
        """Whether the store has the key."""
        with self._called("exists"):
            found = bool(self._fs.exists(self._path(key)))
        if not found:
            self._believe_missing()
        return found

    @_in_thread
    def delete(self, key: str) -> None:
        """Delete a key; a missing one is no error."""
        with contextlib.suppress(FileNotFoundError), self._called("delete"):
            self._fs.rm_file(self._path(key))

    @_in_thread
    def delete_if_untouched(self, key: str, seconds: float) -> bool:
        """Delete a key unless it was put (again) within the last `seconds`."""
        path = self._path(key)
        with contextlib.suppress(FileNotFoundError), self._called("delete"):
            if self._local:
                return delete_untouched(Path(path), seconds)
            if time.time() - modified_at(self._fs.info(path)) >= seconds:
                self._fs.rm_file(path)
                return True
        return False

    def walk_sync(self) -> Iterator[StoredPicture]:
        """All files of the store; unfinished ones of dead processes are deleted."""
        try:
            with self._called("list"):
                if not self._local:
                    end_abandoned_uploads(self._fs, self._root, KEY.fullmatch)
                found = self._fs.find(self._root, detail=True)
        except FileNotFoundError:
            self._believe_missing()
            return
        for path, info in found.items():
            name = str(path).rsplit("/", 1)[-1]
            modified = modified_at(info)
            if KEY.fullmatch(name):
                yield StoredPicture(name, int(info["size"]), modified)
                continue
            if self._local:
                delete_leftover(Path(path), time.time() - modified)

    @_in_thread
    def keeps_deleted(self) -> bool:
        """Whether deleted files stay for good as old versions in a bucket, if it says so."""
        with self._called("exists"):
            return not self._local and keeps_deleted(self._fs, self._root)

    @contextlib.contextmanager
    def _told_if_missing(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            self._believe_missing()
            raise PictureMissingError(f"The picture {key} is no longer there.") from None

    def _believe_missing(self) -> None:
        """Check that the store itself exists before reporting a missing file.

        An unmounted folder and a missing bucket look like a missing file.

        Raises:
            StorageUnavailableError: when the store itself is missing.
        """
        if said := self._absence():
            raise StorageUnavailableError(said)

    def _absence(self) -> str:
        """What to say if the store itself is missing; empty if it is there."""
        place = self._root if self._local else self._root.partition("/")[0]
        with self._called("exists"):
            there = path_exists(Path(place)) if self._local else is_there(self._fs, place)
        return "" if there else absence(place, is_folder=self._local)

    def _path(self, key: str) -> str:
        if not KEY.fullmatch(key):
            raise PictureMissingError(f"{key[:80]!r} is no key of a picture.")
        return f"{self._root}/{key[:2]}/{key}"


def _size_of(file: Path) -> int:
    return file.stat().st_size


def _may_be_there(folder: Path) -> bool:
    """Whether a folder exists; True if the system does not tell, which whoever uses it reports."""
    try:
        return folder.is_dir()
    except OSError:  # it is closed to this user, or its network drive is away
        return True
