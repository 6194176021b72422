"""`python -m bot`: run the bot, and with it one engine unless `ATELIER_ENGINE=external`."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable

import aiohttp
import discord

from bot.commands import build_client
from bot.discord_address import point_discord_at
from bot.logs import set_up_logging
from jobs.settings import Settings, SettingsError, load_settings

log = logging.getLogger("bot")

CANNOT_START = 2

HOW_TO_START = (
    "DISCORD_TOKEN is not set: get a token at https://discord.com/developers/applications "
    "(your application > Bot > Reset Token) and put it in .env; to try Atelier without one, "
    "run `make demo` or `make sandbox`."
)
HOW_TO_SIGN_IN = (
    "Discord does not accept this DISCORD_TOKEN: copy it again from "
    "https://discord.com/developers/applications (your application > Bot > Reset Token)."
)


def main() -> int:
    """Run until a signal ends it. Returns the exit status."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return CANNOT_START
    if settings.discord_token is None:
        print(HOW_TO_START, file=sys.stderr)
        return CANNOT_START
    set_up_logging(settings.atelier_log_level, settings.discord_token.get_secret_value())
    point_discord_at(settings)
    try:
        asyncio.run(_run(settings))
    except discord.LoginFailure:
        print(HOW_TO_SIGN_IN, file=sys.stderr)
        return CANNOT_START
    except KeyboardInterrupt:
        return 130
    return 0


async def _run(settings: Settings) -> None:
    """Serve until a signal, then end in order."""
    stop = asyncio.Event()
    _on_signal(stop.set)
    serving = asyncio.create_task(_serve(settings), name="discord")
    tasks = [serving]
    if settings.atelier_engine == "embedded":
        from bot.supervisor import EngineSupervisor  # noqa: PLC0415 - not needed by `external`

        tasks.append(asyncio.create_task(EngineSupervisor(settings).run(), name="engine"))
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    log.info("Stopped in order")


async def _serve(settings: Settings) -> None:
    """Stay connected. Until Discord is reachable, try again at growing intervals."""
    assert settings.discord_token is not None
    token = settings.discord_token.get_secret_value()
    wait_seconds = 2.0
    while True:
        client = build_client(settings)
        try:
            async with client:
                await client.start(token)
        except (aiohttp.ClientError, OSError, discord.DiscordServerError) as error:
            log.warning(
                "Discord cannot be reached (%s); trying again in %.0f s", error, wait_seconds
            )
        except discord.ConnectionClosed as error:
            log.warning("Discord closed the connection (code %s)", error.code)
            if error.code == 4004:
                raise discord.LoginFailure(HOW_TO_SIGN_IN) from None
        else:
            return
        await asyncio.sleep(wait_seconds)
        wait_seconds = min(60.0, wait_seconds * 2)


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
