"""Runs code without access to a folder, also as root."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

NOBODY = 65_534


@contextlib.contextmanager
def without_access(folder: Path) -> Iterator[None]:
    """Deny this process access to the folder; as root, by becoming `nobody` for the block."""
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
