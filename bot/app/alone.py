"""One bot a folder, one bot an application: two would answer everything twice."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from common.settings import SettingsError
from jobs.db.living import BOT_LOCK

log = logging.getLogger(__name__)

ENDING_SECONDS = 25.0
"""How long a bot that is about to end, and holds the folder yet, is waited for."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the data folder against another bot, until this process ends in whatever way.

    Raises:
        SettingsError: another bot has it.
    """
    lock = FileLock(folder / BOT_LOCK, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("Another bot uses %s; waiting for its end", folder)
        try:
            lock.acquire(timeout=ENDING_SECONDS, poll_interval=0.2)
        except Timeout:
            raise SettingsError(
                f"ATELIER_DATA_DIR: another bot uses {folder}. Stop it, or name another folder."
            ) from None
    try:
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a bot holds the data folder now."""
    lock = FileLock(folder / BOT_LOCK, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
