"""`engine paint` as a process of its own: killed in the middle, and kept to its memory."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.painting.checkpoint import from_bytes
from tests.kit.forked import ForkedProcess, ForkServer
from tests.kit.thin_vgg19 import noise_picture

ROOT = Path(__file__).parents[2]


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    noise_picture(150, 200).to_image().save(tmp_path / "photo.png")
    noise_picture(120, 120, seed=1).to_image().save(tmp_path / "style.png")
    return tmp_path


HOW = ("--network", "lite", "--precision", "fp32", "--quiet")
PAINT = ("engine", "paint", "photo.png", "--style", "style.png", *HOW)


def environment(studio: Path, **more: str) -> dict[str, str]:
    """With one thread: threads are no part of what is tested."""
    ours = {"PYTHONPATH": str(ROOT), "ATELIER_DATA_DIR": str(studio / "data")}
    return {**os.environ, **ours, "OMP_NUM_THREADS": "1", **more}


def kept(file: Path) -> tuple[int, int]:
    """Scale and iteration of a checkpoint; zeros before there is one."""
    if not file.exists():
        return 0, 0
    progress = from_bytes(file.read_bytes()).header
    return progress.scale, progress.iteration


@pytest.mark.slow
def test_killed_painting_resumes_to_the_same_bytes(studio: Path, fork_server: ForkServer) -> None:
    how = ("--size", "96", "--scales", "2", "--iterations", "40", "--faces", "off")

    def start(*more: str) -> ForkedProcess:
        return fork_server.start((*PAINT, *how, *more), cwd=studio, env=environment(studio))

    def finish(process: ForkedProcess) -> None:
        said = process.read_stderr(timeout=600)
        assert process.returncode == 0, said

    finish(start("-o", "whole.png"))
    resumable = ("-o", "out.png", "--checkpoint", "c.bin")
    for least in ((0, 3), (1, 2)):
        process = start(*resumable, "--checkpoint-every", "0")
        while kept(studio / "c.bin") < least:
            assert process.poll() is None
            time.sleep(0.03)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        assert not (studio / "out.png").exists()
    finish(start(*resumable, "--report", "r.json"))
    assert (studio / "out.png").read_bytes() == (studio / "whole.png").read_bytes()
    report = json.loads((studio / "r.json").read_text())
    assert report["iterations"] == 80
    assert [one["iteration"] for one in report["losses"]] == [*range(1, 41), *range(1, 41)]
    assert not (studio / "c.bin").exists()
    assert [file.name for file in studio.iterdir() if file.suffix == ".part"] == []


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_whole_process_stays_within_max_memory(studio: Path, optimizer: str) -> None:
    how = ("--size", "768", "--scales", "1", "--iterations", "2", "--optimizer", optimizer)
    limit = 720 * 2**20
    more = ("-o", "out.png", "--max-memory", str(limit), "--report", "r.json")
    painted = subprocess.run(
        [sys.executable, "-m", *PAINT, *how, *more],
        cwd=studio,
        env=environment(studio),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert painted.returncode == 0, painted.stderr
    report = json.loads((studio / "r.json").read_text())
    assert report["tiles"] > 1
    assert report["peak_memory_bytes"] <= limit
    assert report["notes"] == []


def test_worker_does_not_load_the_decoders_of_pictures_and_clips(
    studio: Path, fork_server: ForkServer
) -> None:
    """What strangers made is decoded in a confined process (`common.pictures.process`)."""
    script = """
import sys, engine.worker.main, engine.styles.presets
print(*sys.modules, file=sys.stderr)
"""
    process = fork_server.start(("-c", script), cwd=studio, env=environment(studio))
    loaded = process.read_stderr(timeout=60).split()
    assert "common.pictures.process" in loaded
    assert "common.pictures.decode" not in loaded
    assert "common.clips.decode" not in loaded


def test_process_leaves_no_temporary_files_and_keeps_its_exit_status(
    studio: Path, tmp_path: Path, fork_server: ForkServer
) -> None:
    """The process ends at once, without Python taking itself apart."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    how = ("--size", "64", "--scales", "1", "--iterations", "1", "--faces", "off")
    # Nor may matplotlib keep anything anywhere else.
    env = environment(studio, TMPDIR=str(scratch), MPLCONFIGDIR="/proc/none")
    painted = fork_server.start(
        (*PAINT, *how, "-o", "out.png", "--plot", "plot.png"), cwd=studio, env=env
    )
    assert painted.read_stderr(timeout=600).startswith("out.png: 64 × 48")
    assert painted.returncode == 0
    assert (studio / "out.png").stat().st_size > 0
    assert not list(scratch.iterdir())
    (studio / "photo.png").unlink()
    refused = fork_server.start((*PAINT, *how, "-o", "other.png"), cwd=studio, env=env)
    assert "photo.png cannot be read" in refused.read_stderr(timeout=600)
    assert refused.returncode == 2
