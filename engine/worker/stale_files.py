"""Deletes what killed engines left on the disk, and old statistics, at the start."""

import contextlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from common.files import TEMPORARY
from common.settings import Settings
from engine.scratch import SCRATCH
from engine.styles.statistics_files import StatisticsFiles

log = logging.getLogger(__name__)

ABANDONED_SECONDS = 3600.0
"""No write takes so long, so a partial file of this age is abandoned."""


def delete_stale_files(settings: Settings) -> int:
    """Delete partial timelapses, partial downloads and old statistics; returns how many.

    What cannot be deleted stays.
    """
    count = 0
    for path in (*_scratch_of_dead_processes(), *_partial_files(settings)):
        with contextlib.suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            count += 1
    count += StatisticsFiles(settings.statistics_dir).forget_unused()
    if count:
        log.info("%d files and folders that were left behind are deleted", count)
    return count


def _scratch_of_dead_processes() -> Iterator[Path]:
    for path in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        found = re.match(rf"{SCRATCH}(\d+)-", path.name)
        # Nothing is painted yet, so a folder with this process's own ID belongs to an earlier one:
        # a restarted container assigns the same IDs.
        if found is not None and (
            int(found[1]) == os.getpid() or not psutil.pid_exists(int(found[1]))
        ):
            yield path


def _partial_files(settings: Settings) -> Iterator[Path]:
    for folder in (settings.styles_dir, settings.statistics_dir, settings.pace_dir):
        for pattern in (f"**/*{TEMPORARY}", "**/.new-*"):
            for path in folder.glob(pattern):
                with contextlib.suppress(OSError):
                    if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                        yield path
