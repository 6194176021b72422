"""The checks at startup and with `--check`, and the message for each fault."""

import asyncio
import os
import re
import shutil
import socket
import ssl
import sys
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import ClientConnectorCertificateError, web
from aiohttp.client_reqrep import ConnectionKey

from bot.__main__ import _preflight
from bot.app import checks, database_check
from bot.app.check_result import CheckResult
from bot.app.checks import (
    NO_CERTIFICATE,
    _page,
    _unreachable,
    clock_result,
    findings,
)
from bot.app.connection import Connection
from bot.app.database_check import check_database
from bot.app.folder_lock import lock_folder
from bot.wire.addresses import point_discord_at
from common.settings import Settings
from common.settings_loading import SettingsError, load_settings, unknown_settings
from common.store import PictureStore
from jobs.db.copying import BEFORE_MIGRATIONS
from sandbox.loopback import LoopbackDiscord
from tests.bot.app.test_main import start
from tests.kit.old_databases import make_version
from tests.kit.samples import Storage

ROOT = Path(__file__).resolve().parents[3]
TOKEN = {"DISCORD_TOKEN": "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.not-the-token-of-any-bot"}
UNREACHABLE_DISCORD = {
    "DISCORD_API_URL": "http://127.0.0.1:9/api/v10",
    "DISCORD_GATEWAY_URL": "ws://127.0.0.1:9",
}


async def test_fault_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    process = await start(
        tmp_path, **TOKEN, **UNREACHABLE_DISCORD, ATELIER_DATA_DIR="/proc/atelier"
    )
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    (fault,) = error_lines(errors.decode())
    assert fault.startswith("ATELIER_DATA_DIR: /proc/atelier cannot be written")


def error_lines(errors: str) -> list[str]:
    return [line for line in errors.splitlines() if not line.startswith("{")]


