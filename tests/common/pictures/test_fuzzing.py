"""Thousands of broken files of every format: each gets a picture or a sentence, and in time."""

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
AT_ONCE = 2
PROCESSOR_SECONDS = 10.0
MEMORY_BYTES = 1 << 30
LIMITS = DecodeLimits(max_pixels=4_000_000)
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0")


def mutated(data: bytes, chance: np.random.Generator) -> bytes:
    """The file with some of its bytes, lengths and parts changed."""
    file = bytearray(data)
    for _ in range(int(chance.integers(1, 6))):
        if len(file) < 16:
            break
        # The beginning says what the rest means: half of the changes are there.
        end = len(file) if chance.random() < 0.5 else min(len(file), 300)
        at = int(chance.integers(0, max(1, end - 4)))
        match int(chance.integers(0, 6)):
            case 0:
                file[at] = int(chance.integers(0, 256))
            case 1:
                file[at] ^= 1 << int(chance.integers(0, 8))
            case 2:
                file[at : at + 4] = EXTREMES[int(chance.integers(0, len(EXTREMES)))]
            case 3:
                del file[at : at + int(chance.integers(1, 40))]
            case 4:
                file[at:at] = file[at : at + int(chance.integers(1, 200))]
            case _:
                file = file[: max(16, int(len(file) * chance.random()))]
    return bytes(file)


def mended(png: bytes) -> bytes:
    """The same with the checksums that it should have, so that its contents are read at all."""
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
    ends: Counter[str] = Counter()
    most_memory = 0
    async with DecoderPool(
        LIMITS,
        processes=AT_ONCE,
        processor_seconds=PROCESSOR_SECONDS,
        memory_limit_bytes=MEMORY_BYTES,
    ) as pool:

        async def some(first: int) -> None:
            nonlocal most_memory
            for number in range(first, FILES, AT_ONCE):
                chance = np.random.default_rng(number)
                file = mutated(sources[number % len(sources)], chance)
                if file.startswith(b"\x89PNG") and chance.random() < 0.8:
                    file = mended(file)
                try:
                    picture = await pool.normalize(file)
                except PictureError as problem:
                    said = str(problem)
                    assert said.endswith("."), number
                    ends["crashed" if "crashed" in said else "a sentence"] += 1
                else:
                    assert min(picture.width_px, picture.height_px) >= LIMITS.min_side_px / 20
                    ends["a picture"] += 1
                if number % 500 < AT_ONCE:
                    most_memory = max(
                        most_memory, 0, *(memory_of(child.process.pid) for child in pool._all)
                    )

        await asyncio.gather(*(some(first) for first in range(AT_ONCE)))
    logging.getLogger(__name__).info("%s, at most %d MiB", dict(ends), most_memory >> 20)
    assert sum(ends.values()) == FILES
    assert min(ends["a picture"], ends["a sentence"]) > FILES / 20
    assert ends["crashed"] <= FILES / 1000
    assert most_memory < 600 << 20
