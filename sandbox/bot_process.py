"""The bot as a process of its own, as a server owner would run it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.loopback import LoopbackDiscord

STOP_WITHIN_SECONDS = 30.0
READY_WITHIN_SECONDS = 90.0
LOG_LINES_SHOWN = 12


class BotStoppedError(Exception):
    """The bot's process exited, or did not get ready; the message has the end of its log."""


class BotProcess:
    """A running `python -m bot`, with its output in a log file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._process.pid

    def check(self) -> None:
        """Raise a BotStoppedError with the end of the log if the bot has exited."""
        if not self.running:
            code = self._process.returncode
            raise BotStoppedError(f"The bot ended with code {code}. It last said:\n{self.tail()}")

    def tail(self) -> str:
        """The last lines of the log."""
        lines = self.log.read_text("utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])

    async def stop(self) -> int:
        """Ask the process to exit, and kill it after a while; returns its exit status.

        The engine exits cleanly even if the bot does not, because its standard input closes.
        """
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._ask_to_exit()
        try:
            async with asyncio.timeout(STOP_WITHIN_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """Kill the process; returns its exit status."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()

    def _ask_to_exit(self) -> None:
        if sys.platform == "win32":  # where `terminate` kills
            with contextlib.suppress(OSError):  # without a console
                self._process.send_signal(signal.CTRL_BREAK_EVENT)
                return
        self._process.terminate()


async def online(discord: LoopbackDiscord, bot: BotProcess) -> None:
    """Wait until the bot is connected and has synced its commands.

    Raises:
        BotStoppedError: It exited, or takes too long.
    """
    end = time.monotonic() + READY_WITHIN_SECONDS
    while not await discord.until(lambda: discord.gateway.connected and discord.commands, 0.5):
        bot.check()
        if time.monotonic() > end:
            raise BotStoppedError(
                f"The bot was not online within {READY_WITHIN_SECONDS:.0f} s. "
                f"It last said:\n{bot.tail()}"
            )


def bot_environment(discord: Mapping[str, str], data_dir: Path) -> dict[str, str]:
    """The environment of the bot: this process's, the sandbox's URLs, and a data directory.

    Variables set here (an empty one means the default) take precedence over a `.env` file, so
    neither its token nor its database is used; the caller's own environment is passed on.
    """
    home = {
        "ATELIER_DATA_DIR": str(data_dir.resolve()),
        "ATELIER_DATABASE_URL": "",
        "ATELIER_STORAGE_URL": "",
        "ATELIER_ENGINE": "embedded",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    return home | dict(os.environ) | dict(discord)


@asynccontextmanager
async def run_bot(environment: Mapping[str, str], log: Path) -> AsyncIterator[BotProcess]:
    """Run `python -m bot`, and stop it cleanly at the end."""
    flags = 0
    if sys.platform == "win32":  # else Ctrl-C reaches the bot too, and CTRL_BREAK us
        flags = subprocess.CREATE_NEW_PROCESS_GROUP
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            creationflags=flags,
        )
        bot = BotProcess(process, log)
        try:
            yield bot
        finally:
            await bot.stop()
