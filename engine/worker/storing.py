"""Uploads a finished painting's files to the store."""

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePath

from common.clips.clip import CLIP_SUFFIX
from common.store import PictureStore, StorageUnavailableError
from engine.errors import PaintingStoppedError
from engine.worker import health
from engine.worker.job_handle import JobHandle
from engine.worker.lease import TICK_SECONDS
from engine.worker.outcomes import ClipFiles, Finished
from jobs.model import PaintedClip

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredFiles:
    """The files of a painting, in the store."""

    versions: tuple[str, ...]
    """Keys of all versions; most jobs have one."""
    timelapse_key: str | None
    records: dict[str, str]
    clip: PaintedClip | None


async def store_finished(
    store: PictureStore,
    finished: Finished,
    handle: JobHandle,
    note_trouble: Callable[[str], Awaitable[None]],
) -> StoredFiles | None:
    """Store the files of a painting; None if the job was stopped before that succeeded.

    It retries as long as necessary: an hour of work is not lost to a disk that is full for a
    moment.
    """
    for failures in itertools.count():
        try:
            return await _put(store, finished)
        except StorageUnavailableError as error:
            pause = health.BACKOFF.seconds(failures)
            log.warning("%s The painting is kept; again in %.0f s.", error, pause)
            await note_trouble(str(error))
        until = time.monotonic() + pause
        while time.monotonic() < until:
            if handle.stopping:
                return None
            await asyncio.sleep(min(TICK_SECONDS, pause))
    raise AssertionError


def store_version(store: PictureStore, picture: bytes, handle: JobHandle) -> str:
    """Store one of several pictures, in the painting thread, and return its key.

    Retries like `store_finished`.

    Raises:
        PaintingStoppedError: the job was stopped.
    """
    for failures in itertools.count():
        try:
            return store.put_sync(picture, ".png")
        except StorageUnavailableError as error:
            pause = health.BACKOFF.seconds(failures)
            log.warning("%s The finished picture is kept; again in %.0f s.", error, pause)
        until = time.monotonic() + pause
        while time.monotonic() < until:
            if handle.should_stop():
                raise PaintingStoppedError
            time.sleep(TICK_SECONDS)
    raise AssertionError


async def _put(store: PictureStore, finished: Finished) -> StoredFiles:
    lapse = None
    key = await store.put(finished.picture, ".png")
    if finished.timelapse:
        lapse = await store.put(finished.timelapse, finished.timelapse_suffix)
    records = {
        name: await store.put(data, PurePath(name).suffix)
        for name, data in finished.records.items()
    }
    moving = None if finished.moving is None else await _put_moving(store, finished.moving)
    return StoredFiles((*finished.earlier, key), lapse, records, moving)


async def _put_moving(store: PictureStore, moving: ClipFiles) -> PaintedClip:
    key = await store.put_file(moving.clip, CLIP_SUFFIX)
    files = {kind: await store.put_file(file, f".{kind}") for kind, file in moving.files.items()}
    return PaintedClip(
        key, moving.frames, moving.seconds, moving.plays, files, has_alpha=moving.has_alpha
    )
