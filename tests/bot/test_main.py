"""`python -m bot` as a process: how it starts, what it says, how it ends."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.app.connection import Connection
from bot.wire.addresses import point_discord_at
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


def told(studio: Studio) -> int:
    """How often Discord has taken the commands."""
    lines = studio.discord.traffic
    return sum(line.title.startswith("PUT /applications") and line.status == 200 for line in lines)


@contextlib.asynccontextmanager
async def serving(studio: Studio) -> AsyncIterator[Connection]:
    """The connection of `python -m bot`, until the end of the block."""
    point_discord_at(studio.settings)
    connection = Connection(studio.settings)
    task = asyncio.create_task(connection.serve())
    try:
        yield connection
        assert not task.done(), task.exception()
    finally:
        await connection.wind_down()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


REFUSALS: dict[str, dict[str, Any]] = {
    "a rate limit of a server in between": {"status": 429, "retry_after": 1, "with_via": False},
    "a long rate limit": {"status": 429, "retry_after": 600.0},
    "the day's creations are used up": {"status": 400, "code": 30034},
    "no permission": {"status": 403, "code": 20012},
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_it_serves_while_discord_does_not_take_the_commands(
    closed_studio: Studio, refusal: dict[str, Any]
) -> None:
    await closed_studio.start_bot()
    await closed_studio.stop_bot()
    (closed_studio.settings.atelier_data_dir / "commands.json").unlink()
    fault = closed_studio.discord.faults.add(
        "PUT", "/applications/*/commands", **refusal, times=100
    )
    async with serving(closed_studio):
        await closed_studio.discord.ready()
        asked = await closed_studio.discord.slash(closed_studio.user(), "queue")
        assert await closed_studio.answer(asked)
        assert fault.hits
        assert told(closed_studio) == 1


async def test_commands_that_discord_did_not_take_are_told_again(closed_studio: Studio) -> None:
    closed_studio.discord.faults.add(
        "PUT", "/applications/*/commands", status=429, with_via=False, times=1
    )
    async with serving(closed_studio):
        await closed_studio.eventually(lambda: told(closed_studio) == 1)


async def test_a_rate_limit_at_the_sign_in_is_waited_for(closed_studio: Studio) -> None:
    closed_studio.discord.faults.add("GET", "/users/@me", status=429, with_via=False)
    async with serving(closed_studio):
        await closed_studio.discord.ready()


async def test_what_discord_py_cannot_read_does_not_end_it(closed_studio: Studio) -> None:
    async with serving(closed_studio):
        await closed_studio.discord.ready()
        gateway = closed_studio.discord.gateway
        await gateway.dispatch("INTERACTION_CREATE", {"id": "1"})
        identified = gateway.identified
        await closed_studio.eventually(lambda: gateway.identified > identified)
        await closed_studio.discord.ready()
        asked = await closed_studio.discord.slash(closed_studio.user(), "queue")
        assert await closed_studio.answer(asked)


async def test_a_queue_that_cannot_be_opened_again_is_waited_for(
    closed_studio: Studio,
) -> None:
    path = closed_studio.settings.atelier_data_dir / "atelier.sqlite3"
    discord = closed_studio.discord

    def signed_in() -> int:
        return sum(
            line.title == "GET /users/@me" and line.status == 200 for line in discord.traffic
        )

    async with serving(closed_studio):
        await discord.ready()
        refused = discord.faults.add("GET", "/users/@me", status=429, with_via=False)
        await discord.gateway.dispatch("INTERACTION_CREATE", {"id": "1"})
        await closed_studio.eventually(lambda: refused.hits)
        moved = path.rename(path.with_suffix(".moved"))
        path.mkdir()  # which SQLite cannot open
        before = signed_in()
        await closed_studio.eventually(lambda: signed_in() > before)
        identified = discord.gateway.identified
        await asyncio.sleep(0.5)
        path.rmdir()
        moved.rename(path)
        await closed_studio.eventually(lambda: discord.gateway.identified > identified)
