"""Commands whose output goes to a full disk or a closed pipe fail with at most one line."""

import asyncio
import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main as bot_main
from common.command_line import UNWRITTEN, run_command
from engine.cli import main as paint_main
from engine.styles.cli import main as styles_main
from engine.worker.main import main as worker_main
from jobs.cli.commands import build_parser as jobs_parser
from jobs.cli.commands import main as jobs_main
from jobs.db.backup import backup
from jobs.queue import JobQueue
from tests.kit.samples import Storage, submit_job
from tests.kit.thin_vgg19 import noise_picture
from tests.whole.test_documents import ROOT

DISK_FULL_MESSAGE = "The output cannot be written: No space left on device.\n"
COMMANDS: list[tuple[str, Callable[[list[str]], int], list[str]]] = [
    ("engine", worker_main, ["--help"]),
    ("engine", worker_main, ["--version"]),
    ("engine", worker_main, ["--check"]),
    ("engine paint", paint_main, ["--help"]),
    ("engine styles", styles_main, ["--help"]),
    ("engine styles", styles_main, ["list"]),
    ("engine styles", styles_main, ["fingerprint", "own.png", "--network", "lite"]),
    ("jobs", jobs_main, ["--help"]),
    ("jobs", jobs_main, ["list"]),
    ("jobs", jobs_main, ["show", "1"]),
    ("jobs", jobs_main, ["cancel", "1"]),
    ("jobs", jobs_main, ["retry", "2"]),
    ("jobs", jobs_main, ["status"]),
    ("jobs", jobs_main, ["status", "--json"]),
    ("jobs", jobs_main, ["gc", "--trust-clock"]),
    ("jobs", jobs_main, ["block", "7"]),
    ("jobs", jobs_main, ["unblock", "7"]),
    ("jobs", jobs_main, ["pause"]),
    ("jobs", jobs_main, ["resume"]),
    ("jobs", jobs_main, ["clear"]),
    ("jobs", jobs_main, ["backup", "copy.tar"]),
    ("jobs", jobs_main, ["restore", "earlier.tar"]),
    ("jobs", jobs_main, ["restored"]),
    ("bot", bot_main, ["--help"]),
    ("bot", bot_main, ["--version"]),
    ("bot", bot_main, ["--check"]),
]


@pytest.fixture(scope="module")
def prepared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a queued job, a cancelled one, a backup and a picture."""
    folder = tmp_path_factory.mktemp("filled")
    settings = Storage(folder / "data", None).settings()
    (folder / "data" / "pictures").mkdir(parents=True)

    async def fill() -> None:
        async with await JobQueue.open(settings) as queue:
            await submit_job(queue)
            job = await submit_job(queue)
            await queue.jobs.cancel(job.id, job.user_id)

    asyncio.run(fill())
    backup(settings, folder / "earlier.tar")
    noise_picture(64, 64).to_image().save(folder / "own.png")
    return folder


@pytest.fixture
def folder(tmp_path: Path, prepared_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change into a copy of the prepared folder."""
    shutil.copytree(prepared_folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATELIER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DISCORD_TOKEN", "")
    monkeypatch.delenv("ATELIER_DATABASE_URL", raising=False)


@contextlib.contextmanager
def lost_output(how: str) -> Iterator[tuple[int, str]]:
    """A file descriptor that cannot be written to, and the expected message."""
    if how == "full":
        handle, expected = os.open("/dev/full", os.O_WRONLY), DISK_FULL_MESSAGE
    else:
        read_end, handle = os.pipe()
        os.close(read_end)
        expected = ""
    try:
        yield handle, expected
    finally:
        os.close(handle)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        pytest.param(main, arguments, id=" ".join([name, *arguments]))
        for name, main, arguments in COMMANDS
    ],
)
@pytest.mark.parametrize("how", ["full", "closed"])
@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])
def test_command_with_lost_output_fails_with_at_most_one_line(
    main: Callable[[list[str]], int],
    arguments: list[str],
    how: str,
    buffered: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with lost_output(how) as (handle, expected):
        raw = io.FileIO(handle, "w", closefd=False)
        stream: Any = io.BufferedWriter(raw) if buffered else raw  # as Python makes standard output
        output = io.TextIOWrapper(stream, encoding="utf-8", write_through=not buffered)
        monkeypatch.setattr(sys, "stdout", output)
        assert run_command(lambda: main(arguments)) == UNWRITTEN
        assert capsys.readouterr().err == expected


def test_every_jobs_command_is_tried_with_lost_output() -> None:
    tried = {arguments[0] for _, main, arguments in COMMANDS if main is jobs_main}
    (commands,) = (each.choices for each in jobs_parser()._actions if each.dest == "command")
    assert set(commands or ()) <= tried


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("program", "how", "unbuffered"),
    [
        ("engine styles list", "full", ""),
        ("engine styles list", "full", "1"),
        ("engine styles list", "closed", ""),
        ("engine --help", "full", ""),
        ("jobs list", "full", ""),
        ("bot --version", "full", ""),
        ("bot.locales --help", "full", ""),
        ("sandbox demo --help", "full", ""),
        ("sandbox --no-bot --no-open --port 0", "full", ""),
        ("sandbox --no-bot --no-open --port 0", "closed", ""),
    ],
)
def test_each_program_fails_cleanly_when_its_output_is_lost(
    program: str, how: str, unbuffered: str
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered}
    with lost_output(how) as (handle, expected):
        completed = subprocess.run(
            [sys.executable, "-m", *program.split()],
            stdout=handle,
            stderr=subprocess.PIPE,
            env=environment,
            check=False,
            text=True,
            timeout=120,
        )
    assert (completed.returncode, completed.stderr) == (UNWRITTEN, expected)


def test_failing_command_keeps_its_status_when_output_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def main() -> int:
        sys.stdout.write("so far")
        return 3

    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert run_command(main) == 3


def test_writable_output_keeps_its_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def main() -> int:
        return sys.stdout.write("Zürich → Łódź\n") * 0

    with (tmp_path / "out").open("w", encoding="latin-1", errors="replace") as file:
        monkeypatch.setattr(sys, "stdout", file)
        assert run_command(main) == 0
    assert (tmp_path / "out").read_bytes() == "Zürich ? ?ód?\n".encode("latin-1")
