"""Signals, exit statuses and broken standard streams of `engine paint`."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from tests.kit.forked import ForkedProcess, ForkServer
from tests.kit.thin_vgg19 import noise_picture

pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no POSIX signals")

ROOT = Path(__file__).parents[2]
LONG = ("--size", "128", "--scales", "1", "--iterations", "900", "--timelapse", "t.gif")
SHORT = ("--size", "64", "--scales", "1", "--iterations", "2")


@pytest.fixture
def work_folder(tmp_path: Path) -> Path:
    noise_picture(150, 200).to_image().save(tmp_path / "photo.png")
    noise_picture(120, 120, seed=1).to_image().save(tmp_path / "style.png")
    (tmp_path / "scratch").mkdir()
    return tmp_path


def command(*more: str) -> list[str]:
    paint = [sys.executable, "-m", "engine", "paint", "photo.png", "--style", "style.png"]
    how = ["--network", "lite", "--precision", "fp32", "--faces", "off"]
    return [*paint, "-o", "out.png", *how, *more]


def environment(work_folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ATELIER_DATA_DIR": str(work_folder / "data"),
        "OMP_NUM_THREADS": "1",
        "TMPDIR": str(work_folder / "scratch"),
    }


class Start(Protocol):
    def __call__(
        self, *more: str, stderr: int | None = None, ignored: Sequence[int] = ()
    ) -> ForkedProcess: ...


@pytest.fixture
def start(work_folder: Path, fork_server: ForkServer) -> Start:
    """Start `engine paint` in the working folder."""

    def start_command(
        *more: str, stderr: int | None = None, ignored: Sequence[int] = ()
    ) -> ForkedProcess:
        return fork_server.start(
            command(*more)[2:],
            cwd=work_folder,
            env=environment(work_folder),
            stderr=stderr,
            ignored=ignored,
        )

    return start_command


def wait_for(
    condition: Callable[[], object], process: ForkedProcess | subprocess.Popen[str]
) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.03)


def is_painting(work_folder: Path) -> bool:
    """Whether it paints: there is a partial time-lapse."""
    return any(work_folder.glob(".*.part.gif"))


def remaining_files(work_folder: Path) -> set[str]:
    inputs = {"photo.png", "style.png", "data", "scratch"}
    return {
        file.name for file in (*work_folder.iterdir(), *(work_folder / "scratch").iterdir())
    } - inputs


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signalled_painting_saves_cleans_up_and_ends_by_that_signal(
    work_folder: Path, start: Start, number: signal.Signals
) -> None:
    checkpointing = ("--checkpoint", "c.ckpt", "--checkpoint-every", "0")
    process = start(*LONG, *checkpointing)
    wait_for(lambda: (work_folder / "c.ckpt").exists() and is_painting(work_folder), process)
    process.send_signal(number)
    stderr = process.read_stderr(timeout=60)
    assert process.returncode == -number
    assert stderr.splitlines()[-1] == "Stopped. The checkpoint is saved."
    assert "Traceback" not in stderr
    assert remaining_files(work_folder) == {"c.ckpt"}


def test_ignored_hangup_does_not_stop_the_painting(work_folder: Path, start: Start) -> None:
    process = start(*LONG, ignored=[signal.SIGHUP])
    try:
        wait_for(lambda: is_painting(work_folder), process)
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def test_ctrl_c_ends_an_enclosing_shell_loop(work_folder: Path) -> None:
    """Bash would continue the loop if the command only returned 130."""
    loop = f"for number in 1 2 3; do echo >> started; {shlex.join(command(*LONG))}; done"
    process = subprocess.Popen(
        ["bash", "-c", loop],
        cwd=work_folder,
        env=environment(work_folder),
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: is_painting(work_folder), process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    try:
        process.wait(timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode in {130, -signal.SIGINT}
    assert len((work_folder / "started").read_text()) == 1


@contextlib.contextmanager
def unreadable_stderr(how: str) -> Iterator[int]:
    """A file descriptor for standard error to which writing fails."""
    if how == "full":
        handle = os.open("/dev/full", os.O_WRONLY)
    elif how == "pipe":
        reading, handle = os.pipe()
        os.close(reading)
    else:
        screen, handle = pty.openpty()
        os.close(screen)
    try:
        yield handle
    finally:
        os.close(handle)


@pytest.mark.parametrize("how", ["full", "pipe", "terminal"])
def test_broken_standard_error_does_not_stop_the_painting(
    work_folder: Path, start: Start, how: str
) -> None:
    with unreadable_stderr(how) as handle:
        process = start(*SHORT, stderr=handle)
    assert process.wait(timeout=240) == 0
    assert (work_folder / "out.png").stat().st_size > 0


def test_a_process_without_standard_streams_paints_and_succeeds(work_folder: Path) -> None:
    """Some job schedulers start processes without them."""
    line = f"exec {shlex.join(command(*SHORT))} <&- >&- 2>&-"
    done = subprocess.run(
        ["sh", "-c", line], cwd=work_folder, env=environment(work_folder), check=False, timeout=240
    )
    assert done.returncode == 0
    assert (work_folder / "out.png").stat().st_size > 0
