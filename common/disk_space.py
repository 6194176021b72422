"""Free space on the disks of the data folder and the pictures, which may differ."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from common.settings import Settings
from common.store.backends import folder_of


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Free space on a folder's disk."""

    folder: Path
    free_bytes: int


def least_space(settings: Settings) -> DiskSpace | None:
    """The disk with less free space; None if the system does not tell.

    For a folder that does not exist yet, the one that will contain it counts.
    """
    folders = (settings.atelier_data_dir.resolve(), folder_of(settings.storage_url))
    found = []
    for folder in filter(None, folders):
        with contextlib.suppress(OSError):
            there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
            if there is not None:
                found.append(DiskSpace(folder, shutil.disk_usage(there).free))
    return min(found, key=lambda space: space.free_bytes, default=None)
