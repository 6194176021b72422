"""An export that is too large for one upload, in several archives that each fit."""

import asyncio
import io
import json
import zipfile

# What an entry costs in an archive besides its bytes: names and headers, twice.
ENTRY_OVERHEAD_BYTES = 1024
DATA = "data.json"


async def split_export(
    archive: bytes, limit_bytes: int, parts_at_most: int
) -> tuple[list[io.BytesIO], int]:
    """Split a zip into zips of at most `limit_bytes`; and how many pictures are in none."""
    return await asyncio.to_thread(_split, archive, limit_bytes, parts_at_most)


def _split(archive: bytes, limit_bytes: int, parts_at_most: int) -> tuple[list[io.BytesIO], int]:
    parts: list[io.BytesIO] = []
    room = 0
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        left_out = len(json.loads(source.read(DATA))["pictures_left_out"])
        if len(archive) <= limit_bytes:
            return [io.BytesIO(archive)], left_out
        # The lists first, then small pictures before large ones: as much as possible arrives.
        entries = sorted(source.infolist(), key=_order)
        for entry in entries:
            size = entry.compress_size + ENTRY_OVERHEAD_BYTES
            if size > room:
                if size > limit_bytes or len(parts) == parts_at_most:
                    left_out += 1
                    continue
                parts.append(io.BytesIO())
                room = limit_bytes
            with zipfile.ZipFile(parts[-1], "a", entry.compress_type) as target:
                target.writestr(entry, source.read(entry))
            room = limit_bytes - parts[-1].getbuffer().nbytes
    for part in parts:
        part.seek(0)
    return parts, left_out


def _order(entry: zipfile.ZipInfo) -> tuple[bool, int]:
    return entry.filename != DATA, entry.compress_size
