"""One bot a folder, one bot an application: two would answer everything twice."""

import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from common.settings import SettingsError
from jobs.working.bots import BotInfo

log = logging.getLogger(__name__)

LOCK_NAME = "bot.lock"
ENDING_SECONDS = 25.0
"""How long a bot that is about to end, and holds the folder yet, is waited for."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the data folder against another bot, until this process ends in whatever way.

    Raises:
        SettingsError: another bot has it.
    """
    lock = FileLock(folder / LOCK_NAME, mode=0o600)
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


def is_gone(bot: BotInfo) -> bool:
    """Whether a bot that the database knows has ended without signing off, as far as is seen here.

    A container that starts again has the name and the number of the one before.
    """
    if bot.host != platform.node():
        return False
    return bot.pid == os.getpid() or not psutil.pid_exists(bot.pid)
