"""The decoding processes: they answer, and they can be killed without harm."""

import asyncio

import pytest
from PIL import Image

from jobs.pictures import DecodeLimits, DecoderPool, PictureProblem
from tests.pictures.test_decode import decoded, encoded, gradient


async def test_pictures_and_problems_come_back_from_the_child() -> None:
    async with DecoderPool() as pool:
        pictures = await asyncio.gather(*(pool.normalise(encoded(gradient())) for _ in range(5)))
        assert all(decoded(picture.png).size == (64, 48) for picture in pictures)
        with pytest.raises(PictureProblem, match="not a picture"):
            await pool.normalise(b"no picture")
        assert (await pool.normalise(encoded(gradient()))).width_px == 64


async def test_a_file_that_takes_too_long_is_given_up_and_the_pool_goes_on() -> None:
    async with DecoderPool(processes=1, timeout_seconds=0.0) as hasty:
        with pytest.raises(PictureProblem, match="too long"):
            await hasty.normalise(encoded(gradient()))
        hasty._timeout_seconds = 60
        assert (await hasty.normalise(encoded(gradient()))).width_px == 64


async def test_a_killed_child_is_replaced() -> None:
    async with DecoderPool(processes=1) as pool:
        await pool.normalise(encoded(gradient()))
        for child in pool._all:
            child.kill()
        with pytest.raises(PictureProblem, match="could not be decoded"):
            await pool.normalise(encoded(gradient()))
        assert (await pool.normalise(encoded(gradient()))).width_px == 64


async def test_a_picture_that_needs_too_much_memory_is_refused_not_fatal() -> None:
    huge = encoded(Image.new("RGB", (9000, 9000)), "PNG", compress_level=1)
    limits = DecodeLimits(max_pixels=10**9)
    async with DecoderPool(limits, processes=1, memory_limit_bytes=600 * 2**20) as pool:
        with pytest.raises(PictureProblem, match="too much memory"):
            await pool.normalise(huge)
        assert (await pool.normalise(encoded(gradient()))).width_px == 64
