"""All that is kept of a user, in archives that each fit into one upload and into memory."""

import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.kit import Bot
from common.child import ChildError
from common.store import PictureMissingError

LARGEST_PART_BYTES = 10 * 1024 * 1024  # a part is held in memory
ENTRY_OVERHEAD_BYTES = 1024  # what an entry costs besides its bytes: names and headers, twice
DATA = "data.json"
CLIP_ENDING = ".clip"


@dataclass(frozen=True)
class ExportPart:
    """One archive of an export."""

    archive: io.BytesIO
    """The zip, to be read from its beginning."""
    left_out: int
    """Pictures that are in no part, of those looked at so far."""
    to_come: int
    """Pictures that have not been looked at."""


async def export_parts(client: Bot, user_id: int, limit_bytes: int) -> AsyncIterator[ExportPart]:
    """Make the export one archive after the other; the first holds the lists (`data.json`).

    A picture that is too large for any archive comes as the best JPEG or WebP that is not.
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
    """A stored picture, with its name; made to fit if need be, and None if it cannot."""
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
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED  # pictures are packed already
    with zipfile.ZipFile(buffer, "a", kind) as archive:
        archive.writestr(name, content)
    buffer.seek(0, io.SEEK_END)


def _rewound(buffer: io.BytesIO) -> io.BytesIO:
    buffer.seek(0)
    return buffer
