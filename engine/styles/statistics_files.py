"""A cache of style statistics on disk, so that a style is measured only once."""

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from common.files import write_whole
from engine.painting.statistics import StatisticsKey, StyleStatistics

MAX_BYTES = 256 * 1024 * 1024
_SUFFIX = ".statistics"
KEPT_SECONDS = 86_400.0
"""How long statistics are kept that no painting uses."""


class StatisticsFiles:
    """A least-recently-used cache of statistics in a folder, bounded in size.

    Each stored picture has a subfolder named by its key, to be deleted with it. Errors with the
    files never make a painting fail.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def get(self, key: StatisticsKey, layers: Sequence[str]) -> StyleStatistics | None:
        """See `engine.painting.statistics.StatisticsStore`."""
        path = self._path(key)
        try:
            found = StyleStatistics.from_bytes(path.read_bytes())
        except OSError:
            return None
        except ValueError:
            with contextlib.suppress(OSError):
                path.unlink()  # damaged
            return None
        if found.key != key or not set(layers) <= set(found.layers):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return found

    def put(self, statistics: StyleStatistics) -> None:
        """See `engine.painting.statistics.StatisticsStore`."""
        path = self._path(statistics.key)
        data = statistics.to_bytes()
        if len(data) > self._max_bytes:
            return
        with contextlib.suppress(OSError):
            write_whole(path, data)
            self.forget_unused()
            self._shrink()

    def forget_unused(self) -> int:
        """Delete statistics that were not used for `KEPT_SECONDS`; returns how many."""
        count = 0
        for path in self._folder.rglob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                    path.unlink()
                    count += 1
        return count

    def origins(self) -> set[str]:
        """Keys of the stored pictures that have statistics here."""
        with contextlib.suppress(OSError):
            return {path.name for path in self._folder.iterdir() if path.is_dir()}
        return set()

    def forget_origins(self, keys: Collection[str]) -> None:
        """Delete the statistics of these pictures."""
        for key in keys:
            shutil.rmtree(self._folder / key, ignore_errors=True)

    def _path(self, key: StatisticsKey) -> Path:
        words = json.dumps(asdict(key), sort_keys=True)
        folder = self._folder / key.origin if key.origin else self._folder
        return folder / f"{hashlib.sha256(words.encode()).hexdigest()}{_SUFFIX}"

    def _shrink(self) -> None:
        kept = [(path.stat(), path) for path in self._folder.rglob(f"*{_SUFFIX}")]
        total = sum(stat.st_size for stat, _ in kept)
        for stat, path in sorted(kept, key=lambda one: one[0].st_mtime):
            if total <= self._max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= stat.st_size
