"""`python -m bot`: run the bot, and with it one engine unless `ATELIER_ENGINE=external`."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable

import discord

from bot.app.connection import HOW_TO_SIGN_IN, Connection
from bot.app.memory import give_large_blocks_back
from bot.wire.addresses import point_discord_at
from common.logs import set_up_logging
from common.settings import Settings, SettingsError, load_settings
from jobs.outcomes import QueueError

log = logging.getLogger("bot")

FAILED = 1
CANNOT_START = 2
INTERRUPTED = 130

HOW_TO_START = (
    "DISCORD_TOKEN is not set: get a token at https://discord.com/developers/applications "
    "(your application > Bot > Reset Token) and put it in .env; to try Atelier without one, "
    "run `make demo` or `make sandbox`."
)


def main() -> int:
    """Run until a signal ends it. Returns the exit status."""
    try:
        _start(load_settings())
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
    return 0


def _start(settings: Settings) -> None:
    """Set the process up and serve.

    Raises:
        SettingsError: if there is no token, or half of a loopback server's address.
    """
    if settings.discord_token is None:
        raise SettingsError(HOW_TO_START)
    set_up_logging(settings)
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody speaks here
    give_large_blocks_back()
    point_discord_at(settings)
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    """Serve until a signal, then end in order."""
    stop = asyncio.Event()
    _on_signal(stop.set)
    connection = Connection(settings)
    serving = asyncio.create_task(connection.serve(), name="discord")
    tasks = [serving]
    if settings.atelier_engine == "embedded":
        from bot.app.supervisor import EngineSupervisor  # noqa: PLC0415 - not needed by `external`

        tasks.append(asyncio.create_task(EngineSupervisor(settings).run(), name="engine"))
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        await connection.wind_down()
    finally:
        stopping.cancel()
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    log.info("Stopped in order")


def _on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGINT and SIGTERM, also where the loop cannot handle signals (Windows)."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:
            with contextlib.suppress(ValueError):  # not in the main thread
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


if __name__ == "__main__":
    sys.exit(main())
