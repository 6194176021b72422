"""Checks before the bot logs in: each fault is one sentence that says what to do."""

import asyncio
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import discord
from discord.http import Route

from bot.app.check_result import CheckResult
from bot.app.database_check import check_database
from bot.app.folder_lock import is_locked
from bot.wire.addresses import discord_proxy
from common.child import end
from common.disk_space import least_space
from common.files import close_to_others
from common.gpus import unused_card
from common.settings import ENV_FILE, MIB, Settings
from common.settings_loading import unknown_settings
from common.store import PictureStore, StorageUnavailableError
from common.store.backends import folder_of
from jobs.core import DAY_SECONDS
from jobs.health.troubles import CLOCK_SECONDS, off_discord

TIMEOUT_SECONDS = 10.0
ENGINE_TIMEOUT_SECONDS = 120.0
ENGINE_CHECK = (sys.executable, "-m", "engine", "--check")
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is served by this
"""The wildcard addresses, with the address to connect to from this machine."""

HOW_TO_BEGIN = (
    "DISCORD_TOKEN is not set: get a token at https://discord.com/developers/applications "
    "(your application > Bot > Reset Token) and put it in .env; to try Atelier without one, "
    "run `make demo` or `make sandbox` (without make: `python -m sandbox demo` or "
    "`python -m sandbox`)."
)
HOW_TO_SIGN_IN = (
    "Discord does not accept this DISCORD_TOKEN: copy it again from "
    "https://discord.com/developers/applications (your application > Bot > Reset Token)."
)
NO_CERTIFICATE = (
    "The certificate of Discord's server cannot be verified here, so the bot cannot connect. With "
    "the Python of python.org on macOS, run `Install Certificates.command` in Python's folder in "
    "Applications. Otherwise check this machine's clock, and whether a proxy or an antivirus "
    "program intercepts encrypted connections."
)
KEEPS_DELETED = (
    "The bucket keeps old versions, so deleted pictures stay in it: switch versioning off and "
    "delete the old versions, or add a lifecycle rule that deletes noncurrent versions."
)
KILLED = (
    "The engine was ended by signal {number} while it was checked; systems that run out of memory "
    "send 9."
)
NOT_WRITTEN = (
    "{setting}: {folder} cannot be written ({reason}): name a folder that the user who runs the "
    "bot may write to."
)


async def findings(settings: Settings, *, thorough: bool) -> AsyncIterator[CheckResult]:
    """Run all checks, the fastest first.

    Args:
        settings: Parsed already.
        thorough: For `--check`: always checks device and weights as well, which takes seconds, and
            migrates no database. False at startup.
    """
    for sentence in unknown_settings():
        yield CheckResult("settings", sentence, is_doubtful=True)
    if settings.discord_token is None:
        # Notepad on Windows appends this, and the Explorer does not show it.
        misnamed = ENV_FILE.with_name(f"{ENV_FILE.name}.txt")
        hint = f" There is a file {misnamed} here: rename it to {ENV_FILE}."
        yield CheckResult("token", HOW_TO_BEGIN + hint * misnamed.is_file(), is_fault=True)
    data_dir = settings.atelier_data_dir.resolve()
    folder = _missing_folder("folder", data_dir) if thorough else None
    yield (folder := folder or _folder(settings))
    if not folder.is_fault:  # else everything in it fails for the same reason
        async for result in _in_folder(settings, thorough=thorough):
            yield result
    if settings.discord_token is not None:
        token = settings.discord_token.get_secret_value()
        for result in await _token(token, discord_proxy(settings)):
            yield result


async def _in_folder(settings: Settings, *, thorough: bool) -> AsyncIterator[CheckResult]:
    """The checks that need the data folder, between it and the token."""
    yield await check_database(settings, may_migrate=not thorough)
    pictures = folder_of(settings.storage_url)
    store = _missing_folder("store", pictures) if thorough and pictures is not None else None
    yield store or await _store(settings, thorough=thorough)
    yield _disk(settings)
    if thorough or (settings.atelier_engine == "embedded" and _engine_was_set(settings)):
        yield await _engine()
    if thorough and (unused := await asyncio.to_thread(unused_card, settings.atelier_device)):
        yield CheckResult("engine", unused, is_doubtful=True)  # at startup the engine logs it
    if thorough and settings.atelier_monitor_port:  # at startup the server logs it
        yield await _page(settings)


def _folder(settings: Settings) -> CheckResult:
    folder = settings.atelier_data_dir.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        close_to_others(folder)  # older versions made it readable by everybody
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        text = NOT_WRITTEN.format(setting="ATELIER_DATA_DIR", folder=folder, reason=reason)
        return CheckResult("folder", text, is_fault=True)
    return CheckResult("folder", str(folder))


def _missing_folder(name: str, folder: Path) -> CheckResult | None:
    """Whether a folder could be created, without creating it; None: it exists.

    `--check` may run as another user: a folder created by root would not be the bot's.
    """
    try:
        above = next(each for each in (folder, *folder.parents) if each.exists())
    except OSError:
        return None  # whoever writes there reports it
    if above == folder:
        return None
    try:
        with tempfile.TemporaryFile(dir=above):
            return CheckResult(name, f"{folder}, which will be made at the next start")
    except OSError as error:
        setting = {"folder": "ATELIER_DATA_DIR", "store": "ATELIER_STORAGE_URL"}[name]
        reason = error.strerror or str(error)
        text = NOT_WRITTEN.format(setting=setting, folder=folder, reason=reason)
        return CheckResult(name, text, is_fault=True)


