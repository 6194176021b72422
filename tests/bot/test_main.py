"""`python -m bot` as a process: how it starts, what it says, how it ends."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from sandbox.control import LoopbackDiscord
from tests.bot.studio import Studio

ROOT = Path(__file__).resolve().parents[2]


async def start(folder: Path, **environment: str) -> asyncio.subprocess.Process:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DISCORD_", "ATELIER_"))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        cwd=folder,  # without the developer's `.env`
        env={
            **inherited,
            "PYTHONPATH": str(ROOT),
            "ATELIER_DATA_DIR": str(folder / "data"),
            "ATELIER_ENGINE": "external",
            **environment,
        },
        stdout=PIPE,
        stderr=PIPE,
    )


async def test_without_a_token_one_line_says_where_to_get_one(tmp_path: Path) -> None:
    process = await start(tmp_path)
    _, errors = await process.communicate()
    assert process.returncode == 2
    (line,) = errors.decode().splitlines()
    assert "https://discord.com/developers/applications" in line
    assert "make demo" in line
    assert "make sandbox" in line


async def test_a_token_that_is_not_accepted_is_said_in_a_sentence(tmp_path: Path) -> None:
    async with LoopbackDiscord.start() as discord:
        secret = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.not-the-token-of-the-bot"
        process = await start(tmp_path, **{**discord.environment(), "DISCORD_TOKEN": secret})
        output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert "does not accept this DISCORD_TOKEN" in errors.decode()
    assert "Traceback" not in errors.decode()
    assert secret not in (output + errors).decode()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that can be handled")
async def test_a_signal_ends_it_in_order(tmp_path: Path) -> None:
    async with LoopbackDiscord.start() as discord:
        process = await start(tmp_path, ATELIER_LOG_LEVEL="DEBUG", **discord.environment())
        await discord.ready(60)
        process.send_signal(signal.SIGTERM)
        output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    assert "Stopped in order" in errors.decode()
    assert "Traceback" not in errors.decode()
    assert discord.token not in (output + errors).decode()


async def test_commands_are_told_only_when_they_changed_or_were_lost(studio: Studio) -> None:
    def told() -> int:
        titles = [line.title for line in studio.discord.traffic]
        return sum(title.startswith("PUT /applications") for title in titles)

    await studio.stop_bot()
    await studio.start_bot()
    assert told() == 1
    await studio.stop_bot()
    studio.discord.world.commands.clear()
    await studio.start_bot()
    assert told() == 2


async def test_one_loopback_address_alone_is_refused(tmp_path: Path) -> None:
    process = await start(
        tmp_path, DISCORD_TOKEN="secret", DISCORD_API_URL="http://127.0.0.1:9/api/v10"
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert "belong together" in errors.decode()
    assert "secret" not in errors.decode()
