"""Health: the troubles reported to owners and health checks."""

import asyncio
import contextlib
import json
import platform
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from common import crashes
from common.crashes import WINDOW_SECONDS
from common.options import PaintOptions
from common.settings import MIB
from common.version import VERSION
from jobs.db.liveness import BOT_ALIVE_SECONDS, BotInfo
from jobs.health import check
from jobs.health.troubles import GATEWAY_AWAY_SECONDS, STUCK_SECONDS, database_trouble, troubles_in
from jobs.model import FailureKind
from jobs.outcomes import DatabaseLockedError, QueueUnavailableError
from jobs.queue import JobQueue
from jobs.scheduling.fleet import ENGINE_ALIVE_SECONDS
from jobs.scheduling.positions import STARTING_SECONDS
from tests.jobs.conftest import run, use_folder
from tests.kit.samples import (
    RESULT,
    FakeClock,
    Storage,
    claim_job,
    engine_info,
    failure,
    paint_report,
    submit_job,
)

BOT = BotInfo("host-1-ab", 42, "host", 1, VERSION)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


async def report_alive(queue: JobQueue, *, connected: bool = True) -> None:
    await queue.engines.register(engine_info())
    await queue.bots.heartbeat(BOT, connected=connected, latency_seconds=0.05)


async def troubles(queue: JobQueue) -> list[str]:
    return [trouble.name for trouble in troubles_in(await queue.health.ask())]


async def test_healthy_installation_has_no_troubles(queue: JobQueue) -> None:
    await report_alive(queue)
    await submit_job(queue)
    claim = await claim_job(queue)
    found = await queue.health.ask()
    assert troubles_in(found) == ()
    assert [state.job and state.job.id for state in found.engines] == [claim.job.id]
    assert [bot.info for bot in found.bots] == [BOT]
    assert (found.waiting, found.running, found.oldest_waiting_seconds) == (0, 1, None)


async def test_silent_bot_or_engine_is_a_trouble(queue: JobQueue, clock: FakeClock) -> None:
    await report_alive(queue)
    clock.advance(ENGINE_ALIVE_SECONDS + 1)
    assert await troubles(queue) == ["no-engine"]
    clock.advance(BOT_ALIVE_SECONDS)
    assert await troubles(queue) == ["no-engine", "no-bot"]
    await report_alive(queue)
    assert await troubles(queue) == []
    await queue.bots.forget(BOT.id)
    assert await troubles(queue) == ["no-bot"]


async def test_engine_version_different_from_the_bots_is_a_trouble(queue: JobQueue) -> None:
    """As where one machine was left out of an upgrade and would paint what it can read."""
    await report_alive(queue)
    old = replace(engine_info("old", "laptop"), version="0.1.9")
    await queue.engines.register(old)
    (trouble,) = troubles_in(await queue.health.ask())
    assert (trouble.name, trouble.places) == ("engine-version", ("laptop (cpu)",))
    assert f"from the bot's ({VERSION}) are running: laptop (cpu): 0.1.9." in str(trouble.sentence)
    await queue.bots.forget(BOT.id)
    assert await troubles(queue) == ["no-bot"], "without a bot, no version is the right one"


async def test_engines_with_different_weights_of_a_network_are_a_trouble(queue: JobQueue) -> None:
    """What they have not loaded yet is not known, and differs in nothing."""
    await report_alive(queue)
    loaded = (("north", ("lite:aaaa", "vgg19:cccc")), ("south", ("lite:bbbb",)), ("west", ()))
    for host, weights in loaded:
        await queue.engines.register(replace(engine_info(host, host), weights=weights))
    (trouble,) = troubles_in(await queue.health.ask())
    assert (trouble.name, trouble.places) == ("other-weights", ("north (cpu)", "south (cpu)"))
    assert "network: north (cpu): lite:aaaa, south (cpu): lite:bbbb. The" in str(trouble.sentence)
    await queue.engines.register(replace(engine_info("south", "south"), weights=("lite:aaaa",)))
    assert await troubles(queue) == []


async def test_bot_disconnected_from_discord_is_a_gateway_trouble(
    queue: JobQueue, clock: FakeClock
) -> None:
    await report_alive(queue)
    for _ in range(4):
        clock.advance(GATEWAY_AWAY_SECONDS / 3)
        await report_alive(queue, connected=False)
    assert await troubles(queue) == ["gateway"]
    await report_alive(queue)
    assert await troubles(queue) == []


async def test_engine_that_claims_no_jobs_is_a_trouble(queue: JobQueue, clock: FakeClock) -> None:
    await submit_job(queue)
    clock.advance(STUCK_SECONDS + 1)
    await report_alive(queue)
    assert await troubles(queue) == ["stuck"]
    await queue.pauses.pause(5, 1)
    assert await troubles(queue) == [], "a paused server is supposed to wait"


