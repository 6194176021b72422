"""Starting, restarting and stopping the embedded engine."""

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest

from bot.app import supervisor
from bot.app.supervisor import EngineSupervisor, embedded_devices
from common import crashes
from common.backoff import Backoff
from common.gpus import nvidia_cards
from common.settings import Settings
from common.settings_loading import load_settings

CHILD = """
import os, pathlib, sys
log = pathlib.Path(sys.argv[1])
with log.open("a") as file:
    print("started", os.environ["ATELIER_DATA_DIR"], repr(os.environ["DISCORD_TOKEN"]), file=file)
if sys.argv[2] == "dies":
    sys.exit(7)
sys.stdin.read()
with log.open("a") as file:
    print("ended in order", file=file)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        _env_file=None, discord_token="very-secret", atelier_data_dir=tmp_path / "data"
    )


def child_command(log: Path, behavior: str) -> tuple[str, ...]:
    return (sys.executable, "-c", CHILD, str(log), behavior)


async def read_lines(log: Path, at_least: int) -> list[str]:
    async with asyncio.timeout(30):
        while not log.exists() or len(log.read_text().splitlines()) < at_least:
            await asyncio.sleep(0.02)
    return log.read_text().splitlines()


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_engine_gets_settings_without_the_token_and_stops_with_the_bot(
    settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    engine = EngineSupervisor(settings, command=child_command(log, "serves"))
    task = asyncio.create_task(engine.run())
    assert await read_lines(log, 1) == [f"started {tmp_path / 'data'} ''"]
    while engine._process is None:  # it runs before this process knows it, and would be killed
        await asyncio.sleep(0.02)
    await stop(task)
    assert log.read_text().splitlines()[1:] == ["ended in order"]


async def test_crashed_engine_is_restarted(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF", Backoff(0.01, 0.02))
    log = tmp_path / "log"
    task = asyncio.create_task(EngineSupervisor(settings, command=child_command(log, "dies")).run())
    assert len(await read_lines(log, 4)) >= 4
    await stop(task)
    assert crashes.loops(settings.atelier_data_dir) == ["engine on auto"]


async def test_engine_that_cannot_start_is_retried(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF", Backoff(0.01, 0.02))
    log, program = tmp_path / "log", tmp_path / "python"
    command = (str(program), *child_command(log, "serves")[1:])
    task = asyncio.create_task(EngineSupervisor(settings, command=command).run())
    await asyncio.sleep(0.1)
    assert not task.done()
    program.symlink_to(sys.executable)
    assert len(await read_lines(log, 1)) == 1
    await stop(task)


@pytest.mark.parametrize(
    ("device", "cards", "usable", "devices"),
    [
        ("auto", 0, "", ["auto"]),
        ("auto", 1, "", ["auto"]),
        ("auto", 3, "cuda:0 cuda:1 cuda:2", ["cuda:0", "cuda:1", "cuda:2"]),
        ("auto", 3, "cuda:0 cuda:2", ["cuda:0", "cuda:2"]),
        ("auto", 2, "cuda:1", ["auto"]),
        ("auto", 2, "", ["auto"]),
        ("cuda:1", 3, "", ["cuda:1"]),
        ("cpu", 2, "", ["cpu"]),
    ],
)
def test_each_usable_card_gets_an_engine_unless_a_device_is_set(
    device: str,
    cards: int,
    usable: str,
    devices: list[str],
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The driver also counts cards that torch cannot use, where an engine would crash in a loop."""
    named = settings.model_copy(update={"atelier_device": device})
    found = embedded_devices(named, cards=lambda: cards, command=("echo", usable))
    assert found == devices
    is_told = f"torch can use {len(usable.split())} of the {cards} NVIDIA cards" in caplog.text
    assert is_told is (device == "auto" and cards > 1 and len(usable.split()) < cards)


def test_one_engine_is_started_if_torch_cannot_list_usable_cards(
    settings: Settings,
) -> None:
    for command in (("false",), ("/no/such/program",)):
        assert embedded_devices(settings, cards=lambda: 2, command=command) == ["auto"]


def test_cards_are_counted_by_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia_cards() == 0
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: x)'\necho 'GPU 1: B (UUID: y)'\n")
    tool.chmod(0o755)
    assert nvidia_cards() == 2
    tool.write_text("#!/bin/sh\necho 'No devices were found'\nexit 6\n")
    assert nvidia_cards() == 0


async def test_engine_receives_its_device(settings: Settings, tmp_path: Path) -> None:
    code = "import os, sys; open(sys.argv[1], 'w').write(os.environ['ATELIER_DEVICE'])"
    log = tmp_path / "device"
    command = (sys.executable, "-c", code, str(log))
    task = asyncio.create_task(EngineSupervisor(settings, device="cuda:1", command=command).run())
    assert await read_lines(log, 1) == ["cuda:1"]
    await stop(task)
