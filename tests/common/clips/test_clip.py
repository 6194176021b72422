"""Clip files are read as they were written, and damage is detected."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.clips.clip import ClipDamagedError, ClipFileLimits, read_clip, write_clip


def _noise_frames(
    count: int, mode: str = "RGB", size: tuple[int, int] = (7, 5)
) -> list[Image.Image]:
    random = np.random.default_rng(1)
    shape = (size[1], size[0], len(mode))
    return [
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8), mode) for _ in range(count)
    ]


def _clip_file(
    *, frames: list[Image.Image], durations_ms: list[int], **description: object
) -> bytes:
    file = io.BytesIO()
    write_clip(file, frames, durations_ms, **description)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_written_clip_is_read_back_unchanged(mode: str, tmp_path: Path) -> None:
    frames = _noise_frames(3, mode)
    path = tmp_path / "a.clip"
    write_clip(path, iter(frames), [70, 1000, 20], plays=3, source="GIF")
    for file in (path, path.read_bytes()):
        clip = read_clip(file)
        assert (len(clip), clip.size, clip.plays, clip.loops) == (3, (7, 5), 3, True)
        assert clip.durations_ms == (70, 1000, 20)
        assert clip.seconds == 1.09
        assert clip.description.source == "GIF"
        assert [frame.tobytes() for frame in clip.frames()] == [one.tobytes() for one in frames]
        assert clip.frame(2).tobytes() == frames[2].tobytes()
        assert clip.frame(0).mode == mode


def test_same_frames_give_the_same_bytes() -> None:
    first, second = (_clip_file(frames=_noise_frames(2), durations_ms=[100, 100]) for _ in range(2))
    assert first == second


def test_one_pixel_clip_with_one_frame_is_readable() -> None:
    data = _clip_file(frames=_noise_frames(1, size=(1, 1)), durations_ms=[100], plays=1)
    clip = read_clip(data)
    assert (len(clip), clip.size, clip.loops) == (1, (1, 1), False)
    assert clip.frame(0).size == (1, 1)
    with pytest.raises(IndexError):
        clip.frame(1)


def test_mismatched_frames_or_durations_are_not_written() -> None:
    with pytest.raises(ValueError, match="frame 1"):
        _clip_file(frames=[*_noise_frames(1), *_noise_frames(1, size=(5, 7))], durations_ms=[1, 1])
    with pytest.raises(ValueError, match="frame 1"):
        _clip_file(frames=[*_noise_frames(1), *_noise_frames(1, "RGBA")], durations_ms=[1, 1])
    with pytest.raises(ValueError, match="2 frames for 3"):
        _clip_file(frames=_noise_frames(2), durations_ms=[1, 1, 1])
    with pytest.raises(ValueError, match="0 frames"):
        _clip_file(frames=[], durations_ms=[])


def _with_files(data: bytes, **files: bytes | None) -> bytes:
    """Replace or remove files; in names, `__` stands for the dot and a leading f is dropped."""
    changed = {name.replace("__", ".").removeprefix("f"): body for name, body in files.items()}
    new = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(new, "w") as archive:
        for name in old.namelist():
            body = changed.get(name, old.read(name))
            if body is not None:
                archive.writestr(name, body)
    return new.getvalue()


def _with_description(data: bytes, **changes: object) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        description = json.loads(archive.read("clip.json"))
    return _with_files(data, clip__json=json.dumps({**description, **changes}).encode())


def test_damaged_clip_files_are_reported_with_their_cause() -> None:
    data = _clip_file(frames=_noise_frames(3), durations_ms=[100] * 3)
    for damaged, why in (
        (b"", "not a clip file"),
        (b"PK\x03\x04 and no more", "not a clip file"),
        (data[: len(data) // 2], "not a clip file"),
        (_with_files(data, clip__json=None), "clip.json is missing"),
        (_with_files(data, clip__json=b"{"), "description"),
        (_with_files(data, f000001__png=None), "a frame is missing"),
        (_with_description(data, format=2), "description"),
        (_with_description(data, durations_ms=[]), "description"),
        (_with_description(data, durations_ms=[0, 1, 1]), "description"),
        (_with_description(data, durations_ms=[100, "100", 100]), "description"),
        (_with_description(data, durations_ms=5), "description"),
        (_with_description(data, plays=-1), "description"),
        (_with_description(data, plays=True), "description"),
        (_with_description(data, source=3), "description"),
        (_with_files(data, clip__json=b"[]"), "description"),
        (_with_files(data, clip__json=b"[" * 100_000), "description"),
        (_with_description(data, width_px=0), "description"),
        (_with_description(data, width_px=9000), "8192 px"),
        (_with_description(data, width_px=8000, height_px=8000), "pixels"),
    ):
        with pytest.raises(ClipDamagedError, match=why):
            read_clip(damaged)
    with pytest.raises(ClipDamagedError, match="more than 2 frames"):
        read_clip(data, ClipFileLimits(max_frames=2))


def test_damaged_frames_are_reported_when_read() -> None:
    data = _clip_file(frames=_noise_frames(2), durations_ms=[100] * 2)
    for body in (b"", b"no PNG", b"\x89PNG\r\n\x1a\n", bytes(5_000_000)):
        clip = read_clip(_with_files(data, f000001__png=body))
        assert clip.frame(0).size == (7, 5)
        with pytest.raises(ClipDamagedError, match=r"000001|frame 1"):
            clip.frame(1)
    other = io.BytesIO()
    _noise_frames(1, size=(8, 5))[0].save(other, "PNG")
    with pytest.raises(ClipDamagedError, match="frame 1 is RGB of"):
        list(read_clip(_with_files(data, f000001__png=other.getvalue())).frames())


def test_corrupted_byte_is_detected() -> None:
    data = bytearray(_clip_file(frames=_noise_frames(2), durations_ms=[100] * 2))
    at = data.index(b"IDAT", data.index(b"000001.png"))
    data[at + 10] ^= 1
    clip = read_clip(bytes(data))
    with pytest.raises(ClipDamagedError, match="000001"):
        clip.frame(1)


def test_compressed_files_are_refused() -> None:
    data = _clip_file(frames=_noise_frames(1), durations_ms=[100])
    new = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in old.namelist():
            archive.writestr(name, old.read(name))
    with pytest.raises(ClipDamagedError):
        read_clip(new.getvalue())
