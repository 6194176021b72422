"""`python -m bot` as a process, and its connection to Discord: start, output, end."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.app.connection import Connection
from bot.wire.addresses import point_discord_at
from sandbox.loopback import LoopbackDiscord
from tests.kit.world import World

ROOT = Path(__file__).resolve().parents[3]


async def start(folder: Path, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DISCORD_", "ATELIER_"))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
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


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that can be handled")
async def test_sigterm_stops_the_bot_cleanly(tmp_path: Path) -> None:
    async with LoopbackDiscord.start() as discord:
        process = await start(tmp_path, ATELIER_LOG_LEVEL="DEBUG", **discord.environment())
        await discord.ready(60)
        process.send_signal(signal.SIGTERM)
        output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    assert "Stopped in order" in errors.decode()
    assert "Traceback" not in errors.decode()
    assert discord.token not in (output + errors).decode()


async def test_commands_are_synced_only_when_changed_or_lost(world: World) -> None:
    def sync_requests() -> int:
        titles = [line.title for line in world.discord.traffic]
        return sum(title.startswith("PUT /applications") for title in titles)

    await world.stop_bot()
    await world.start_bot()
    assert sync_requests() == 1
    await world.stop_bot()
    world.discord.world.commands.clear()
    await world.start_bot()
    assert sync_requests() == 2


def command_syncs(world: World) -> int:
    """How often Discord accepted the commands."""
    lines = world.discord.traffic
    return sum(line.title.startswith("PUT /applications") and line.status == 200 for line in lines)


@contextlib.asynccontextmanager
async def serving(world: World) -> AsyncIterator[Connection]:
    """Run the connection of `python -m bot` until the end of the block."""
    point_discord_at(world.settings)
    connection = Connection(world.settings)
    task = asyncio.create_task(connection.serve())
    try:
        yield connection
        assert not task.done(), task.exception()
    finally:
        await connection.wind_down()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


REFUSALS: dict[str, dict[str, Any]] = {
    "rate limit by a proxy": {"status": 429, "retry_after": 1, "with_via": False},
    "long rate limit": {"status": 429, "retry_after": 600.0},
    "daily command creation limit reached": {"status": 400, "code": 30034},
    "missing permission": {"status": 403, "code": 20012},
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_bot_serves_while_discord_refuses_the_command_sync(
    closed_world: World, refusal: dict[str, Any]
) -> None:
    await closed_world.start_bot()
    await closed_world.stop_bot()
    (closed_world.settings.atelier_data_dir / "commands.json").unlink()
    fault = closed_world.discord.faults.add("PUT", "/applications/*/commands", **refusal, times=100)
    async with serving(closed_world):
        await closed_world.discord.ready()
        interaction = await closed_world.discord.slash(closed_world.user(), "queue")
        assert await closed_world.answer_text(interaction)
        assert fault.hits
        assert command_syncs(closed_world) == 1


async def test_refused_command_sync_is_retried(closed_world: World) -> None:
    closed_world.discord.faults.add(
        "PUT", "/applications/*/commands", status=429, with_via=False, times=1
    )
    async with serving(closed_world):
        await closed_world.eventually(lambda: command_syncs(closed_world) == 1)


async def test_rate_limit_at_login_is_waited_out(closed_world: World) -> None:
    closed_world.discord.faults.add("GET", "/users/@me", status=429, with_via=False)
    async with serving(closed_world):
        await closed_world.discord.ready()


async def test_unreadable_begin_of_a_session_does_not_stop_the_bot(closed_world: World) -> None:
    async with serving(closed_world):
        await closed_world.discord.ready()
        gateway = closed_world.discord.gateway
        await gateway.dispatch("READY", {})
        identified = gateway.identified
        await closed_world.eventually(lambda: gateway.identified > identified)
        await closed_world.discord.ready()
        interaction = await closed_world.discord.slash(closed_world.user(), "queue")
        assert await closed_world.answer_text(interaction)


async def test_bot_waits_for_a_queue_that_cannot_be_reopened(
    closed_world: World,
) -> None:
    path = closed_world.settings.atelier_data_dir / "atelier.sqlite3"
    discord = closed_world.discord

    def logins() -> int:
        return sum(
            line.title == "GET /users/@me" and line.status == 200 for line in discord.traffic
        )

    async with serving(closed_world):
        await discord.ready()
        refused = discord.faults.add("GET", "/users/@me", status=429, with_via=False)
        await discord.gateway.dispatch("READY", {})
        await closed_world.eventually(lambda: refused.hits)
        moved = path.rename(path.with_suffix(".moved"))
        path.mkdir()  # which SQLite cannot open
        before = logins()
        await closed_world.eventually(lambda: logins() > before)
        identified = discord.gateway.identified
        await asyncio.sleep(0.5)
        path.rmdir()
        moved.rename(path)
        await closed_world.eventually(lambda: discord.gateway.identified > identified)


STUCK = """
import asyncio, os, signal, threading
from bot import __main__ as program
from common.settings import Settings

class Connection:
    def __init__(self, settings):
        threading.Thread(target=threading.Event().wait, name="stuck").start()

    async def serve(self):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    async def wind_down(self):
        print("wound down", flush=True)

program.LEAVE_SECONDS = 0.2
program.Connection = Connection
asyncio.run(program._run(Settings(_env_file=None, atelier_engine="external")))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that can be handled")
def test_bot_with_a_stuck_thread_is_ended_after_a_limit() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUCK],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "wound down\n"), done.stderr
    assert "did not end within" in done.stderr


SLOW_ENGINE = """
import asyncio, pathlib, sys
from bot import __main__ as program
from bot.app.supervisor import EngineSupervisor
from common.settings import Settings

CHILD = (
    "import pathlib, sys, time; pathlib.Path('started').touch(); sys.stdin.read(); "
    "time.sleep(1); print('engine ended', flush=True)"
)

class Connection:
    def __init__(self, settings):
        pass

    async def serve(self):
        while not pathlib.Path("started").exists():
            await asyncio.sleep(0.01)

    async def wind_down(self):
        await asyncio.sleep(0.1)
        print("wound down", flush=True)

program.Connection = Connection
EngineSupervisor.__init__.__kwdefaults__["command"] = (sys.executable, "-c", CHILD)
asyncio.run(program._run(Settings(_env_file=None, atelier_device="cpu")))
print("bot ended")
"""


def test_bot_ends_after_its_engine_however_fast_it_winds_down(tmp_path: Path) -> None:
    """In a container, the end of the bot is the end of an engine that is saving its work."""
    done = subprocess.run(
        [sys.executable, "-c", SLOW_ENGINE],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == ["wound down", "engine ended", "bot ended"], done.stderr
