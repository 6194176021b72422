"""Atomic file writes: a file is there whole or not at all."""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".part"
"""Suffix of a file that is being written."""
_PAUSES_SECONDS: tuple[float, ...] = (
    (0.01, 0.05, 0.1, 0.2, 0.4, 0.8) if sys.platform == "win32" else ()
)
"""Between the tries to put a file where another is read."""


def private_folder(folder: Path) -> None:
    """Create a folder and its parents, accessible to the current user only.

    Raises:
        OSError: it cannot be created.
    """
    if folder.is_dir():
        return
    private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def path_exists(path: Path) -> bool:
    """Whether a file or folder exists. `Path.exists` of Python 3.14 denies what it may not see.

    Raises:
        OSError: the system does not tell.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def close_to_others(path: Path) -> None:
    """Remove the permissions of everybody but the owner from a file or folder of ours.

    Raises:
        OSError: they cannot be changed.
    """
    if sys.platform != "win32":
        known = path.stat()
        if known.st_uid == os.geteuid() and known.st_mode & 0o077:
            path.chmod(known.st_mode & 0o700)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file that replaces `path` at the end of the block, or is deleted on an error.

    It is created empty; only the current user may read it.

    Raises:
        OSError: it cannot be written.
    """
    private_folder(path.parent)
    handle, temporary = tempfile.mkstemp(suffix=TEMPORARY, dir=path.parent)
    os.close(handle)
    try:
        yield Path(temporary)
        put_in_place(Path(temporary), path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def put_in_place(written: Path, path: Path) -> None:
    """Atomically replace `path` by a complete file.

    Windows refuses while a process has either file open: one of ours for a moment, or a virus
    scanner for each new file. So it is retried.

    Raises:
        OSError: the system refuses.
    """
    for pause_seconds in _PAUSES_SECONDS:
        with contextlib.suppress(PermissionError):
            written.replace(path)
            return
        time.sleep(pause_seconds)
    written.replace(path)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically and durably, even in case of a power failure.

    Only the current user may read it.

    Raises:
        OSError: it cannot be written.
    """
    copy_whole(io.BytesIO(data), path)


def write_texts(path: Path, texts: Mapping[str, str]) -> None:
    """Write texts by name to a JSON file, with `write_whole`.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(path, json.dumps(dict(texts)).encode())


def read_texts(path: Path) -> dict[str, str]:
    """Read what `write_texts` wrote; empty if the file is missing or damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: str(text) for name, text in kept.items()} if isinstance(kept, dict) else {}


def copy_whole(source: BinaryIO, path: Path) -> None:
    """As `write_whole`, streaming from an open file."""
    with replacing(path) as partial, partial.open("wb") as file:
        shutil.copyfileobj(source, file)
        file.flush()
        os.fsync(file.fileno())
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
