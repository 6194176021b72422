"""`python -m sandbox`: server, page, bot and engine together until Ctrl-C."""

import asyncio
import contextlib
import os
import sys
import webbrowser
from pathlib import Path

from sandbox.bot_process import BotStoppedError, bot_environment, run_bot
from sandbox.console import end_on_sigterm, say
from sandbox.loopback import LoopbackDiscord
from sandbox.page.routes import add_page


async def serve(port: int, data_dir: Path, *, with_bot: bool, open_page: bool) -> None:
    """Serve until cancelled; then the bot stops before its Discord does."""
    async with LoopbackDiscord.start(port, extend=add_page) as discord:
        say(f"The sandbox is at {discord.world.base_url} (Ctrl-C stops it).")
        if open_page:
            await asyncio.to_thread(webbrowser.open, discord.world.base_url)
        if not with_bot:
            for name, value in discord.environment().items():
                say(f"{name}={value}")
            await asyncio.Event().wait()
        log = data_dir / "bot.log"
        environment = bot_environment(discord.environment(), data_dir)
        async with run_bot(environment, log) as bot:
            say(f"The bot writes its log to {log}.")
            try:
                while True:
                    bot.check()
                    await discord.until(lambda: not bot.running, 1.0)
            finally:
                say("Stopping the bot and its engine …")


def run_sandbox(port: int, data_dir: Path, *, with_bot: bool, open_page: bool) -> int:
    """Run the sandbox; returns the exit status."""
    end_on_sigterm()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        say(f"The folder {data_dir} cannot be made ({error.strerror}); choose another with --data.")
        return 1
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(port, data_dir, with_bot=with_bot, open_page=open_page))
    except OSError as error:
        say(f"Port {port} cannot be used ({error.strerror}); choose another with --port.")
        return 1
    except BotStoppedError as error:
        say(str(error))
        return 1
    return 0


def has_screen() -> bool:
    """Whether a browser can be opened here."""
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
