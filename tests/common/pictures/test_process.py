"""Decoding processes answer, are confined, and can be killed at any time."""

import asyncio
import mmap
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from common.confining import child_environment
from common.pictures import (
    DecodeLimits,
    DecoderPool,
    DecoderUnavailableError,
    PictureError,
    process,
)
from common.pictures.decode import normalize
from common.pictures.shared_memory import HELD_BYTES, open_memory, read_memory
from tests.common.clips.files import GREEN, RED, make_video, solid_frame
from tests.common.pictures.test_decode import gradient_image
from tests.kit.pictures import decoded, encoded
from tools.picture_files import CASES

ROOT = Path(__file__).resolve().parents[3]


async def test_child_returns_pictures_and_problems() -> None:
    async with DecoderPool() as pool:
        pictures = await asyncio.gather(
            *(pool.normalize(encoded(gradient_image())) for _ in range(5))
        )
        assert all(decoded(picture.png).size == (64, 48) for picture in pictures)
        with pytest.raises(PictureError, match="not a picture"):
            await pool.normalize(b"no picture")
        assert (await pool.normalize(encoded(gradient_image()))).width_px == 64


async def test_cpu_hungry_file_is_refused_and_the_pool_keeps_working() -> None:
    large = encoded(gradient_image(3000, 3000), compress_level=1)
    async with DecoderPool(processes=1, processor_seconds=0.02) as pool:
        with pytest.raises(PictureError, match="keeps the processor busy"):
            await pool.normalize(large)
        pool._processor_seconds = 60
        assert (await pool.normalize(encoded(gradient_image()))).width_px == 64


async def test_busy_machine_raises_decoder_unavailable() -> None:
    async with DecoderPool(processes=1, patience_seconds=0.0) as pool:
        with pytest.raises(DecoderUnavailableError, match="busy"):
            await pool.normalize(encoded(gradient_image()))


async def test_child_has_no_secrets_and_runs_in_an_empty_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    async with DecoderPool(processes=1) as pool:
        await pool.normalize(encoded(gradient_image()))
        (child,) = pool._all
        process = psutil.Process(child.process.pid)
        assert set(process.environ()) <= {
            "PATH",
            "LANG",
            "LC_CTYPE",
            "OPENBLAS_NUM_THREADS",
            "OMP_NUM_THREADS",
        }
        assert not list(Path(process.cwd()).iterdir())
        if sys.platform == "linux":  # it ends before the bot does when memory runs out
            assert int(Path(f"/proc/{child.process.pid}/oom_score_adj").read_text()) == 900


async def test_next_start_removes_folders_of_killed_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await ended.wait()
    own = {
        "an earlier start's": psutil.Process().pid
    }  # in a container each start has the same process ID
    numbers = own | {
        "alive": psutil.Process().ppid(),
        "dead": ended.pid,
        "an earlier version's": "1x_y",
    }
    folders = {name: tmp_path / f"atelier-decoder-{each}-abc" for name, each in numbers.items()}
    for folder in folders.values():
        folder.mkdir()
    async with DecoderPool(processes=1) as pool:
        assert Path(pool._own_folder()).parent == tmp_path
        async with DecoderPool(processes=1) as other:
            assert Path(other._own_folder()).exists()
            assert Path(pool._own_folder()).exists()
        gone = [name for name, folder in folders.items() if not folder.exists()]
        assert gone == ["an earlier start's", "dead"]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has Landlock")
