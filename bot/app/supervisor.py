"""Starts the embedded engine as a child process, restarts it, and stops it cleanly."""

import asyncio
import logging
import os
import subprocess
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable

from common import crashes
from common.backoff import Backoff
from common.gpus import usable_cards
from common.settings import Settings

log = logging.getLogger(__name__)

ENGINE_COMMAND = (sys.executable, "-m", "engine", "--until-stdin-closes")
CARDS_COMMAND = (
    sys.executable,
    "-c",
    "from engine.painting.devices import cards_for_painting as cards; print(*cards())",
)
CARDS_TIMEOUT_SECONDS = 120.0
BACKOFF = Backoff(first_seconds=1.0, longest_seconds=60.0)
STEADY_AFTER_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 20.0


class EngineSupervisor:
    """Runs `python -m engine` for as long as the bot runs.

    The engine exits when its standard input closes. So every system can ask it to stop, and it does
    not outlive a bot that was killed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        device: str | None = None,
        command: tuple[str, ...] = ENGINE_COMMAND,
    ) -> None:
        self._environment = os.environ | _as_environment(settings)
        if device is not None:
            self._environment["ATELIER_DEVICE"] = device
        self._folder = settings.atelier_data_dir
        self._name = f"{crashes.ENGINE_ON}{device or settings.atelier_device}"
        self._command = command
        self._process: Process | None = None

    async def run(self) -> None:
        """Start the engine, and restart it with backoff whenever it exits, until cancelled."""
        failures = 0
        try:
            while True:
                started_at = time.monotonic()
                code = await self._run_once()
                if code is None:
                    why = f"the {self._name} could not be started"
                else:
                    why = f"the {self._name} ended with code {code}"
                if time.monotonic() - started_at >= STEADY_AFTER_SECONDS:
                    failures = 0
                pause_seconds = BACKOFF.seconds(failures)
                failures += 1
                log.error("%s; the next try is in %.0f s", why, pause_seconds)
                await asyncio.to_thread(crashes.note, self._folder, self._name)
                await asyncio.sleep(pause_seconds)
        finally:
            await self._stop()

    async def _run_once(self) -> int | None:
        """Run it. Returns its exit code; None if the process could not be started."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, env=self._environment
            )
        except OSError as error:
            log.warning("no process for the %s: %s", self._name, error)
            return None
        log.info("the %s runs as process %d", self._name, self._process.pid)
        return await self._process.wait()

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
                await process.wait()
        except TimeoutError:
            log.warning(
                "the %s did not stop within %.0f s and is ended", self._name, STOP_TIMEOUT_SECONDS
            )
            process.kill()
            await process.wait()


def embedded_devices(
    settings: Settings,
    *,
    cards: Callable[[], int] = usable_cards,
    command: tuple[str, ...] = CARDS_COMMAND,
) -> list[str]:
    """The devices that get an engine each: what the settings name, or with `auto` every card.

    Args:
        settings: they name a device, or leave it.
        cards: counts NVIDIA's cards.
        command: says which of several torch can use, as this process does not load it. The driver
            also counts those that are hidden from programs, and those that torch has no code for.
    """
    count = cards() if settings.atelier_device == "auto" else 0
    if count < 2:
        return [settings.atelier_device]
    try:
        asked = subprocess.run(  # noqa: S603 - a command of ours
            command, capture_output=True, text=True, timeout=CARDS_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("the cards cannot be told apart (%s); one engine is started", error)
        return ["auto"]
    found = [word for word in asked.stdout.split() if word.startswith("cuda:")]
    if len(found) < count:
        log.warning("torch can use %d of the %d NVIDIA cards here", len(found), count)
    return found if len(found) > 1 else ["auto"]


def _as_environment(settings: Settings) -> dict[str, str]:
    """The bot's settings as environment variables for the engine, without the token."""
    environment = {"DISCORD_TOKEN": ""}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if not name.startswith("atelier_") or value is None:
            continue
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        environment[name.upper()] = text
    return environment
