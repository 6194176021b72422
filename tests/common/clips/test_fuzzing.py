"""Damaged animations and videos are decoded or refused, and never crash the decoder."""

import random

from common.pictures import ClipLimits, DecoderPool, PictureError
from tests.common.clips.test_process import FILES

FILES_PER_FORMAT = 24


async def test_damaged_moving_file_never_crashes_the_decoder() -> None:
    async with DecoderPool(processes=1) as pool:
        for name, file in FILES.items():
            random_ = random.Random(name)
            for number in range(FILES_PER_FORMAT):
                data = bytearray(file)
                for _ in range(random_.choice([1, 3, 10])):
                    data[random_.randrange(8, len(data))] = random_.randrange(256)
                if number % 6 == 0:
                    del data[random_.randrange(12, len(data)) :]
                assert "crashed" not in await refusal_of(pool, bytes(data)), (name, number)


async def refusal_of(pool: DecoderPool, data: bytes) -> str:
    """The message that refuses a file; empty if the file is accepted."""
    try:
        decoded = await pool.decode(data, ClipLimits())
    except PictureError as problem:
        return str(problem)
    assert decoded.picture.png
    return ""
