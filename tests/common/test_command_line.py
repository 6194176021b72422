"""Errors of all command lines."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.command_line import nearest_of
from engine.__main__ import main as engine_main
from tests.kit.pictures import plain_picture

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (("bot", "--chek"), "--check"),
        (("jobs", "lst"), "list"),
        (("jobs", "list", "--stat", "done"), None),
        (("engine", "pant"), "paint"),
        (("engine", "paint", "photo.jpg", "--strenght", "0.3"), "--strength"),
    ],
)
def test_usage_error_is_one_line_suggesting_the_nearest_word(
    arguments: tuple[str, ...], nearest: str | None
) -> None:
    done = run(*arguments, ATELIER_DATA_DIR="/nonexistent/atelier")
    lines = done.stderr.splitlines()
    assert done.returncode in {1, 2}
    assert len(lines) == 1
    assert nearest is None or f"is {nearest} meant?" in lines[0].lower()


@pytest.mark.parametrize("program", ["bot", "jobs", "engine"])
def test_help_prints_under_an_ascii_encoding(program: str) -> None:
    done = run(program, "--help", PYTHONIOENCODING="ascii", LANG="C")
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_nearest_word_is_none_without_a_similar_word() -> None:
    assert nearest_of(["qqqq", "--sise"], ["--size", "--seed"]) == "--size"
    assert nearest_of(["qqqq"], ["--size"]) is None


@pytest.mark.parametrize(
    ("argument", "message"),
    [("--prt", "Is --port meant?"), ("dem", "Is demo meant?")],
)
def test_sandbox_usage_error_is_one_line_suggesting_the_nearest_word(
    argument: str, message: str
) -> None:
    done = run("sandbox", argument)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr


PAINT, FINGERPRINT = ["paint", "--preset", "starry-night"], ["styles", "fingerprint"]


@pytest.mark.parametrize(
    ("command", "data", "message"),
    [
        *(
            (command, data, message)
            for command in (PAINT, FINGERPRINT)
            for data, message in (
                (b"", "That file is empty. Please give it again."),
                (b"nothing", "That file is not a picture I can read. Please give a PNG, JPEG,"),
            )
        ),
        # A style has no minimal width.
        (PAINT, plain_picture((4, 400)), "Please "),
    ],
)
def test_command_line_errors_do_not_mention_attachments(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    data: bytes,
    message: str,
) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(data)
    assert engine_main([*command, str(file)]) != 0
    error = " ".join(capsys.readouterr().err.split())
    assert message in error
    assert "attach" not in error
