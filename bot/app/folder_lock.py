"""One bot for each data folder, one for each application: two would answer everything twice."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from common.settings_loading import SettingsError
from jobs.db.liveness import BOT_LOCK

log = logging.getLogger(__name__)

ENDING_SECONDS = 25.0
"""How long to wait for a bot that is shutting down and still has the folder locked."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock the data folder against other bots, until the process ends in whatever way.

    Raises:
        SettingsError: Another bot has locked it.
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


def is_locked(folder: Path) -> bool:
    """Whether a bot has locked the data folder."""
    lock = FileLock(folder / BOT_LOCK, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
