"""Thousands of damaged files of every format are decoded or refused, in time and memory."""

import asyncio
import logging
import struct
import zlib
from collections import Counter

import numpy as np
import psutil
import pytest

from common.pictures import DecodeLimits, DecoderPool, PictureError
from tools.picture_files import CASES
from tools.picture_files.case import RefusedFile

FILES = 4_000
PROCESSES = 2
PROCESSOR_SECONDS = 10.0
MEMORY_BYTES = 1 << 30
LIMITS = DecodeLimits(max_pixels=4_000_000)
EXTREME_INTEGERS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0")


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """Change, delete or repeat a few parts of a file."""
    file = bytearray(data)
    for _ in range(int(random.integers(1, 6))):
        if len(file) < 16:
            break
        # Half of the changes are in the headers.
        end = len(file) if random.random() < 0.5 else min(len(file), 300)
        at = int(random.integers(0, max(1, end - 4)))
        match int(random.integers(0, 6)):
            case 0:
                file[at] = int(random.integers(0, 256))
            case 1:
                file[at] ^= 1 << int(random.integers(0, 8))
            case 2:
                file[at : at + 4] = EXTREME_INTEGERS[int(random.integers(0, len(EXTREME_INTEGERS)))]
            case 3:
                del file[at : at + int(random.integers(1, 40))]
            case 4:
                file[at:at] = file[at : at + int(random.integers(1, 200))]
            case _:
                file = file[: max(16, int(len(file) * random.random()))]
    return bytes(file)


def fix_checksums(png: bytes) -> bytes:
    """Correct the checksums of a PNG, so that decoders read its content."""
    out, at = bytearray(png), 8
    while at + 12 <= len(out):
        (length,) = struct.unpack_from(">I", out, at)
        if at + 12 + length > len(out):
            break
        body = bytes(out[at + 4 : at + 8 + length])
        struct.pack_into(">I", out, at + 8 + length, zlib.crc32(body))
        at += 12 + length
    return bytes(out)


def memory_of(process_id: int) -> int:
    try:
        return int(psutil.Process(process_id).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


@pytest.mark.slow
async def test_broken_files_are_answered_without_growing_memory() -> None:
    sources = [case.make() for case in CASES if not isinstance(case.right, RefusedFile)]
    sources = [source for source in sources if len(source) < 100_000]
    outcomes: Counter[str] = Counter()
    peak_memory = 0
    async with DecoderPool(
        LIMITS,
        processes=PROCESSES,
        processor_seconds=PROCESSOR_SECONDS,
        memory_limit_bytes=MEMORY_BYTES,
    ) as pool:

        async def decode_share(first: int) -> None:
            nonlocal peak_memory
            for number in range(first, FILES, PROCESSES):
                random = np.random.default_rng(number)
                file = mutate(sources[number % len(sources)], random)
                if file.startswith(b"\x89PNG") and random.random() < 0.8:
                    file = fix_checksums(file)
                try:
                    picture = await pool.normalize(file)
                except PictureError as problem:
                    message = str(problem)
                    assert message.endswith("."), number
                    outcomes["crashed" if "crashed" in message else "refused"] += 1
                else:
                    assert min(picture.width_px, picture.height_px) >= LIMITS.min_side_px / 20
                    outcomes["decoded"] += 1
                if number % 500 < PROCESSES:
                    peak_memory = max(
                        peak_memory, 0, *(memory_of(child.process.pid) for child in pool._all)
                    )

        await asyncio.gather(*(decode_share(first) for first in range(PROCESSES)))
    logging.getLogger(__name__).info("%s, at most %d MiB", dict(outcomes), peak_memory >> 20)
    assert sum(outcomes.values()) == FILES
    assert min(outcomes["decoded"], outcomes["refused"]) > FILES / 20
    assert outcomes["crashed"] <= FILES / 1000
    assert peak_memory < 600 << 20