def test_confined_process_can_only_read_allowed_files(tmp_path: Path) -> None:
    secret, allowed = tmp_path / "secret", tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "file").write_text("readable")
    secret.write_text("secret")
    script = f"""
import socket
from pathlib import Path
from common.confining import confine, leave_network
leave_network()
confine(memory_bytes=1 << 30, folder=Path({str(allowed)!r}), readable=[Path({str(allowed)!r})])
assert Path({str(allowed / "file")!r}).read_text() == "readable"
def refused(call):
    try:
        call()
    except OSError:
        return True
    return False
print(refused(lambda: Path({str(secret)!r}).read_text()),
      refused(lambda: Path({str(allowed / "new")!r}).write_text("x")),
      refused(lambda: socket.create_connection(("127.0.0.1", {_listening_port()}), 1)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["True", "True", "True"]


@pytest.mark.skipif(sys.platform != "linux", reason="confinement needs Linux")
def test_confined_process_decodes_threaded_formats_for_any_user(tmp_path: Path) -> None:
    """Some limits do not apply to root, so that the script gives up root first."""
    heic = next(case for case in CASES if case.name.startswith("HEIC"))
    files = [tmp_path / "heic", tmp_path / "film"]
    files[0].write_bytes(heic.make())
    files[1].write_bytes(make_video([solid_frame(RED), solid_frame(GREEN)]))
    script = f"""
