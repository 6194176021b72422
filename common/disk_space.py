"""How much is free on the disks of the data folder and of the pictures, which may be two."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from common.settings import Settings
from common.store_places import folder_of


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """What is free where a folder lies."""

    folder: Path
    free_bytes: int


def least_space(settings: Settings) -> DiskSpace | None:
    """Where the least is free, of both; None where the system does not say.

    A folder that is yet to be made counts as the one in which it will be.
    """
    folders = (settings.atelier_data_dir.resolve(), folder_of(settings.storage_url))
    found = []
    for folder in filter(None, folders):
        with contextlib.suppress(OSError):
            there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
            if there is not None:
                found.append(DiskSpace(folder, shutil.disk_usage(there).free))
    return min(found, key=lambda space: space.free_bytes, default=None)