@pytest.fixture
def make_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_template: Path
) -> Callable[..., Settings]:
    """Make settings from an environment; the data folder has a migrated database."""
    for name in os.environ:
        if name.startswith(("DISCORD_", "ATELIER_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)  # without the developer's `.env`
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the engine's process
    shutil.copy(sqlite_template, tmp_path / sqlite_template.name)

    def make(**environment: str) -> Settings:
        data_folder = {"ATELIER_DATA_DIR": str(tmp_path), "ATELIER_ENGINE": "external"}
        for name, value in {**TOKEN, **UNREACHABLE_DISCORD, **data_folder, **environment}.items():
            monkeypatch.setenv(name, value)
        settings = load_settings()
        point_discord_at(settings)
        return settings

    return make


@pytest.mark.parametrize(
    ("environment", "expected", "status"),
    [
        ({"ATELIER_DATABASE_URL": "mysql://host/name"}, "ATELIER_DATABASE_URL", 2),
        # A database on another machine may only be starting, as after a power cut.
        (
            {"ATELIER_DATABASE_URL": "postgresql://a:b@127.0.0.1:9/c"},
            "The queue cannot be opened",
            1,
        ),
        ({"ATELIER_STORAGE_URL": "gopher://pictures"}, "ATELIER_STORAGE_URL", 2),
        ({"ATELIER_STORAGE_URL": "/proc/pictures"}, "The picture store", 1),
        (
            {"ATELIER_VGG19_WEIGHTS": "nowhere.pth", "ATELIER_ENGINE": "embedded"},
            "nowhere.pth",
            2,
        ),
    ],
)
async def test_startup_fault_says_whether_a_restart_may_help(
    environment: dict[str, str],
    expected: str,
    status: int,
    make_settings: Callable[..., Settings],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await _preflight(make_settings(**environment)) == status
    (fault,) = error_lines(capsys.readouterr().err)
    assert expected in fault


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("import os; os.kill(os.getpid(), 9)", "ended by signal 9"),
        ("import time; time.sleep(60)", "did not start"),
    ],
)
async def test_killed_or_slow_check_of_the_engine_leaves_hope_for_the_next_start(
    monkeypatch: pytest.MonkeyPatch, check: str, words: str
) -> None:
    """After status 2 a supervisor would never start the bot again."""
    monkeypatch.setattr(checks, "ENGINE_CHECK", (sys.executable, "-c", check))
    monkeypatch.setattr(checks, "ENGINE_TIMEOUT_SECONDS", 2.0)
    found = await checks._engine()
    assert words in found.text
    assert (found.is_fault, found.is_transient) == (True, True)


async def test_missing_token_is_reported_with_where_to_get_one(
    make_settings: Callable[..., Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _preflight(make_settings(DISCORD_TOKEN="")) == 2
    (line,) = error_lines(capsys.readouterr().err)
    assert "https://discord.com/developers/applications" in line
    assert "make demo" in line
    assert "make sandbox" in line


async def test_rejected_token_is_reported_without_revealing_it(
    make_settings: Callable[..., Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    async with LoopbackDiscord.start() as discord:
        assert await _preflight(make_settings(**{**discord.environment(), **TOKEN})) == 2
    (line,) = error_lines(capsys.readouterr().err)
    assert "does not accept this DISCORD_TOKEN" in line
    assert TOKEN["DISCORD_TOKEN"] not in line


def test_single_loopback_address_is_refused(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match="belong together") as refused:
        make_settings(DISCORD_GATEWAY_URL="")
    assert TOKEN["DISCORD_TOKEN"] not in str(refused.value)


async def test_unreachable_discord_does_not_end_the_start(
    make_settings: Callable[..., Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings()
    assert await _preflight(settings) == 0
    assert error_lines(capsys.readouterr().err) == []
    serving = asyncio.create_task(Connection(settings).serve())
    done, _ = await asyncio.wait({serving}, timeout=3.0)
    assert not done
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_check_option_lists_every_check(tmp_path: Path) -> None:
    async with LoopbackDiscord.start() as discord:
        environment = {
            **discord.environment(),
            "ATELIER_DATA_DIR": str(tmp_path / "data"),
            "ATELIER_DEVCE": "cpu",
        }
        process = await start(tmp_path, "--check", **environment)
        output, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0
    assert not (tmp_path / "data").exists(), "--check creates nothing"
    lines = output.decode().splitlines()
    assert lines[0] == (
        "settings  note  ATELIER_DEVCE is not a setting of Atelier; is ATELIER_DEVICE meant?"
    )
    names = ["folder", "database", "store", "disk", "engine", "token"]
    assert [line.split()[:2] for line in lines[1:]] == [[name, "ok"] for name in names]


def settings_with_page(folder: Path, port: int) -> Settings:
    return Settings(_env_file=None, atelier_data_dir=folder, atelier_monitor_port=port)


async def test_unknown_bind_error_shows_the_reason_of_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def refused(*_: object) -> None:
        raise OSError(10048, "error while attempting to bind: only one usage of each address")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", refused)
    assert (
        "only one usage of each address" in (await _page(settings_with_page(tmp_path, 8080))).text
    )


async def test_bucket_that_keeps_deleted_pictures_is_doubtful_for_a_thorough_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def keeps(_: PictureStore) -> bool:
        return True

    monkeypatch.setattr(PictureStore, "keeps_deleted", keeps)
    settings = Settings(_env_file=None, atelier_data_dir=tmp_path)
    found = await checks._store(settings, thorough=True)
    assert (found.is_doubtful, found.is_fault) == (True, False)
    assert "lifecycle rule" in found.text
    assert not (await checks._store(settings)).is_doubtful


async def test_misnamed_env_file_is_pointed_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def token_text() -> str:
        found = findings(Settings(_env_file=None, atelier_data_dir=tmp_path), thorough=False)
        texts = [each.text async for each in found if each.name == "token"]
        return texts[0]

    async def skipped(*_: object, **__: object) -> CheckResult:
        return CheckResult("another", "skipped")

    for other in ("check_database", "_store"):
        monkeypatch.setattr(checks, other, skipped)
    monkeypatch.chdir(tmp_path)
    assert ".env.txt" not in await token_text()
    (tmp_path / ".env.txt").touch()
    assert (await token_text()).endswith("There is a file .env.txt here: rename it to .env.")


def test_missing_certificates_get_installation_advice() -> None:
    """As with the Python of python.org on macOS, where the bot would retry for ever."""
    where = ConnectionKey("discord.com", 443, True, True, None, None, None)
    error = ssl.SSLCertVerificationError("unable to get local issuer certificate")
    text = _unreachable(ClientConnectorCertificateError(where, error))
    assert text == NO_CERTIFICATE
    assert "ConnectionRefusedError" in _unreachable(ConnectionRefusedError())


async def test_port_of_the_owners_page_is_checked(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = await _page(settings_with_page(tmp_path, port))
    assert taken.is_doubtful
    assert not taken.is_fault, "the bot runs without it"
    assert f"cannot be served at 127.0.0.1:{port} (Address already in use)" in taken.text
    free = await _page(settings_with_page(tmp_path, port))
    assert (free.text, free.is_doubtful) == (f"can be served at 127.0.0.1:{port}", False)


async def test_port_used_by_the_page_of_the_running_bot_is_accepted(tmp_path: Path) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<title>Atelier</title>")

    app = web.Application()
    app.add_routes([web.get("/", page)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        settings = settings_with_page(tmp_path, int(runner.addresses[0][1]))
        assert (await _page(settings)).is_doubtful, "it is the page of another data folder"
        with lock_folder(tmp_path):
            running = await _page(settings)
    finally:
        await runner.cleanup()
    assert not running.is_doubtful
    assert "The running bot serves it" in running.text


def test_a_misspelt_setting_of_the_env_file_is_pointed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATELIER_QQQ_ZZZ_1", "x")
    file = tmp_path / ".env"
    other_lines = "OTHERS=1\nAWS_ACCESS_KEY_ID=x\nTOKEN=x\n"
    for compose in ("compose.yaml", "compose.cluster.yaml"):
        names = re.findall(r"\$\{(\w+)", (ROOT / compose).read_text(encoding="utf-8"))
        assert "ATELIER_CONTAINER_MEMORY" in names
        other_lines += "".join(f"{name}=x\n" for name in names)
    file.write_text(f"ATELIER_MAX_SIZE=4096\nATELIER_DEVICE=cpu\nDISCORD_TOKKEN=x\n{other_lines}")
    assert unknown_settings(file) == [
        "ATELIER_MAX_SIZE is not a setting of Atelier; is ATELIER_MAX_SIZE_PX meant?",
        "ATELIER_QQQ_ZZZ_1 is not a setting of Atelier.",
        "DISCORD_TOKKEN is not a setting of Atelier; is DISCORD_TOKEN meant?",
    ]


@pytest.mark.parametrize(
    ("ahead_seconds", "words", "is_fault"),
    [
        (30.0, None, False),
        (-7200.0, "120 minutes behind Discord's", False),
        (7200.0, "120 minutes ahead of Discord's", False),
        (-40 * 86_400.0, "40 days behind Discord's", True),
    ],
)
def test_clock_wrong_by_days_is_a_transient_fault(
    ahead_seconds: float, words: str | None, is_fault: bool
) -> None:
    """A machine without a battery for its clock starts in the past, until it has a network."""
    right = 1_795_984_000.0
    found = clock_result(formatdate(right, usegmt=True), right + ahead_seconds)
    assert [str(words) in one.text for one in found] == ([] if words is None else [True])
    assert all(one.is_fault is is_fault and one.is_transient for one in found)


@pytest.mark.parametrize("date", ["", "soon", "Sun, 99 Nov 2026 99:99:99 GMT"])
def test_unreadable_date_gives_no_clock_result(date: str) -> None:
    assert clock_result(date, 1_795_984_000.0) == []


async def test_migration_may_exceed_the_database_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Copying a large database takes longer; killing it each time, the bot would never start."""
    storage = Storage(tmp_path, None)
    make_version("0003", storage)
    slow_migration = (
        "import sys, time; time.sleep(4); from jobs.migrating import main; sys.exit(main())"
    )
    monkeypatch.setattr(database_check, "MIGRATION", (sys.executable, "-c", slow_migration))
    monkeypatch.setattr(database_check, "TIMEOUT_SECONDS", 3.0)
    found = await check_database(storage.settings())
    assert (found.text, found.is_fault) == ("SQLite, of this version", False)
    (copy,) = (tmp_path / BEFORE_MIGRATIONS).iterdir()
    text = capfd.readouterr().err
    assert "the database is brought from schema 0003" in text
    assert f"as it was before, the database is in {copy}" in text


@pytest.mark.parametrize(
    ("breaks", "words", "is_transient"),
    [
        ("raise RuntimeError('a bug')", "The database could not be migrated", False),
        ("import os; os.kill(os.getpid(), 9)", "The database could not be migrated", True),
        ("print('The disk is full.'); sys.exit(3)", "opened: The disk is full.", True),
        ("print('It is too new.'); sys.exit(1)", "opened: It is too new.", False),
    ],
)
async def test_failed_migration_is_reported_and_not_tried_again_at_the_same_start(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    breaks: str,
    words: str,
    is_transient: bool,
) -> None:
    storage = Storage(tmp_path, None)
    make_version("0003", storage)
    monkeypatch.setattr(
        database_check, "MIGRATION", (sys.executable, "-c", f"import sys; {breaks}")
    )
    found = await check_database(storage.settings())
    assert words in found.text
    assert (found.is_fault, found.is_transient) == (True, is_transient)
    assert not (tmp_path / BEFORE_MIGRATIONS).exists()


async def test_migration_that_is_refused_says_why(tmp_path: Path) -> None:
    storage = Storage(tmp_path, None)
    make_version("0003", storage)
    (tmp_path / BEFORE_MIGRATIONS).write_text("in the way")
    found = await check_database(storage.settings())
    assert "no copy of it can be made" in found.text
    assert (found.is_fault, found.is_transient) == (True, False)


async def test_check_without_permission_to_migrate_leaves_the_database_unchanged(
    tmp_path: Path,
) -> None:
    """A running bot of the older version may still use it."""
    storage = Storage(tmp_path, None)
    make_version("0003", storage)
    before = storage.sqlite_file.read_bytes()
    found = await check_database(storage.settings(), may_migrate=False)
    assert "A migration is due. The database has schema 0003" in found.text
    assert (found.is_doubtful, found.is_fault) == (True, False)
    assert [path.name for path in tmp_path.iterdir()] == [storage.sqlite_file.name]
    assert storage.sqlite_file.read_bytes() == before