import os, resource
from pathlib import Path
from common.confining import confine, leave_network, readable_modules
from common.pictures import child
from common.pictures.decode import normalize
child._load()
files = [Path(name).read_bytes() for name in {[str(file) for file in files]}]
before = [normalize(file).png for file in files]  # loads libraries that the other user may not read
if os.getuid() == 0:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
leave_network()
confine(memory_bytes=3 << 30, folder=None, readable=readable_modules())
assert [normalize(file).png for file in files] == before
"""
    subprocess.run([sys.executable, "-c", script], env=child_environment(), cwd=ROOT, check=True)


def _listening_port() -> int:
    listener = socket.create_server(("127.0.0.1", 0))
    _LISTENERS.append(listener)
    return int(listener.getsockname()[1])


_LISTENERS: list[socket.socket] = []


async def test_killed_idle_child_loses_no_picture() -> None:
    async with DecoderPool(processes=2) as pool:
        await asyncio.gather(*(pool.normalize(encoded(gradient_image())) for _ in range(4)))
        for child in pool._all:
            child.process.kill()  # the pool may not have noticed at the next picture
        assert (await pool.normalize(encoded(gradient_image()))).width_px == 64
        for child in tuple(pool._all):
            child.process.kill()
            await child.process.wait()
        assert (await pool.normalize(encoded(gradient_image()))).width_px == 64


@pytest.mark.parametrize("python", ["/nowhere/python", "false"])
async def test_child_that_cannot_start_raises_decoder_unavailable(
    python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with DecoderPool(processes=1) as pool:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", python)
            with pytest.raises(DecoderUnavailableError):
                await pool.normalize(encoded(gradient_image()))
        assert (await pool.normalize(encoded(gradient_image()))).width_px == 64


def replace_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commands: str) -> None:
    """Replace the decoding process by a script that runs shell commands for each picture."""
    script = tmp_path / "decodes"
    script.write_text(f"#!/bin/sh\necho ready\nhead -c 1 >/dev/null\n{commands}\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        ("SEGV", r"imagecodecs .* crashed"),
        # The kernel does so if a container runs out of memory.
        ("KILL", "That picture needs too much memory"),
    ],
)
async def test_picture_that_kills_a_new_child_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signal: str, message: str
) -> None:
    replace_decoder(tmp_path, monkeypatch, f"kill -{signal} $$")
    async with DecoderPool(processes=1) as pool:
        with pytest.raises(PictureError, match=message):
            await pool.normalize(encoded(gradient_image()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
async def test_picture_that_hangs_a_child_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "HANGS_SECONDS", 0.3)
    monkeypatch.setattr(process, "_LOOK_SECONDS", 0.1)
    replace_decoder(tmp_path, monkeypatch, "exec sleep 600")
    async with DecoderPool(processes=1) as pool:
        with pytest.raises(PictureError, match="crashed on that picture"):
            await pool.normalize(encoded(gradient_image()))
        assert not pool._all


async def test_a_picture_that_needs_too_much_memory_is_refused_not_fatal() -> None:
    huge = encoded(Image.new("P", (16000, 16000)), compress_level=1)
    limits = DecodeLimits(max_pixels=10**9)
    async with DecoderPool(limits, processes=1, memory_limit_bytes=600 * 2**20) as pool:
        with pytest.raises(PictureError, match="too much memory"):
            await pool.normalize(huge)
        assert (await pool.normalize(encoded(gradient_image()))).width_px == 64


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has memfd")
async def test_picture_is_the_same_by_shared_memory_or_pipe() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (2400, 2400, 3), np.uint8)
    small, large = encoded(gradient_image()), encoded(Image.fromarray(noise), compress_level=1)
    expected = {file: normalize(file) for file in (small, large)}
    before = len(list(Path("/proc/self/fd").iterdir()))
    async with DecoderPool(processes=1) as pool:
        for file in (small, large, small):
            assert await pool.normalize(file) == expected[file]
    assert len(expected[large].png) > HELD_BYTES
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has memfd")
def test_child_can_change_only_the_contents_of_shared_memory() -> None:
    memory = open_memory()
    assert memory is not None
    for length in (0, -1, HELD_BYTES + 1, "9", None):
        with pytest.raises(ValueError, match="memory"):
            read_memory(memory, length)
    with pytest.raises(ValueError, match="memory"):
        read_memory(None, 1)
    for size in (0, HELD_BYTES + 1):
        with pytest.raises(PermissionError):
            os.ftruncate(memory, size)
    with mmap.mmap(memory, HELD_BYTES) as mapped:
        mapped[:3] = b"abc"
        assert read_memory(memory, 3) == b"abc"
    os.close(memory)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has memfd")
async def test_shared_memory_is_cleared_between_pictures() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (300, 300, 3), np.uint8)
    async with DecoderPool(processes=1) as pool:
        large = await pool.normalize(encoded(Image.fromarray(noise)))
        small = await pool.normalize(encoded(gradient_image()))
        (child,) = pool._all
        assert child.memory is not None
        rest = os.pread(child.memory, len(large.png), len(small.png))
    assert len(large.png) > 100_000
    assert not any(rest)


async def test_pool_starts_no_more_children_than_allowed() -> None:
    async with DecoderPool(processes=2) as pool:
        await asyncio.gather(*(pool.normalize(encoded(gradient_image())) for _ in range(6)))
        assert len(pool._all) == 2


async def test_cancelled_decode_leaves_no_child_process() -> None:
    async with DecoderPool(processes=1) as pool:
        await pool.normalize(encoded(gradient_image()))
        (child,) = pool._all
        reading = asyncio.create_task(
            pool.normalize(encoded(gradient_image(3000, 3000), compress_level=1))
        )
        await asyncio.sleep(0.05)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert child.process.returncode is not None
        assert (await pool.normalize(encoded(gradient_image()))).width_px == 64


async def test_closed_pool_starts_no_child_and_leaves_no_folder() -> None:
    pool = DecoderPool(processes=1)
    await pool.normalize(encoded(gradient_image()))
    folder = Path(pool._own_folder())
    await pool.close()
    assert not folder.exists()
    with pytest.raises(PictureError, match="shutting down"):
        await pool.normalize(encoded(gradient_image()))
    assert not pool._all


async def test_closing_a_pool_ignores_a_folder_still_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Windows refuses to delete a folder while a process in it is ending."""

    def kept(_: Path) -> None:
        raise PermissionError(13, "in use by another process")

    pool = DecoderPool(processes=1)
    folder = Path(pool._own_folder())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rmdir", kept)
        await pool.close()
    folder.rmdir()


@pytest.mark.parametrize("output", ["head -c 3000000 /dev/zero", "printf '%099999d' 0 | tr 0 ["])
async def test_long_nonsense_answer_is_reported_as_a_crash_on_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    """A hostile file that controls the child can only make the bot end it."""
    replace_decoder(tmp_path, monkeypatch, f"{output}\necho\nexec sleep 600")
    async with DecoderPool(processes=1) as pool:
        with pytest.raises(PictureError, match="crashed on that picture"):
            await pool.normalize(encoded(gradient_image()))
        assert not pool._all
