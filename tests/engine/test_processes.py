"""`engine paint` as a process of its own: killed in the middle, and kept to its memory."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.painting.checkpoint import from_bytes
from tests.kit.thin import noise_picture

ROOT = Path(__file__).parents[2]


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    noise_picture(150, 200).to_image().save(tmp_path / "photo.png")
    noise_picture(120, 120, seed=1).to_image().save(tmp_path / "style.png")
    return tmp_path


def start(studio: Path, *more: str) -> subprocess.Popen[bytes]:
    """`engine paint` in this folder, with one thread: threads are no part of what is tested."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ATELIER_DATA_DIR": str(studio / "data"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "engine", "paint", "photo.png", "--style", "style.png"]
    command += ["--network", "lite", "--precision", "fp32", "--quiet", *more]
    return subprocess.Popen(command, cwd=studio, env=environment, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> None:
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said.decode()


def kept(file: Path) -> tuple[int, int]:
    """Scale and iteration of a checkpoint; zeros before there is one."""
    if not file.exists():
        return 0, 0
    progress = from_bytes(file.read_bytes()).header
    return progress.scale, progress.iteration


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_killed_painting_goes_on_to_the_same_bytes(studio: Path, optimizer: str) -> None:
    how = ("--size", "96", "--scales", "2", "--iterations", "40", "--optimizer", optimizer)
    finish(start(studio, *how, "-o", "whole.png"))
    resumable = (*how, "-o", "out.png", "--checkpoint", "c.bin")
    for least in ((0, 3), (1, 2)):
        process = start(studio, *resumable, "--checkpoint-every", "0")
        while kept(studio / "c.bin") < least:
            assert process.poll() is None
            time.sleep(0.03)
        process.kill()
        process.communicate()
        assert not (studio / "out.png").exists()
    finish(start(studio, *resumable, "--report", "r.json"))
    assert (studio / "out.png").read_bytes() == (studio / "whole.png").read_bytes()
    report = json.loads((studio / "r.json").read_text())
    assert report["iterations"] == 80
    assert [one["iteration"] for one in report["losses"]] == [*range(1, 41), *range(1, 41)]
    assert not (studio / "c.bin").exists()
    assert [file.name for file in studio.iterdir() if file.suffix == ".part"] == []


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_whole_process_keeps_within_its_memory(studio: Path, optimizer: str) -> None:
    how = ("--size", "1024", "--scales", "1", "--iterations", "2", "--optimizer", optimizer)
    limit = 960 * 2**20
    finish(start(studio, *how, "-o", "out.png", "--max-memory", str(limit), "--report", "r.json"))
    report = json.loads((studio / "r.json").read_text())
    assert report["tiles"] > 1
    assert report["peak_memory_bytes"] <= limit
    assert report["notes"] == []


def test_a_worker_has_no_decoder_of_strangers_files() -> None:
    """What strangers made is decoded in a confined process (`common.pictures.process`)."""
    script = "import engine.worker.main, engine.styles.presets, sys; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", script], text=True).split()
    assert "common.pictures.process" in loaded
    assert "common.pictures.decode" not in loaded
    assert "common.clips.decode" not in loaded


def test_nothing_is_left_behind_and_a_failure_keeps_its_status(
    studio: Path, tmp_path: Path
) -> None:
    """The process ends at once, without Python taking itself apart."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-m", "engine", "paint", "--style", "style.png", "--quiet"]
    command += ["--size", "64", "--scales", "1", "--iterations", "1", "--network", "lite"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ATELIER_DATA_DIR": str(studio / "data"),
        "TMPDIR": str(scratch),
        "MPLCONFIGDIR": "/proc/none",  # nor may matplotlib keep anything anywhere else
    }

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *more],
            cwd=studio,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    painted = run("photo.png", "-o", "out.png", "--plot", "plot.png")
    assert painted.returncode == 0, painted.stderr
    assert (studio / "out.png").stat().st_size > 0
    assert not list(scratch.iterdir())
    refused = run("no.png", "-o", "other.png")
    assert refused.returncode == 2
    assert "no.png cannot be read" in refused.stderr