async def test_three_failures_in_a_row_are_a_trouble_ignoring_bad_inputs(
    queue: JobQueue, clock: FakeClock
) -> None:
    await report_alive(queue)
    kinds = [FailureKind.ENGINE, FailureKind.INPUT, FailureKind.ENGINE, FailureKind.INTERNAL]
    for user, kind in enumerate(kinds, 1):
        assert await troubles(queue) == []
        await submit_job(queue, user)
        await queue.claims.fail(await claim_job(queue), failure(kind))
        clock.advance(1)
    assert await troubles(queue) == ["failures"]
    assert len((await queue.health.ask()).failures) == 4
    await submit_job(queue, 9)
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    assert await troubles(queue) == []


async def test_disk_below_its_reserve_is_a_trouble(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    await report_alive(queue)
    reserve = queue.settings.disk_reserve_bytes
    for free, expected in ((reserve, []), (reserve - MIB, ["disk"])):
        usage = Usage(0, 0, free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        assert await troubles(queue) == expected


async def test_separate_picture_disk_is_checked_too(
    queue: JobQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await report_alive(queue)
    disk = tmp_path / "another disk"
    disk.mkdir()
    pictures = disk / "not created yet"
    settings = queue.settings.model_copy(update={"atelier_storage_url": str(pictures)})
    monkeypatch.setattr(queue.health._core, "settings", settings)
    free = {settings.atelier_data_dir.resolve(): 2**40, disk: 5 * MIB}
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(0, 0, free[folder]))
    (trouble,) = troubles_in(await queue.health.ask())
    assert str(trouble.sentence).startswith(f"The disk of {pictures} has 5 MiB left")


async def test_unusable_store_is_a_trouble(queue: JobQueue, storage: Storage) -> None:
    await report_alive(queue)
    assert await troubles(queue) == []
    pictures = Path(queue.settings.storage_url)
    shutil.rmtree(pictures)
    pictures.write_text("a file instead of a folder")
    assert await troubles(queue) == ["store"]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_read_only_database_is_a_trouble(
    queue: JobQueue, storage: Storage, clock: FakeClock
) -> None:
    await report_alive(queue)
    assert await troubles(queue) == []
    name = sa.make_url(storage.settings().database_url).database
    async with queue.database.write() as transaction:
        closed = f"ALTER DATABASE {name} SET default_transaction_read_only = on"
        await transaction.execute(sa.text(closed))
    async with await JobQueue.open(storage.settings(), clock=clock, may_migrate=False) as later:
        assert await troubles(later) == ["database"]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_locked_database_is_reported_instead_of_dead_bots(
    queue: JobQueue, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "TRY_SECONDS", 0.01)
    await report_alive(queue)
    clock.advance(BOT_ALIVE_SECONDS + 1)  # heartbeats could not be written
    file = queue.database.location
    with contextlib.closing(sqlite3.connect(file)) as browser:
        browser.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLockedError, match="Another program keeps") as found:
            await queue.health.ask()
    assert f"Another program keeps the database {file} locked" in str(
        database_trouble(found.value).sentence
    )
    await report_alive(queue)
    assert await troubles(queue) == []
    Path(file).unlink()
    with pytest.raises(QueueUnavailableError, match="cannot be used"):
        await queue.health.ask()
    assert not Path(file).exists(), "a health check creates no database"


@pytest.fixture
def command_line_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    return use_folder(tmp_path / "data", monkeypatch)


async def register_engine(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        await queue.engines.register(engine_info())


def test_status_exits_with_one_when_unhealthy(command_line_storage: Storage) -> None:
    assert run("status", "--quiet")[0] == 1
    assert "database" in run("status", "--quiet")[1]
    asyncio.run(register_engine(command_line_storage))
    assert run("status", "--only", "engine", "--only", "store", "--quiet") == (0, "")
    code, text = run("status", "--quiet")
    assert code == 1
    assert text.startswith("no-bot: No bot is running: start it with `python -m bot`")
    code, text = run("status")
    assert code == 1
    assert "fault" in text
    assert "none is running" in text
    code, text = run("status", "--json", "--only", "engine")
    assert (code, json.loads(text)["healthy"]) == (0, True)


async def expect_engine(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        await queue.engines.expect()


async def register_gpu_engine(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        announced = replace(
            engine_info(device="Tesla T4"),
            networks=("lite", "vgg19"),
            memory_bytes=16 * 1024**3,
            memory_used_bytes=3 * 1024**3,
            pace=40.0,
        )
        await queue.engines.register(announced)


def test_status_shows_speed_and_memory_of_each_engine(command_line_storage: Storage) -> None:
    asyncio.run(register_gpu_engine(command_line_storage))
    engine_line = next(line for line in run("status")[1].splitlines() if "Tesla" in line)
    expected = (
        f"{engine_info().host} (Tesla T4), lite and vgg19: idle; 35 s for 1024 px; 3.0 of 16.0 GiB"
    )
    assert expected in engine_line
    (engine,) = json.loads(run("status", "--json")[1])["engines"]
    assert engine["networks"] == ["lite", "vgg19"]
    assert engine["usual_seconds"] == pytest.approx(35, abs=1)
    assert (engine["memory_mib"], engine["memory_used_mib"]) == (16384, 3072)


def test_starting_engine_is_not_a_trouble(command_line_storage: Storage) -> None:
    asyncio.run(expect_engine(command_line_storage))
    assert run("status", "--only", "engine", "--quiet") == (0, "")
    text = run("status")[1]
    assert "starting" in text
    assert "No engine is running" not in text
    assert json.loads(run("status", "--json")[1])["engine_starting"] is True


async def test_expected_engine_that_never_starts_is_a_trouble(
    queue: JobQueue, clock: FakeClock
) -> None:
    await queue.bots.heartbeat(BOT, connected=True, latency_seconds=0.05)
    await queue.engines.expect()
    assert await troubles(queue) == []
    assert (await queue.positions.overview(5)).engine_starting
    clock.advance(STARTING_SECONDS + 1)
    await queue.bots.heartbeat(BOT, connected=True, latency_seconds=0.05)
    assert await troubles(queue) == ["no-engine"]
    assert not (await queue.positions.overview(5)).engine_starting


async def test_weights_missing_on_all_engines_are_a_trouble(queue: JobQueue) -> None:
    await queue.bots.heartbeat(BOT, connected=True, latency_seconds=0.05)
    await queue.engines.register(replace(engine_info(), networks=("lite",)))
    assert await troubles(queue) == ["weights"]
    (trouble,) = troubles_in(await queue.health.ask())
    assert "vgg19" in str(trouble.sentence)
    assert "ATELIER_VGG19_WEIGHTS" in str(trouble.sentence)
    await queue.engines.register(replace(engine_info("second"), networks=("vgg19", "lite")))
    assert await troubles(queue) == []


async def test_missing_weights_of_a_waiting_job_are_a_trouble(queue: JobQueue) -> None:
    await queue.bots.heartbeat(BOT, connected=True, latency_seconds=0.05)
    await queue.engines.register(replace(engine_info(), networks=("vgg19",)))
    assert await troubles(queue) == []
    await submit_job(queue, options=PaintOptions(size_px=64, network="lite"))
    assert await troubles(queue) == ["weights"]


async def test_repeatedly_dying_engines_are_a_crash_loop(queue: JobQueue, clock: FakeClock) -> None:
    for number in range(3):
        await queue.engines.register(engine_info(f"engine-{number}"))
        clock.advance(ENGINE_ALIVE_SECONDS + 1)  # it died without unregistering
    await report_alive(queue)
    assert await troubles(queue) == ["crash-loop"]
    assert (await queue.health.ask()).crashing == ("engine on host (cpu)",)
    clock.advance(WINDOW_SECONDS)
    await report_alive(queue)
    assert await troubles(queue) == []


async def test_engines_stopped_cleanly_are_not_a_crash_loop(
    queue: JobQueue, clock: FakeClock
) -> None:
    for number in range(5):
        await queue.engines.register(engine_info(f"engine-{number}"))
        await queue.engines.forget(f"engine-{number}")
        clock.advance(ENGINE_ALIVE_SECONDS + 1)
    await report_alive(queue)
    assert await troubles(queue) == []


async def test_engines_dying_before_registration_are_a_crash_loop(
    queue: JobQueue, storage: Storage
) -> None:
    await report_alive(queue)
    for _ in range(3):
        crashes.note(storage.folder, "engine on cuda:1")
    assert await troubles(queue) == ["crash-loop"]
    (trouble,) = troubles_in(await queue.health.ask())
    assert "engine on cuda:1" in str(trouble.sentence)
    crashes.take_back(storage.folder, "engine on cuda:1")
    assert await troubles(queue) == []


@pytest.mark.parametrize("setting", ["auto", "cuda", "cuda:0"])
async def test_crash_loop_names_an_embedded_engine_once(
    queue: JobQueue, storage: Storage, clock: FakeClock, setting: str
) -> None:
    for number in range(3):
        dying = replace(engine_info(f"engine-{number}"), host=platform.node(), device="cuda:0")
        await queue.engines.register(dying)
        clock.advance(ENGINE_ALIVE_SECONDS + 1)
        crashes.note(storage.folder, f"{crashes.ENGINE_ON}{setting}")
        crashes.note(storage.folder, f"{crashes.ENGINE_ON}cuda:1")  # dies before it registers
    crashing = (await queue.health.ask()).crashing
    assert sorted(crashing) == sorted(["engine on cuda:1", f"engine on {platform.node()} (cuda:0)"])


async def test_newer_database_schema_is_a_trouble(queue: JobQueue) -> None:
    await report_alive(queue)
    async with queue.database.write() as transaction:
        await transaction.connection.execute(
            sa.text("UPDATE alembic_version SET version_num = '9999'")
        )
    assert await troubles(queue) == ["newer-schema"]
    (trouble,) = troubles_in(await queue.health.ask())
    assert "9999" in str(trouble.sentence)
