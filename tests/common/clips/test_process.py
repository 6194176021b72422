"""Moving files in the confined process, which may start no thread and open no file."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from common.clips.clip import read_clip
from common.pictures import ClipLimits, DecodedClip, DecodeLimits, DecoderPool
from common.pictures.answers import checked
from tests.common.clips.files import (
    BLUE,
    GREEN,
    RED,
    GifFrame,
    PngFrame,
    apng,
    film,
    gif,
    plain,
    saved,
    solid,
)

LOOKS = [solid(color) for color in (RED, GREEN, BLUE)]


def av1_film() -> bytes:
    """Made in a thread that ends: SVT-AV1 leaves its caller in a real-time class where it may."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(film, LOOKS, codec="libsvtav1", options={"preset": "12"}).result()


FILES = {
    "GIF": gif([GifFrame(0), GifFrame(1)]),
    "PNG": apng([PngFrame((*RED, 255)), PngFrame((*BLUE, 255))]),
    "WEBP": saved([plain(RED), plain(GREEN)], "WEBP", duration=100),
    "AVIF": saved([plain(RED), plain(GREEN)], "AVIF", duration=100),
    "MP4": film(LOOKS, sound=True),
    "MOV": film(LOOKS, kind="mov"),
    "WEBM": film(LOOKS, kind="webm", codec="libvpx-vp9"),
    "MKV": film(LOOKS, kind="matroska", codec="libvpx"),
    "AV1": av1_film(),
    # Not into MOV or MP4, where that fails at random (findings/pyav-x265-into-mp4-at-random.sh).
    "HEVC": film(
        LOOKS, kind="matroska", codec="libx265", options={"x265-params": "log-level=none"}
    ),
}
SOURCES = {"AV1": "MP4", "HEVC": "MKV"}


async def test_confined_process_decodes_every_moving_format() -> None:
    async with DecoderPool(processes=1) as pool:
        for name, file in FILES.items():
            decoded = await pool.decode(file, ClipLimits())
            assert decoded.clip is not None, name
            clip = read_clip(decoded.clip.file)
            assert len(clip) == len(list(clip.frames())) >= 2
            assert clip.description.source == SOURCES.get(name, name)


async def test_decoding_without_clip_limits_gives_no_clip() -> None:
    async with DecoderPool(processes=1) as pool:
        decoded = await pool.decode(FILES["GIF"])
        assert decoded.clip is None
        assert decoded.picture.png == (await pool.normalize(FILES["GIF"])).png


async def test_false_claims_about_a_clip_are_rejected() -> None:
    async with DecoderPool(processes=1) as pool:
        decoded = await pool.decode(FILES["GIF"], ClipLimits())
    clip = decoded.clip
    assert isinstance(clip, DecodedClip)
    said = {"width_px": 32, "height_px": 24, "frames": 2, "seconds": 0.2, "notes": []}
    answer = {"picture": {"source_format": "GIF", "notes": []}, "clip": said}
    files = [decoded.picture.png, clip.file]
    assert checked(answer, files, DecodeLimits(), ClipLimits()) is not None
    for name, lie in (
        ("frames", 10_000),
        ("frames", 1),
        ("width_px", 4096),
        ("height_px", 0),
        ("seconds", 600.0),
        ("seconds", "nan"),
        ("notes", [{"template": "x", "values": {}}] * 9),
    ):
        with pytest.raises(ValueError, match="decoder"):
            checked({**answer, "clip": {**said, name: lie}}, files, DecodeLimits(), ClipLimits())
    with pytest.raises(ValueError, match="decoder"):
        checked(answer, [files[0], b"no archive"], DecodeLimits(), ClipLimits())
