"""Animations and videos are decoded in the confined process, without threads or files."""

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
    encode_frames,
    gif,
    make_video,
    plain_image,
    solid_frame,
)

FRAMES = [solid_frame(color) for color in (RED, GREEN, BLUE)]


def av1_video() -> bytes:
    """Encoded in a thread, as SVT-AV1 may leave the calling thread with real-time priority."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(
            make_video, FRAMES, codec="libsvtav1", options={"preset": "12"}
        ).result()


FILES = {
    "GIF": gif([GifFrame(0), GifFrame(1)]),
    "PNG": apng([PngFrame((*RED, 255)), PngFrame((*BLUE, 255))]),
    "WEBP": encode_frames([plain_image(RED), plain_image(GREEN)], "WEBP", duration=100),
    "AVIF": encode_frames([plain_image(RED), plain_image(GREEN)], "AVIF", duration=100),
    "MP4": make_video(FRAMES, sound=True),
    "MOV": make_video(FRAMES, kind="mov"),
    "WEBM": make_video(FRAMES, kind="webm", codec="libvpx-vp9"),
    "MKV": make_video(FRAMES, kind="matroska", codec="libvpx"),
    "AV1": av1_video(),
    # MOV and MP4 fail at random (findings/pyav-x265-into-mp4-at-random.sh).
    "HEVC": make_video(
        FRAMES, kind="matroska", codec="libx265", options={"x265-params": "log-level=none"}
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
    description = {"width_px": 32, "height_px": 24, "frames": 2, "seconds": 0.2, "notes": []}
    answer = {"picture": {"notes": []}, "clip": description}
    files = [decoded.picture.png, clip.file]
    assert checked(answer, files, DecodeLimits(), ClipLimits()) is not None
    for name, value in (
        ("frames", 10_000),
        ("frames", 1),
        ("width_px", 4096),
        ("height_px", 0),
        ("seconds", 600.0),
        ("seconds", "nan"),
        ("notes", [{"template": "x", "values": {}}] * 9),
    ):
        with pytest.raises(ValueError, match="decoder"):
            checked(
                {**answer, "clip": {**description, name: value}},
                files,
                DecodeLimits(),
                ClipLimits(),
            )
    with pytest.raises(ValueError, match="decoder"):
        checked(answer, [files[0], b"no archive"], DecodeLimits(), ClipLimits())
