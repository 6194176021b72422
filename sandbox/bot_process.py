"""The bot as a process of its own, as a server owner would run it."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.control import LoopbackDiscord

STOP_WITHIN_SECONDS = 30.0
READY_WITHIN_SECONDS = 90.0
LOG_LINES_SHOWN = 12


class BotStoppedError(Exception):
    """The bot's process ended by itself or never got ready; the sentence carries its last words."""


class BotProcess:
    """A running `python -m bot`, its output in a log file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process' number."""
        return self._process.pid

    def check(self) -> None:
        """Raise a BotStoppedError with the end of the log when the bot is gone."""
        if not self.running:
            code = self._process.returncode
            raise BotStoppedError(f"The bot ended with code {code}. It last said:\n{self.tail()}")

    def tail(self) -> str:
        """The last lines of the log."""
        lines = self.log.read_text("utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])

    async def stop(self) -> None:
        """Ask the process to end, and after a while insist.

        `terminate` is SIGTERM where there are signals, and on Windows the end of the process;
        the engine ends in order either way, because its standard input closes.
        """
        if not self.running:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


async def online(discord: LoopbackDiscord, bot: BotProcess) -> None:
    """Wait until the bot is connected and its commands are known.

    Raises:
        BotStoppedError: It ended, or takes too long.
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
    """The environment of the bot: this process's, the sandbox's addresses, and a data directory.

    Variables that are set here (an empty one means the default) win over a `.env` file, so neither
    its token nor its database is touched; what the caller's own environment sets is let through.
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
    """Run `python -m bot` and stop it in order at the end."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
        bot = BotProcess(process, log)
        try:
            yield bot
        finally:
            await bot.stop()
