"""Atomic writes: a file appears under its name only when it is complete."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.files import put_in_place
from engine.output.errors import not_written

_MOST_SUFFIX = 16


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that replaces it at the end; deleted after an exception.

    If nothing was written, the file at `path` stays. A symbolic link stays one, to the new file.

    Raises:
        OutputError: the file cannot be written.
    """
    # The suffix stays, as writers choose the format by it; the rest is short, as names may be
    # as long as the system allows.
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    temporary = place.with_name(f".{secrets.token_hex(4)}.part{path.suffix[:_MOST_SUFFIX]}")
    try:
        yield temporary
        if temporary.exists():
            _sync(temporary)
            put_in_place(temporary, place)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write the file completely or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