async def _store(settings: Settings, *, thorough: bool = False) -> CheckResult:
    store = None
    try:
        store = PictureStore(settings.storage_url, timeout_seconds=TIMEOUT_SECONDS)
        await store.check()
        if thorough and await store.keeps_deleted():
            return CheckResult("store", KEEPS_DELETED, is_doubtful=True)
    except StorageUnavailableError as error:
        names_setting = any(name in str(error) for name in ("AWS_", "ATELIER_"))
        text = f"{error}{'' if names_setting else ' See ATELIER_STORAGE_URL.'}"
        return CheckResult("store", text, is_fault=True, is_transient=store is not None)
    return CheckResult("store", "can write, read and delete")


def _disk(settings: Settings) -> CheckResult:
    space = least_space(settings)
    if space is None:
        return CheckResult("disk", "The system does not say how much is free.", is_doubtful=True)
    if space.free_bytes < settings.disk_reserve_bytes:
        text = (
            f"{space.free_bytes // MIB} MiB are free in {space.folder}, less than "
            "ATELIER_DISK_RESERVE_MIB: new pictures are refused until there is room."
        )
        return CheckResult("disk", text, is_doubtful=True)
    return CheckResult("disk", f"{space.free_bytes / 1024**3:.1f} GiB free")


async def _page(settings: Settings) -> CheckResult:
    """Whether the monitoring page can be served; the bot runs without it, too."""
    host, port = settings.atelier_monitor_host, settings.atelier_monitor_port
    try:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)
    except OSError as error:
        if is_locked(settings.atelier_data_dir.resolve()) and await _serves_page(host, port):
            return CheckResult("page", f"The running bot serves it at {host}:{port}.")
        # asyncio's text is long; but Windows has no other for the numbers of its sockets.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else ""
        if not reason or reason.startswith("Unknown error"):
            reason = error.strerror or str(error)
        text = (
            f"ATELIER_MONITOR_PORT: the owner's page cannot be served at {host}:{port} ({reason}): "
            "name another port, or in ATELIER_MONITOR_HOST an address of this machine."
        )
        return CheckResult("page", text, is_doubtful=True)
    server.close()
    return CheckResult("page", f"can be served at {host}:{port}")


async def _serves_page(host: str, port: int) -> bool:
    """Whether a monitoring page responds there."""
    host = ANYWHERE.get(host, host)
    address = f"[{host}]" if ":" in host else host
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{address}:{port}/") as answer,
        ):
            return "<title>Atelier</title>" in await answer.text()
    except (aiohttp.ClientError, OSError, ValueError):
        return False


def _engine_was_set(settings: Settings) -> bool:
    """Whether any engine setting could be wrong."""
    return bool(
        settings.atelier_device != "auto"
        or settings.atelier_precision != "auto"
        or settings.atelier_vgg19_weights
        or settings.atelier_max_memory
    )


async def _engine() -> CheckResult:
    """Check device, precision and weights in an engine process: torch is too large for ours."""
    process = await asyncio.create_subprocess_exec(*ENGINE_CHECK, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(ENGINE_TIMEOUT_SECONDS):
            output, errors = await process.communicate()
    except TimeoutError:
        await end(process)
        text = "The engine did not start within two minutes."
        return CheckResult("engine", text, is_fault=True, is_transient=True)
    if process.returncode == 0:
        return CheckResult("engine", output.decode(errors="replace").strip())
    if (number := -(process.returncode or 0)) > 0:
        text = KILLED.format(number=number)
        return CheckResult("engine", text, is_fault=True, is_transient=True)
    last = errors.decode(errors="replace").strip().splitlines()[-1:] or ["no reason was given"]
    return CheckResult("engine", last[0], is_fault=True)


async def _token(token: str, proxy: str | None) -> list[CheckResult]:
    """Check the token with Discord. No response is no fault: the bot keeps trying.

    If this machine's clock is off, the first result says so.
    """
    agent = f"DiscordBot (https://github.com/Rapptz/discord.py {discord.__version__})"
    headers = {"Authorization": f"Bot {token}", "User-Agent": agent}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, proxy=proxy) as session,
            session.get(f"{Route.BASE}/users/@me", headers=headers) as answer,
        ):
            clock = clock_result(answer.headers.get("Date", ""), time.time())
            if answer.status == 401:
                return [CheckResult("token", HOW_TO_SIGN_IN, is_fault=True)]
            if answer.status != 200:
                text = f"Discord answers {answer.status} just now; the bot will try again."
                return [*clock, CheckResult("token", text, is_doubtful=True)]
            name = str((await answer.json()).get("username", "a bot"))
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        return [CheckResult("token", _unreachable(error), is_doubtful=True)]
    return [*clock, CheckResult("token", f"of {name}")]


def _unreachable(error: Exception) -> str:
    """That Discord cannot be reached, and what to do about it if that is known."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return NO_CERTIFICATE
    return f"Discord cannot be reached just now ({type(error).__name__}); the bot will try."


def clock_result(date: str, now: float) -> list[CheckResult]:
    """What is wrong with this machine's clock, if anything.

    Pictures painted with a clock in the past would be deleted as old once it is set. So a start
    waits: a machine without a battery-backed clock gets the time soon after it has a network.

    Args:
        date: The `Date` header of Discord's response.
        now: Seconds since the epoch by this machine's clock.
    """
    try:
        ahead = now - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return []
    if abs(ahead) <= CLOCK_SECONDS:
        return []
    text = f"The clock of this machine is {off_discord(ahead)}: set it, or let NTP keep it."
    is_fault = abs(ahead) > DAY_SECONDS
    return [
        CheckResult("clock", text, is_fault=is_fault, is_doubtful=not is_fault, is_transient=True)
    ]
