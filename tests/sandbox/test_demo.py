"""The command line of the sandbox: output, errors and cleanup."""

import asyncio
import io
import os
import signal
import sys
from pathlib import Path
from typing import cast

import pytest

from sandbox.__main__ import main
from sandbox.bot_process import BotProcess, bot_environment
from sandbox.console import say
from sandbox.demo import ended
from sandbox.demo_pictures import NoPictureError, choose
from sandbox.message_text import one_line, readable
from sandbox.model import Message, MessageFlag
from sandbox.world import World

ROOT = Path(__file__).resolve().parents[2]


def message(content: str = "", *labels: str) -> Message:
    buttons = [{"type": 2, "style": 2, "label": label, "custom_id": label} for label in labels]
    rows = [{"type": 1, "components": buttons}] if buttons else []
    return Message(1, 2, 3, 0.0, content=content, components=rows)


def test_unencodable_characters_are_replaced_in_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On Windows, redirected standard output has a legacy encoding."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    say("⏳ Place 1 · für Ada")
    assert written.getvalue().decode("cp1252") == "? Place 1 · für Ada\n"


class FakeProcess:
    """A process on Windows that records how it is asked to exit."""

    pid, returncode = 1, None

    def __init__(self, *, has_console: bool) -> None:
        self.has_console = has_console
        self.signals: list[object] = []

    def send_signal(self, number: int) -> None:
        if not self.has_console:
            raise OSError(6, "The handle is invalid")
        self.signals.append(number)

    def terminate(self) -> None:
        self.signals.append("terminate")

    async def wait(self) -> int:
        return 0


async def test_bot_on_windows_is_asked_to_exit_or_terminated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_console, without_console = FakeProcess(has_console=True), FakeProcess(has_console=False)
    monkeypatch.setattr(signal, "CTRL_BREAK_EVENT", 1, raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        for process in (with_console, without_console):
            await BotProcess(cast("asyncio.subprocess.Process", process), tmp_path / "log").stop()
    assert with_console.signals == [1]
    assert without_console.signals == ["terminate"]


def test_one_line_flattens_a_message() -> None:
    shown = message("### 🖌️ **Painting**\n▰▱ 50% · ready <t:1042:R>\n-# small print")
    assert one_line(shown, 1000.0) == "🖌️ Painting | ▰▱ 50% · ready in 42 s | small print"
    waiting = message()
    waiting.flags = MessageFlag.LOADING
    assert one_line(waiting, 0.0) == "… is thinking"


def test_readable_message_has_author_text_and_buttons() -> None:
    world = World()
    assert (
        readable(message("done", "Again"), world.bot.name, 0.0) == "Atelier:\n  done\n  [Again]\n"
    )


def test_job_has_ended_when_its_cancel_button_is_gone() -> None:
    assert not ended(None)
    assert not ended(message("Place 1", "Cancel"))
    assert ended(message("seed 7", "Again"))
    assert ended(message("You may not."))


def test_bundled_pictures_exist_and_a_missing_file_is_named(tmp_path: Path) -> None:
    bundled = choose(None, None)
    assert all(
        path.is_file()
        for path in (bundled.first_photograph, bundled.second_photograph, bundled.style)
    )
    with pytest.raises(NoPictureError, match=r"nothing\.png"):
        choose(tmp_path / "nothing.png", None)


def test_a_real_token_and_database_are_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "real")
    monkeypatch.setenv("ATELIER_DEVICE", "cpu")
    environment = bot_environment({"DISCORD_TOKEN": "sandbox"}, tmp_path)
    assert environment["DISCORD_TOKEN"] == "sandbox"
    assert environment["ATELIER_DEVICE"] == "cpu"
    assert environment["ATELIER_DATABASE_URL"] == ""
    assert environment["ATELIER_DATA_DIR"] == str(tmp_path.resolve())


async def run(*arguments: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox",
        *arguments,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--port", "65536"), "Argument --port: 65536 is not a number up to 65535. See --help."),
        (
            ("demo", "--out", "{file}.d", "--content", "no-such.jpg"),
            "The demonstration failed. There is no file no-such.jpg.",
        ),
        (("--no-open", "--data", "{file}"), "file cannot be made (File exists)"),
        (("demo", "--out", "{file}"), "The demonstration failed. {file} cannot be made"),
    ],
)
def test_unusable_arguments_are_reported_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    try:
        code: object = main([each.format(file=file) for each in arguments])
    except SystemExit as usage_error:
        code = usage_error.code
    assert code in {1, 2}
    written = "".join(capsys.readouterr())
    assert expected.format(file=file) in written
    assert len(written.splitlines()) == 1


@pytest.mark.slow
async def test_demo_of_a_refused_picture_ends_with_the_bots_refusal(tmp_path: Path) -> None:
    (tmp_path / "saved.jpg").write_text("<!DOCTYPE html><title>403</title>")
    options = ("--out", str(tmp_path), "--content", str(tmp_path / "saved.jpg"))
    code, output = await run("demo", *options, ATELIER_ENGINE="external")
    assert code == 1
    assert "The photo: That file is not a picture I can read: it is a web page." in output


@pytest.mark.slow
async def test_demo_quotes_a_bot_that_cannot_start(tmp_path: Path) -> None:
    code, output = await run("demo", "--out", str(tmp_path), ATELIER_MAX_SIZE_PX="huge")
    assert code == 1
    assert "The bot ended with code 2" in output
    assert "ATELIER_MAX_SIZE_PX" in output
    assert "Traceback" not in output


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
async def test_server_without_a_bot_stops_cleanly(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox",
        "--no-bot",
        "--no-open",
        "--port",
        "0",
        "--data",
        str(tmp_path),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    first = await process.stdout.readline()
    assert b"http://127.0.0.1:" in first
    names = {(await process.stdout.readline()).split(b"=")[0] for _ in range(3)}
    assert names == {b"DISCORD_TOKEN", b"DISCORD_API_URL", b"DISCORD_GATEWAY_URL"}
    process.terminate()
    rest = await asyncio.wait_for(process.stdout.read(), 20)
    assert await process.wait() == 0
    assert b"Traceback" not in rest
