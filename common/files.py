"""Files that are there whole or not at all."""

import contextlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".part"
"""How the name of a file ends that is being written."""


def private_folder(folder: Path) -> None:
    """Make a folder, and those above it, for the user that runs this program alone.

    Raises:
        OSError: the system refuses.
    """
    if folder.is_dir():
        return
    private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def close_to_others(path: Path) -> None:
    """Take from everybody but its owner what they may do with a file or folder that is ours.

    Raises:
        OSError: the system refuses.
    """
    if os.name != "posix":
        return
    known = path.stat()
    if known.st_uid == os.geteuid() and known.st_mode & 0o077:
        path.chmod(known.st_mode & 0o700)


@contextlib.contextmanager
def becoming(path: Path) -> Iterator[Path]:
    """A file beside this one, which becomes it at the end of the block, or is gone with an error.

    Only the user that runs this program may read it; there is an empty one to begin with.

    Raises:
        OSError: the system refuses.
    """
    private_folder(path.parent)
    handle, temporary = tempfile.mkstemp(suffix=TEMPORARY, dir=path.parent)
    os.close(handle)
    try:
        yield Path(temporary)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is either whole or not there, also after a power cut.

    Only the user that runs this program may read it.

    Raises:
        OSError: the system refuses.
    """
    copy_whole(io.BytesIO(data), path)


def write_texts(path: Path, texts: Mapping[str, str]) -> None:
    """Keep texts under names in a JSON file, as `write_whole` writes it.

    Raises:
        OSError: the system refuses.
    """
    write_whole(path, json.dumps(dict(texts)).encode())


def read_texts(path: Path) -> dict[str, str]:
    """What `write_texts` kept; nothing where the file is not there, or damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: str(text) for name, text in kept.items()} if isinstance(kept, dict) else {}


def copy_whole(source: BinaryIO, path: Path) -> None:
    """As `write_whole`, with what is read from a file, of which memory holds a small part."""
    with becoming(path) as partial, partial.open("wb") as file:
        shutil.copyfileobj(source, file)
        file.flush()
        os.fsync(file.fileno())
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
