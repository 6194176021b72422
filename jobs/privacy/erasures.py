"""A file of erasures beside the database, so that they are repeated after a restore."""

import json
import os
import time
from contextlib import suppress
from pathlib import Path

from common.files import private_folder, write_whole
from jobs.core import DAY_SECONDS

NAME = "erasures.jsonl"
KEPT_SECONDS = 400 * DAY_SECONDS
"""How long erasures are kept; restoring an older backup would bring erased data back."""


def remember(folder: Path, user_id: int, at: float) -> None:
    """Record an erasure before it is carried out.

    Args:
        folder: the data folder.
        user_id: whose data is erased.
        at: seconds since 1970.

    Raises:
        OSError: the file cannot be written.
    """
    private_folder(folder)
    path = folder / NAME
    known = _read(path)
    if known and known[0][1] < at - KEPT_SECONDS:
        lines = [_line(*each) for each in known if each[1] >= at - KEPT_SECONDS]
        write_whole(path, "".join([*lines, _line(user_id, at)]).encode())
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as file:
        if _is_torn(handle):  # or this line would be lost with it
            file.write("\n")
        file.write(_line(user_id, at))
        file.flush()
        os.fsync(file.fileno())


def _is_torn(handle: int) -> bool:
    """Whether the file ends in an incomplete line, as after a power cut."""
    size = os.lseek(handle, 0, os.SEEK_END)
    if not size:
        return False
    os.lseek(handle, -1, os.SEEK_END)
    return os.read(handle, 1) != b"\n"


def erased_since(folder: Path, at: float) -> list[int]:
    """Users whose data was erased after a time."""
    found = [user_id for user_id, when in _read(folder / NAME) if when > at]
    return list(dict.fromkeys(found))


def _line(user_id: int, at: float) -> str:
    said = time.strftime("%Y-%m-%d", time.gmtime(at))
    return json.dumps({"user": str(user_id), "at": at, "day": said}) + "\n"


def _read(path: Path) -> list[tuple[int, float]]:
    found = []
    with suppress(OSError):
        for line in path.read_bytes().splitlines():
            with suppress(ValueError, KeyError, TypeError):  # torn by a power cut
                entry = json.loads(line)
                found.append((int(entry["user"]), float(entry["at"])))
    return found
