"""The embedded engine is started, started again when it dies, and stopped in order."""

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest

from bot.app import supervisor
from bot.app.supervisor import EngineSupervisor
from common.backoff import Backoff
from common.settings import Settings, load_settings

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


def child(log: Path, behavior: str) -> tuple[str, ...]:
    return (sys.executable, "-c", CHILD, str(log), behavior)


async def lines_of(log: Path, at_least: int) -> list[str]:
    async with asyncio.timeout(30):
        while not log.exists() or len(log.read_text().splitlines()) < at_least:
            await asyncio.sleep(0.02)
    return log.read_text().splitlines()


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_the_engine_gets_the_settings_without_the_token_and_ends_with_the_bot(
    settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    task = asyncio.create_task(EngineSupervisor(settings, command=child(log, "serves")).run())
    assert await lines_of(log, 1) == [f"started {tmp_path / 'data'} ''"]
    await stop(task)
    assert log.read_text().splitlines()[1:] == ["ended in order"]


async def test_an_engine_that_dies_is_started_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF", Backoff(0.01, 0.02))
    log = tmp_path / "log"
    task = asyncio.create_task(EngineSupervisor(settings, command=child(log, "dies")).run())
    assert len(await lines_of(log, 3)) >= 3
    await stop(task)


async def test_an_engine_that_could_not_be_started_is_tried_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF", Backoff(0.01, 0.02))
    log, program = tmp_path / "log", tmp_path / "python"
    command = (str(program), *child(log, "serves")[1:])
    task = asyncio.create_task(EngineSupervisor(settings, command=command).run())
    await asyncio.sleep(0.1)
    assert not task.done()
    program.symlink_to(sys.executable)
    assert len(await lines_of(log, 1)) == 1
    await stop(task)
