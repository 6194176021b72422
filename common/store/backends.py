"""The picture store's backends: a folder, or an S3 bucket."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import fsspec
from fsspec.implementations.local import LocalFileSystem

from common.files import private_folder

_S3_OPTIONS: dict[str, Any] = {
    # Other machines write to the same bucket, so listings must not be cached.
    "use_listings_cache": False,
    "skip_instance_cache": True,
    "config_kwargs": {
        "connect_timeout": 5,
        # On a slow connection, uploaded data stays in the system's buffers for a while before the
        # answer.
        "read_timeout": 60,
        "retries": {"mode": "standard", "total_max_attempts": 2},
        # Servers other than Amazon's may refuse them when written (Ceph over HTTPS), and answer
        # with wrong ones when a part is read (rclone). Uploads are signed with their SHA-256.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    },
}
_TRIES = 1
"""Attempts of s3fs, each with its client's own retries: callers retry, and report it."""
_CLOSING_SECONDS = 0.5


def open_backend(url: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """The file system of an address, and the path within it.

    Args:
        url: a folder, as a path or `file:…`, or `s3://bucket/prefix`.
        options: passed to fsspec's file system.

    Raises:
        ValueError: the address is invalid.
        ImportError: its client is not installed.
    """
    if (folder := folder_of(url)) is not None:
        _adopt_misplaced(folder)
        return LocalFileSystem(), folder.as_posix()
    given = {**(_S3_OPTIONS | _session() if url.startswith("s3:") else {}), **options}
    system, root = fsspec.core.url_to_fs(url, **given)
    system.close_session = _close_session
    system.retries = _TRIES
    return system, root


def _session() -> dict[str, Any]:
    """Options with an S3 client that does not send `Expect: 100-continue`.

    If the server does not answer that, the client waits forever.
    """
    try:
        from aiobotocore.session import AioSession  # noqa: PLC0415 - an extra
        from botocore.handlers import add_expect_header  # noqa: PLC0415 - the same
    except ImportError:
        return {}  # its absence is reported where it is used
    session = AioSession()
    session.unregister("before-call.s3", add_expect_header)
    return {"session": session}


def folder_of(url: str) -> Path | None:
    """The folder of an address; None for other backends.

    A plain path is taken literally; in a `file:` URL, `%20` is a space.
    """
    if url.startswith("file:"):
        return Path(url2pathname(urlsplit(url.replace("#", "%23").replace("?", "%3F")).path))
    return None if "://" in url else Path(url)


def modified_at(info: dict[str, Any]) -> float:
    """Modification time of a file from its file system's metadata; now if there is none."""
    value = info.get("mtime", info.get("LastModified"))
    if isinstance(value, datetime):
        return value.timestamp()
    return time.time() if value in {None, ""} else float(value)


def _adopt_misplaced(folder: Path) -> None:
    """Move pictures that an earlier version put beside the folder, into one named `my%20bot`."""
    if not folder.is_absolute():
        return
    misplaced = Path(folder.as_uri().removeprefix("file://"))
    with contextlib.suppress(OSError):  # another process has moved it, or these may not be read
        if misplaced == folder or folder.exists() or not misplaced.is_dir():
            return
        private_folder(folder.parent)
        misplaced.rename(folder)


def _close_session(loop: asyncio.AbstractEventLoop | None, session: Any) -> None:
    """Close a bucket's connections in their own loop when its store is garbage-collected.

    s3fs would close them in any loop, and fail with a traceback.
    """
    if loop is None or not loop.is_running():
        return
    closing = asyncio.run_coroutine_threadsafe(session.__aexit__(None, None, None), loop)
    try:
        asyncio.get_running_loop()  # cannot wait inside a running loop
    except RuntimeError:
        with contextlib.suppress(Exception):
            closing.result(_CLOSING_SECONDS)
