"""Where the picture store's files lie: a folder, or a bucket of S3."""

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
    # Other machines write to the same bucket, so nothing about it may be remembered.
    "use_listings_cache": False,
    "skip_instance_cache": True,
    "config_kwargs": {
        "connect_timeout": 5,
        # What is sent lies in the system's buffers for a while on a slow line, before any answer.
        "read_timeout": 60,
        "retries": {"mode": "standard", "total_max_attempts": 2},
    },
}
_TRIES = 1
"""Of s3fs itself, each of which has those of its client: who calls tries again, and says so."""
_CLOSING_SECONDS = 0.5


def open_place(url: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """The file system of an address, and the path in it.

    Args:
        url: a folder, as a path or as `file:…`, or `s3://bucket/prefix`.
        options: go to fsspec's file system.

    Raises:
        ValueError: it is no address.
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
    """S3's client, which is not to ask a server whether it may send something before it does.

    Where that does not answer, the client waits for ever, and whoever called it.
    """
    try:
        from aiobotocore.session import AioSession  # noqa: PLC0415 - an extra
        from botocore.handlers import add_expect_header  # noqa: PLC0415 - the same
    except ImportError:
        return {}  # it is missed, and told of, where it is to be used
    session = AioSession()
    session.unregister("before-call.s3", add_expect_header)
    return {"session": session}


def folder_of(url: str) -> Path | None:
    """The folder that an address names, or None where it names something else.

    A plain path is taken as it is, whatever signs it has; in a `file:` address `%20` is a space.
    """
    if url.startswith("file:"):
        return Path(url2pathname(urlsplit(url.replace("#", "%23").replace("?", "%3F")).path))
    return None if "://" in url else Path(url)


def modified_at(info: dict[str, Any]) -> float:
    """When a file was written last, by what its file system says of it; now where that is not."""
    value = info.get("mtime", info.get("LastModified"))
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value) if value is not None else time.time()


def _adopt_misplaced(folder: Path) -> None:
    """Move pictures here that an earlier version kept beside it, in a folder named `my%20bot`."""
    if not folder.is_absolute():
        return
    misplaced = Path(folder.as_uri().removeprefix("file://"))
    if misplaced == folder or folder.exists() or not misplaced.is_dir():
        return
    with contextlib.suppress(OSError):  # another process was quicker
        private_folder(folder.parent)
        misplaced.rename(folder)


def _close_session(loop: asyncio.AbstractEventLoop | None, session: Any) -> None:
    """Close a bucket's connections when its store is let go of, in the loop that they live in.

    s3fs would close them in the loop of whoever happens to let go, which fails aloud.
    """
    if loop is None or not loop.is_running():
        return
    closing = asyncio.run_coroutine_threadsafe(session.__aexit__(None, None, None), loop)
    try:
        asyncio.get_running_loop()  # it must not wait
    except RuntimeError:
        with contextlib.suppress(Exception):
            closing.result(_CLOSING_SECONDS)
