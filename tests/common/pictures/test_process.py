"""The decoding processes: they answer, and they can be killed without harm."""

import asyncio
import sys
from pathlib import Path

import pytest
from PIL import Image

from common.pictures import DecodeLimits, DecoderPool, DecoderUnavailable, PictureProblem
from tests.common.pictures.test_decode import gradient
from tests.kit.pictures import decoded, encoded


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


async def test_an_idle_child_that_is_killed_takes_no_picture_with_it() -> None:
    async with DecoderPool(processes=2) as pool:
        await asyncio.gather(*(pool.normalise(encoded(gradient())) for _ in range(4)))
        for child in pool._all:
            child.kill()  # the pool may not have heard of it at the next picture
        assert (await pool.normalise(encoded(gradient()))).width_px == 64
        for child in tuple(pool._all):
            child.kill()
            await child.wait()
        assert (await pool.normalise(encoded(gradient()))).width_px == 64


@pytest.mark.parametrize("python", ["/nowhere/python", "false"])
async def test_a_child_that_does_not_start_is_no_fault_of_the_picture(
    python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with DecoderPool(processes=1) as pool:
        with monkeypatch.context() as missing:
            missing.setattr(sys, "executable", python)
            with pytest.raises(DecoderUnavailable):
                await pool.normalise(encoded(gradient()))
        assert (await pool.normalise(encoded(gradient()))).width_px == 64


async def test_a_picture_that_a_new_child_ends_at_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = tmp_path / "dies"
    dies.write_text("#!/bin/sh\necho ready\nhead -c 1 >/dev/null\nkill -9 $$\n")
    dies.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dies))
    async with DecoderPool(processes=1) as pool:
        with pytest.raises(PictureProblem, match="could not be decoded"):
            await pool.normalise(encoded(gradient()))


async def test_a_picture_that_needs_too_much_memory_is_refused_not_fatal() -> None:
    huge = encoded(Image.new("RGB", (9000, 9000)), "PNG", compress_level=1)
    limits = DecodeLimits(max_pixels=10**9)
    async with DecoderPool(limits, processes=1, memory_limit_bytes=600 * 2**20) as pool:
        with pytest.raises(PictureProblem, match="too much memory"):
            await pool.normalise(huge)
        assert (await pool.normalise(encoded(gradient()))).width_px == 64
