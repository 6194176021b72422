"""`python -m bot`: run the bot, and with it its engines unless `ATELIER_ENGINE=external`."""

from common.interrupts import stop_quietly

if __name__ == "__main__":
    stop_quietly()

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Sequence

import discord

from bot.app.checks import HOW_TO_SIGN_IN, findings
from bot.app.connection import Connection
from bot.app.folder_lock import lock_folder
from bot.monitor.alerts import tell_of_failed_start
from bot.wire.addresses import point_discord_at
from common import crashes
from common.command_line import OneLineParser, replace_unencodable, run_command
from common.logs import redacted, set_up_logging
from common.memory import give_large_blocks_back
from common.options import resolve_network
from common.settings import Settings
from common.settings_loading import SettingsError, load_settings
from common.shutdown import exit_within, on_signal
from common.version import VERSION, versions
from jobs.outcomes import QueueError

log = logging.getLogger("bot")

FAILED = 1
"""Another start may succeed: something on another machine was not available."""
CANNOT_START = 2
"""Another start would fail, too."""
INTERRUPTED = 130
WIND_DOWN_SECONDS = 18.0
LEAVE_SECONDS = 25.0
"""From the signal to the end of the process, even if something hangs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal ends it. Returns the exit status."""
    parser = OneLineParser(
        prog="python -m bot",
        description="The Discord bot, and with it its engines unless ATELIER_ENGINE=external. "
        "Settings are read from the environment and from .env in this folder.",
    )
    parser.add_argument("--version", action="version", version=f"Atelier {VERSION}")
    parser.add_argument(
        "--check",
        action="store_true",
        help="check everything that the bot needs to start, and exit",
    )
    asked = parser.parse_args(arguments)
    try:
        settings = load_settings()
        point_discord_at(settings)
        if asked.check:
            replace_unencodable()
            return asyncio.run(_check(settings))
        return _start(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return CANNOT_START
    except discord.LoginFailure:
        print(HOW_TO_SIGN_IN, file=sys.stderr)
        return CANNOT_START
    except QueueError as error:
        print(f"The queue cannot be opened: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _start(settings: Settings) -> int:
    """Run the checks, set the process up and serve. Returns the exit status."""
    if os.name == "posix":
        os.umask(0o077)  # files are only for the user who runs the bot
    set_up_logging(settings)
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # no voice here
    if status := asyncio.run(_preflight(settings)):
        return status
    _log_start(settings)
    give_large_blocks_back()
    folder = settings.atelier_data_dir.resolve()
    with lock_folder(folder):
        crashes.note(folder, "bot")  # removed by a clean exit
        asyncio.run(_run(settings))
        crashes.take_back(folder, "bot")
    return 0


def _log_start(settings: Settings) -> None:
    """Log versions, engines, sizes and folders."""
    log.info("%s", versions("discord.py", "aiohttp", "SQLAlchemy", "Pillow"))
    log.info(
        "%s engine on %s, network %s, up to %d px, %s quality",
        settings.atelier_engine,
        settings.atelier_device,
        resolve_network("auto", settings.atelier_network),
        settings.limits.max_size_px,
        settings.limits.max_quality,
    )
    log.info(
        "Data in %s, database %s, pictures in %s",
        settings.atelier_data_dir.resolve(),
        redacted(settings.database_url),
        redacted(settings.storage_url),
    )


async def _preflight(settings: Settings) -> int:
    """Print each fault as a plain line. Returns the exit status, 0 if there is none."""
    faults: list[str] = []
    status = 0
    signed_in = False
    async for finding in findings(settings, thorough=False):
        signed_in |= finding.name == "token" and not (finding.is_fault or finding.is_doubtful)
        if finding.is_fault:
            print(finding.text, file=sys.stderr)
            faults.append(finding.text)
            status = CANNOT_START if not finding.is_transient else status or FAILED
        elif finding.is_doubtful:
            log.warning("%s", finding.text)
    if faults and signed_in:
        await tell_of_failed_start(settings, " ".join(faults))
    return status


async def _check(settings: Settings) -> int:
    """Print all checks as a table. Returns the exit status."""
    from rich.console import Console  # noqa: PLC0415 - not needed to serve

    console, fit = Console(soft_wrap=True), True
    async for finding in findings(settings, thorough=True):
        fit = fit and not finding.is_fault
        word, color = ("ok", "green")
        if finding.is_fault or finding.is_doubtful:
            word, color = ("fault", "red") if finding.is_fault else ("note", "yellow")
        console.print(f"{finding.name:<9} [{color}]{word:<6}[/{color}]", end="")
        console.print(finding.text, markup=False, highlight=False)
    return 0 if fit else CANNOT_START


async def _run(settings: Settings) -> None:
    """Serve until a signal, then shut down cleanly."""
    stop = asyncio.Event()

    def end() -> None:
        if not stop.is_set():
            exit_within(LEAVE_SECONDS, 0)
            stop.set()

    on_signal(end)
    connection = Connection(settings)
    serving = asyncio.create_task(connection.serve(), name="discord")
    tasks = [serving]
    if settings.atelier_engine == "embedded":
        # `external` does not need it.
        from bot.app.supervisor import EngineSupervisor, embedded_devices  # noqa: PLC0415

        for device in await asyncio.to_thread(embedded_devices, settings):
            engine = EngineSupervisor(settings, device=device)
            tasks.append(asyncio.create_task(engine.run(), name=f"engine on {device}"))
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks[1:]:
            task.cancel()  # stops in parallel with the services
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WIND_DOWN_SECONDS):
                await connection.wind_down()
    finally:
        stopping.cancel()
        for task in tasks:
            if not task.cancelling():  # once more would cut the engine's own time to stop short
                task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    log.info("Stopped in order")


if __name__ == "__main__":
    sys.exit(run_command(main))
