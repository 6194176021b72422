"""`engine paint` as a process: killed and resumed, limited in memory, and cleaned up."""

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
def work_folder(tmp_path: Path) -> Path:
    noise_picture(150, 200).to_image().save(tmp_path / "photo.png")
    noise_picture(120, 120, seed=1).to_image().save(tmp_path / "style.png")
    return tmp_path


FLAGS = ("--network", "lite", "--precision", "fp32", "--quiet")
PAINT = ("engine", "paint", "photo.png", "--style", "style.png", *FLAGS)


def environment(work_folder: Path, **more: str) -> dict[str, str]:
    """Environment variables, with one thread."""
    variables = {"PYTHONPATH": str(ROOT), "ATELIER_DATA_DIR": str(work_folder / "data")}
    return {**os.environ, **variables, "OMP_NUM_THREADS": "1", **more}


def checkpoint_position(file: Path) -> tuple[int, int]:
    """Scale and iteration of a checkpoint; zeros before there is one."""
    if not file.exists():
        return 0, 0
    progress = from_bytes(file.read_bytes()).header
    return progress.scale, progress.iteration


@pytest.mark.slow
def test_killed_painting_resumes_to_the_same_bytes(
    work_folder: Path, fork_server: ForkServer
) -> None:
    flags = ("--size", "96", "--scales", "2", "--iterations", "40", "--faces", "off")

    def start(*more: str) -> ForkedProcess:
        return fork_server.start(
            (*PAINT, *flags, *more), cwd=work_folder, env=environment(work_folder)
        )

    def finish(process: ForkedProcess) -> None:
        stderr = process.read_stderr(timeout=600)
        assert process.returncode == 0, stderr

    finish(start("-o", "whole.png"))
    resumable = ("-o", "out.png", "--checkpoint", "c.bin")
    for position in ((0, 3), (1, 2)):
        process = start(*resumable, "--checkpoint-every", "0")
        while checkpoint_position(work_folder / "c.bin") < position:
            assert process.poll() is None
            time.sleep(0.03)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        assert not (work_folder / "out.png").exists()
    finish(start(*resumable, "--report", "r.json"))
    assert (work_folder / "out.png").read_bytes() == (work_folder / "whole.png").read_bytes()
    report = json.loads((work_folder / "r.json").read_text())
    assert report["iterations"] == 80
    assert [record["iteration"] for record in report["losses"]] == [*range(1, 41), *range(1, 41)]
    assert not (work_folder / "c.bin").exists()
    assert [file.name for file in work_folder.iterdir() if file.suffix == ".part"] == []


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_whole_process_stays_within_max_memory(work_folder: Path, optimizer: str) -> None:
    flags = ("--size", "768", "--scales", "1", "--iterations", "2", "--optimizer", optimizer)
    limit = 720 * 2**20
    more = ("-o", "out.png", "--max-memory", str(limit), "--report", "r.json")
    painted = subprocess.run(
        [sys.executable, "-m", *PAINT, *flags, *more],
        cwd=work_folder,
        env=environment(work_folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert painted.returncode == 0, painted.stderr
    report = json.loads((work_folder / "r.json").read_text())
    assert report["tiles"] > 1
    assert report["peak_memory_bytes"] <= limit
    assert report["notes"] == []


def test_worker_does_not_load_the_decoders_of_pictures_and_clips(
    work_folder: Path, fork_server: ForkServer
) -> None:
    """Members' files are decoded in a confined process (`common.pictures.process`)."""
    script = """
import sys, engine.worker.main, engine.styles.presets
print(*sys.modules, file=sys.stderr)
"""
    process = fork_server.start(("-c", script), cwd=work_folder, env=environment(work_folder))
    loaded = process.read_stderr(timeout=60).split()
    assert "common.pictures.process" in loaded
    assert "common.pictures.decode" not in loaded
    assert "common.clips.decode" not in loaded


def test_process_leaves_no_temporary_files_and_keeps_its_exit_status(
    work_folder: Path, tmp_path: Path, fork_server: ForkServer
) -> None:
    """The process ends by `os._exit`, without Python's cleanup at exit."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    flags = ("--size", "64", "--scales", "1", "--iterations", "1", "--faces", "off")
    # Without a configuration folder, matplotlib would create a temporary one.
    env = environment(work_folder, TMPDIR=str(scratch), MPLCONFIGDIR="/proc/none")
    painted = fork_server.start(
        (*PAINT, *flags, "-o", "out.png", "--plot", "plot.png"), cwd=work_folder, env=env
    )
    assert painted.read_stderr(timeout=600).startswith("out.png: 64 × 48")
    assert painted.returncode == 0
    assert (work_folder / "out.png").stat().st_size > 0
    assert not list(scratch.iterdir())
    (work_folder / "photo.png").unlink()
    refused = fork_server.start((*PAINT, *flags, "-o", "other.png"), cwd=work_folder, env=env)
    assert "photo.png cannot be read" in refused.read_stderr(timeout=600)
    assert refused.returncode == 2
