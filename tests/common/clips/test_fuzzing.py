"""Moving files with bytes that changed: a clip, a still picture or a sentence, never a crash."""

import random

from common.pictures import ClipLimits, DecoderPool, PictureError
from tests.common.clips.test_process import FILES

TRIES = 24


async def test_damaged_moving_file_never_crashes_the_decoder() -> None:
    async with DecoderPool(processes=1) as pool:
        for name, file in FILES.items():
            chance = random.Random(name)
            for number in range(TRIES):
                data = bytearray(file)
                for _ in range(chance.choice([1, 3, 10])):
                    data[chance.randrange(8, len(data))] = chance.randrange(256)
                if number % 6 == 0:
                    del data[chance.randrange(12, len(data)) :]
                assert "crashed" not in await said_of(pool, bytes(data)), (name, number)


async def said_of(pool: DecoderPool, data: bytes) -> str:
    """What is said of a file that cannot be used; nothing of one that can."""
    try:
        decoded = await pool.decode(data, ClipLimits())
    except PictureError as problem:
        return str(problem)
    assert decoded.picture.png
    return ""
