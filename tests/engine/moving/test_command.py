"""`python -m engine paint` with an animation or video."""

import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from common.clips.clip import Clip, read_clip
from common.clips.decode import decode
from common.pictures.kinds import ClipLimits, DecodeLimits
from engine.__main__ import main as engine_main
from engine.cli_inputs import read_moving
from tests.engine.moving.frames import panning_frames
from tests.kit.forked import ForkServer
from tests.kit.thin_vgg19 import noise_picture, thin_weights

ROOT = Path(__file__).resolve().parents[3]
TIMES_MS = (100, 40, 100, 200)
QUICK = ("--scales", "2", "--iterations", "4", "--precision", "fp32", "--max-memory", "8GiB")


@pytest.fixture
def work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of the engine, with a GIF, a style and weights."""
    weights = {name: tensor.float() for name, tensor in thin_weights().tensors.items()}
    save_file(weights, tmp_path / "vgg19.safetensors", metadata={"input": "as torchvision"})
    noise_picture(50, 50, seed=1).to_image().save(tmp_path / "style.jpg")
    save(tmp_path / "clip.gif", panning_frames(4), loop=2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ATELIER_VGG19_WEIGHTS", str(tmp_path / "vgg19.safetensors"))
    return tmp_path


def save(file: Path, images: Sequence[Image.Image], *, loop: int = 0) -> None:
    images[0].save(
        file,
        save_all=True,
        append_images=images[1:],
        duration=list(TIMES_MS[: len(images)]),
        loop=loop,
    )


def arguments(output: str, *more: str, content: str = "clip.gif") -> list[str]:
    return ["paint", content, "--style", "style.jpg", "-o", output, *QUICK, *more]


def read(file: Path) -> Clip:
    limits = ClipLimits(max_frames_per_second=100)
    found = decode(file.read_bytes(), DecodeLimits(), limits).clip
    assert found is not None
    return read_clip(found.file)


@pytest.mark.parametrize("suffix", ["gif", "mp4", "webp"])
def test_painted_gif_keeps_frame_durations_and_loop_count(work_folder: Path, suffix: str) -> None:
    assert engine_main(arguments(f"out.{suffix}", "--quiet")) == 0
    made = read(work_folder / f"out.{suffix}")
    assert made.durations_ms == TIMES_MS
    assert made.size == (80, 64)
    assert made.plays == (1 if suffix == "mp4" else 3)
    assert np.ptp(np.asarray(made.frame(0))) > 50


def test_every_frame_reports_progress(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engine_main(arguments("out.gif", "--report", "r.json", "--size", "64")) == 0
    output = capsys.readouterr().err
    assert "frame 1 of 4 started over and painted" in output
    assert "frame 4 of 4 painted" in output
    assert "out.gif: 64 × 51, 4 frames in 0.44 s, vgg19, fp32 on cpu" in output
    assert json.loads((work_folder / "r.json").read_text())["iterations"] > 8


@pytest.mark.parametrize(("output", "more"), [("o.png", ()), ("o.webp", ("--no-moving",))])
def test_still_suffix_or_no_moving_flag_paints_a_still(
    work_folder: Path, output: str, more: Sequence[str]
) -> None:
    assert engine_main(arguments(output, "--quiet", "--size", "64", *more)) == 0
    with Image.open(work_folder / output) as picture:
        assert getattr(picture, "n_frames", 1) == 1


def test_still_photograph_can_be_painted_to_gif_and_webp(work_folder: Path) -> None:
    noise_picture(60, 80).to_image().save(work_folder / "photo.png")
    assert engine_main(arguments("o.gif", "--quiet", content="photo.png")) == 0
    with Image.open(work_folder / "o.gif") as picture:
        assert picture.size == (80, 60)
    assert engine_main(arguments("o.webp", "--quiet", "--size", "64", content="photo.png")) == 0


def test_command_line_reads_pictures_beyond_member_limits(tmp_path: Path) -> None:
    Image.new("RGB", (8200, 1100)).save(tmp_path / "banner.png")
    assert read_moving(tmp_path / "banner.png", tmp_path)[0].size == (8200, 1100)


def test_broken_tail_of_a_gif_is_dropped_and_reported(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (work_folder / "clip.gif").read_bytes()
    (work_folder / "broken.gif").write_bytes(whole[: len(whole) * 3 // 4])
    assert engine_main(arguments("o.gif", content="broken.gif")) == 0
    assert "broken.gif:" in capsys.readouterr().err
    assert 1 < len(read(work_folder / "o.gif")) < 4


@pytest.mark.parametrize(
    ("output", "more", "message"),
    [
        ("o.gif", ("--plot", "p.png"), "--plot is of one picture, not of one that moves."),
        ("o.png", ("--moving",), "use one of .gif, .mp4, .webp."),
        ("o.mp4", ("--no-moving",), "use one of"),
    ],
)
def test_impossible_moving_options_are_refused(
    work_folder: Path,
    capsys: pytest.CaptureFixture[str],
    output: str,
    more: Sequence[str],
    message: str,
) -> None:
    assert engine_main(arguments(output, *more)) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not (work_folder / output).exists()


def test_moving_output_without_a_name_is_an_mp4(work_folder: Path) -> None:
    command = ["paint", "clip.gif", "--style", "style.jpg", "--moving", "--quiet", *QUICK]
    assert engine_main(command) == 0
    assert read(work_folder / "clip-style.mp4").durations_ms == TIMES_MS


@pytest.mark.skipif(os.name == "nt", reason="Windows has no POSIX signals")
def test_ended_run_resumes_after_the_last_checkpointed_frame(
    work_folder: Path, capsys: pytest.CaptureFixture[str], fork_server: ForkServer
) -> None:
    save(work_folder / "clip.gif", panning_frames(4, height=80))
    slow = ("--iterations", "40", "--scales", "1")
    assert engine_main(arguments("whole.webp", "--quiet", *slow)) == 0
    for ending in (signal.SIGINT, signal.SIGKILL):
        output = f"{ending.name}.webp"
        long = arguments(output, "--checkpoint", "c.ckpt", *slow)
        signal_after_first_frame(fork_server, work_folder, long, ending)
        assert not (work_folder / output).exists()
        painted = json.loads((work_folder / "c.ckpt").read_bytes())["frames"]
        capsys.readouterr()
        assert engine_main(long) == 0
        output_text = capsys.readouterr().err
        reported = [n for n in range(1, 5) if f"frame {n} of 4" in output_text]
        assert reported == list(range(painted + 1, 5))
        assert not (work_folder / "c.ckpt").exists()
        for one, another in zip(
            read(work_folder / "whole.webp").frames(),
            read(work_folder / output).frames(),
            strict=True,
        ):
            assert one.tobytes() == another.tobytes()


def signal_after_first_frame(
    fork_server: ForkServer, work_folder: Path, long: Sequence[str], ending: signal.Signals
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = fork_server.start(["engine", *long], cwd=work_folder, env=environment)
    deadline = time.monotonic() + 240
    while not (work_folder / "c.ckpt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(ending)
    stderr = process.read_stderr(timeout=60)
    assert process.returncode == -ending
    if ending is signal.SIGINT:
        assert "Stopped. The checkpoint is saved." in stderr
        assert "Traceback" not in stderr


def test_unreadable_checkpoint_is_refused(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (work_folder / "c.ckpt").write_bytes(b"something")
    assert engine_main(arguments("o.gif", "--checkpoint", "c.ckpt")) == 2
    assert "checkpoint cannot be read" in capsys.readouterr().err
