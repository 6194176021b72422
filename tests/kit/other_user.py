"""What a folder looks like to somebody else than its owner."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

NOBODY = 65_534


@contextlib.contextmanager
def closed_to_us(folder: Path) -> Iterator[None]:
    """Let this process be somebody to whom the folder is closed; as root it is nobody meanwhile."""
    mode, is_root = folder.stat().st_mode, os.geteuid() == 0
    folder.chmod(0o700 if is_root else 0)
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(mode)
