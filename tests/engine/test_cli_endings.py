"""How `engine paint` ends, seen from a shell: signals, statuses, and what is lost meanwhile."""

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

pty = pytest.importorskip("pty", reason="Windows has no such terminals")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

ROOT = Path(__file__).parents[2]
LONG = ("--size", "128", "--scales", "1", "--iterations", "900", "--timelapse", "t.gif")
SHORT = ("--size", "64", "--scales", "1", "--iterations", "2")


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    noise_picture(150, 200).to_image().save(tmp_path / "photo.png")
    noise_picture(120, 120, seed=1).to_image().save(tmp_path / "style.png")
    (tmp_path / "scratch").mkdir()
    return tmp_path


def command(*more: str) -> list[str]:
    paint = [sys.executable, "-m", "engine", "paint", "photo.png", "--style", "style.png"]
    how = ["--network", "lite", "--precision", "fp32", "--faces", "off"]
    return [*paint, "-o", "out.png", *how, *more]


def environment(studio: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ATELIER_DATA_DIR": str(studio / "data"),
        "OMP_NUM_THREADS": "1",
        "TMPDIR": str(studio / "scratch"),
    }


class Start(Protocol):
    def __call__(
        self, *more: str, stderr: int | None = None, ignored: Sequence[int] = ()
    ) -> ForkedProcess: ...


@pytest.fixture
def start(studio: Path, fork_server: ForkServer) -> Start:
    """Starts the command."""

    def started(
        *more: str, stderr: int | None = None, ignored: Sequence[int] = ()
    ) -> ForkedProcess:
        return fork_server.start(
            command(*more)[2:],
            cwd=studio,
            env=environment(studio),
            stderr=stderr,
            ignored=ignored,
        )

    return started


def wait_for(is_so: Callable[[], object], process: ForkedProcess | subprocess.Popen[str]) -> None:
    until = time.monotonic() + 240
    while not is_so():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.03)


def begun(studio: Path) -> bool:
    """Whether it paints: there is a half film."""
    return any(studio.glob(".*.part.gif"))


def left_behind(studio: Path) -> set[str]:
    given = {"photo.png", "style.png", "data", "scratch"}
    return {file.name for file in (*studio.iterdir(), *(studio / "scratch").iterdir())} - given


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signalled_painting_saves_cleans_up_and_ends_by_that_signal(
    studio: Path, start: Start, number: signal.Signals
) -> None:
    kept = ("--checkpoint", "c.ckpt", "--checkpoint-every", "0")
    process = start(*LONG, *kept)
    wait_for(lambda: (studio / "c.ckpt").exists() and begun(studio), process)
    process.send_signal(number)
    said = process.read_stderr(timeout=60)
    assert process.returncode == -number
    assert said.splitlines()[-1] == "Stopped. The checkpoint is saved."
    assert "Traceback" not in said
    assert left_behind(studio) == {"c.ckpt"}


def test_ignored_hangup_does_not_stop_the_painting(studio: Path, start: Start) -> None:
    process = start(*LONG, ignored=[signal.SIGHUP])
    try:
        wait_for(lambda: begun(studio), process)
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def test_ctrl_c_ends_an_enclosing_shell_loop(studio: Path) -> None:
    """Bash goes on with the next picture where a command only returns 130."""
    loop = f"for number in 1 2 3; do echo >> begun; {shlex.join(command(*LONG))}; done"
    process = subprocess.Popen(
        ["bash", "-c", loop],
        cwd=studio,
        env=environment(studio),
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: begun(studio), process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    try:
        process.wait(timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode in {130, -signal.SIGINT}
    assert len((studio / "begun").read_text()) == 1


@contextlib.contextmanager
def deaf(how: str) -> Iterator[int]:
    """A standard error that nobody reads."""
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
    studio: Path, start: Start, how: str
) -> None:
    with deaf(how) as handle:
        process = start(*SHORT, stderr=handle)
    assert process.wait(timeout=240) == 0
    assert (studio / "out.png").stat().st_size > 0


def test_a_process_without_standard_streams_paints_and_succeeds(studio: Path) -> None:
    """As some that start others at set times close them."""
    line = f"exec {shlex.join(command(*SHORT))} <&- >&- 2>&-"
    ended = subprocess.run(
        ["sh", "-c", line], cwd=studio, env=environment(studio), check=False, timeout=240
    )
    assert ended.returncode == 0
    assert (studio / "out.png").stat().st_size > 0
