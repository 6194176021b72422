"""Exports all data about a user, as zip archives that each fit an upload and into memory."""

import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.kit import Bot
from common.child import ChildError
from common.store import PictureMissingError

LARGEST_PART_BYTES = 10 * 1024 * 1024  # one part is held in memory
ENTRY_OVERHEAD_BYTES = 1024  # names and headers, which a zip has twice
DATA = "data.json"
CLIP_ENDING = ".clip"


@dataclass(frozen=True)
class ExportPart:
    """One archive of an export."""

    archive: io.BytesIO
    """The zip, positioned at its start."""
    left_out: int
    """Pictures so far that are in no part."""
    to_come: int
    """Pictures not looked at yet."""


async def export_parts(client: Bot, user_id: int, limit_bytes: int) -> AsyncIterator[ExportPart]:
    """Build an export, one archive at a time; the first has the data (`data.json`).

    A picture too large for any archive is included as the best JPEG or WebP that fits.
    """
    limit_bytes = min(limit_bytes, LARGEST_PART_BYTES)
    export = await client.queue.privacy.export_user(user_id)
    keys = export.picture_keys
    buffer, left_out = io.BytesIO(), 0
    _add(buffer, DATA, json.dumps(export.data, indent=2, ensure_ascii=False).encode(), packed=True)
    for number, key in enumerate(keys):
        picture = await _picture(client, key, limit_bytes - ENTRY_OVERHEAD_BYTES)
        if picture is None:
            left_out += 1
            continue
        name, content = picture
        if buffer.tell() + len(content) + ENTRY_OVERHEAD_BYTES > limit_bytes:
            yield ExportPart(_rewound(buffer), left_out, len(keys) - number)
            buffer = io.BytesIO()
        _add(buffer, f"pictures/{name}", content)
    yield ExportPart(_rewound(buffer), left_out, 0)


async def _picture(client: Bot, key: str, limit_bytes: int) -> tuple[str, bytes] | None:
    """A stored picture and its file name, re-encoded if it is too large; None if that fails."""
    try:
        content = await client.queue.store.get(key)
        if len(content) <= limit_bytes:
            return key, content
        encoded = await client.encoder.make(
            "fit_clip" if key.endswith(CLIP_ENDING) else "fit", limit_bytes, content
        )
    except (PictureMissingError, ChildError):
        return None
    return key.rpartition(".")[0] + encoded.suffix, encoded.data


def _add(buffer: io.BytesIO, name: str, content: bytes, *, packed: bool = False) -> None:
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED  # pictures are compressed already
    with zipfile.ZipFile(buffer, "a", kind) as archive:
        archive.writestr(name, content)
    buffer.seek(0, io.SEEK_END)


def _rewound(buffer: io.BytesIO) -> io.BytesIO:
    buffer.seek(0)
    return buffer
