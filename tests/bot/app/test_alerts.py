"""Alerts to the operators about troubles, and the message when one is resolved."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.__main__ import CANNOT_START, _preflight
from bot.monitor import alerts
from bot.monitor.alerts import Alerts, tell_of_failed_start
from common import crashes
from common.defaults import Defaults
from jobs.health.state import StoreState
from jobs.outcomes import QueueUnavailableError
from tests.kit.fake_engine import ENGINE_INFO
from tests.kit.world import World


@pytest.fixture(autouse=True)
def no_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check only when a test calls `check_alerts`, and report each trouble without delay."""
    monkeypatch.setattr(alerts, "LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(alerts, "GRACE_SECONDS", {"no-bot": float("inf")})


@pytest.fixture
async def world_with_owner(closed_world: World) -> World:
    """A connected bot with Grace as its owner."""
    closed_world.settings = closed_world.settings.model_copy(
        update={
            "atelier_owner_ids": (closed_world.user("grace").id,),
            "atelier_disk_reserve_mib": 0,
        }
    )
    await closed_world.start_bot()
    return closed_world


def dms_to(world: World, name: str = "grace") -> list[str]:
    """The texts of the direct messages that a user has from the bot."""
    channel = world.discord.world.dm_of(world.user(name))
    return [message.text for message in world.discord.world.messages_in(channel)]


async def check_alerts(world: World, times: int = 1) -> None:
    for _ in range(times):
        await world.bot.service(Alerts).check_health()


async def test_missing_engine_alerts_once_when_jobs_wait_and_once_when_resolved(
    world_with_owner: World,
) -> None:
    await check_alerts(world_with_owner, 2)
    assert dms_to(world_with_owner) == []
    interaction = await world_with_owner.paint()
    await world_with_owner.wait_for_text(interaction, "not running")
    await check_alerts(world_with_owner, 3)
    (first,) = dms_to(world_with_owner)
    assert first.startswith("⚠️ No engine is running (waiting jobs: 1)")
    await world_with_owner.stop_bot()
    await world_with_owner.start_bot()
    await check_alerts(world_with_owner)
    assert len(dms_to(world_with_owner)) == 1, "a restart does not repeat it"
    await world_with_owner.start_engine()
    await world_with_owner.wait_finished(interaction)
    await check_alerts(world_with_owner, 2)
    assert dms_to(world_with_owner)[1].startswith("✅ Resolved: “No engine is running")
    assert len(dms_to(world_with_owner)) == 2


async def test_each_owner_is_alerted_in_their_chosen_language(closed_world: World) -> None:
    grace, ada = closed_world.user("grace"), closed_world.user("ada")
    closed_world.settings = closed_world.settings.model_copy(
        update={"atelier_owner_ids": (grace.id, ada.id), "atelier_disk_reserve_mib": 10**9}
    )
    await closed_world.start_bot()
    await closed_world.queue.defaults.set(
        "user", grace.id, Defaults(language="de"), guild_id=0, by_user=grace.id
    )
    await closed_world.stop_bot()
    await closed_world.start_bot()
    await check_alerts(closed_world)
    assert dms_to(closed_world)[0].startswith("⚠️ Auf der Platte mit dem Ordner")
    assert dms_to(closed_world, "ada")[0].startswith("⚠️ The disk of")
    await closed_world.stop_bot()
    closed_world.settings = closed_world.settings.model_copy(update={"atelier_disk_reserve_mib": 0})
    await closed_world.start_bot()
    await check_alerts(closed_world)
    assert dms_to(closed_world)[1].startswith("✅ Das ist vorbei: „Auf der Platte mit dem Ordner")
    assert dms_to(closed_world, "ada")[1].startswith("✅ Resolved: “The disk of")


async def test_alert_channel_uses_the_language_of_its_server(closed_world: World) -> None:
    channel = closed_world.discord.channel()
    closed_world.settings = closed_world.settings.model_copy(
        update={"atelier_alert_channel_id": channel.id, "atelier_disk_reserve_mib": 10**9}
    )
    await closed_world.start_bot(ready_seconds=0.1)
    await closed_world.bot.wait_until_ready()
    await closed_world.queue.defaults.set(
        "guild",
        closed_world.guild_id,
        Defaults(language="fr"),
        guild_id=closed_world.guild_id,
        by_user=1,
    )
    await check_alerts(closed_world)
    (message,) = closed_world.discord.world.messages_in(channel)
    assert message.text.startswith("⚠️ Il reste")


async def test_trouble_within_its_grace_period_sends_no_alert(
    world_with_owner: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "GRACE_SECONDS", {"no-engine": 300.0})
    await world_with_owner.paint()
    await check_alerts(world_with_owner, 3)
    assert dms_to(world_with_owner) == []


async def test_owner_with_closed_dms_does_not_block_alerts_to_other_owners(
    closed_world: World,
) -> None:
    grace, ada = closed_world.user("grace"), closed_world.user("ada")
    grace.accepts_dms = False
    closed_world.settings = closed_world.settings.model_copy(
        update={"atelier_owner_ids": (grace.id, ada.id), "atelier_disk_reserve_mib": 10**9}
    )
    await closed_world.start_bot()
    await check_alerts(closed_world, 2)
    assert [text[:14] for text in dms_to(closed_world, "ada")] == ["⚠️ The disk of"]
    assert dms_to(closed_world) == []


async def test_lost_connection_to_one_owner_does_not_block_alerts_to_others(
    closed_world: World,
) -> None:
    grace, ada = closed_world.user("grace"), closed_world.user("ada")
    closed_world.settings = closed_world.settings.model_copy(
        update={"atelier_owner_ids": (grace.id, ada.id), "atelier_disk_reserve_mib": 10**9}
    )
    await closed_world.start_bot()
    closed_world.discord.faults.add("POST", "/channels/*/messages", drop=True)
    await check_alerts(closed_world, 2)
    assert [text[:14] for text in dms_to(closed_world, "ada")] == ["⚠️ The disk of"]
    assert dms_to(closed_world) == []


async def test_alert_channel_replaces_dms_to_owners(closed_world: World) -> None:
    channel = next(iter(closed_world.discord.world.channels.values()))
    closed_world.settings = closed_world.settings.model_copy(
        update={
            "atelier_owner_ids": (closed_world.user("grace").id,),
            "atelier_alert_channel_id": channel.id,
            "atelier_disk_reserve_mib": 10**9,
        }
    )
    await closed_world.start_bot()
    await check_alerts(closed_world, 2)
    texts = [message.text for message in closed_world.discord.world.messages_in(channel)]
    assert [text[:14] for text in texts] == ["⚠️ The disk of"]
    assert dms_to(closed_world) == []


async def test_alerts_do_not_run_without_recipients(world: World) -> None:
    assert world.bot.service(Alerts)._background == []


async def test_missing_weights_alert_once_and_once_when_resolved(world_with_owner: World) -> None:
    await world_with_owner.start_engine()
    queue = world_with_owner.bot.queue
    await queue.engines.register(replace(ENGINE_INFO, networks=("lite",)))
    await check_alerts(world_with_owner, 3)
    (first,) = dms_to(world_with_owner)
    assert first.startswith("⚠️ No engine has the weights of vgg19")
    await queue.engines.register(replace(ENGINE_INFO, networks=("vgg19", "lite")))
    await check_alerts(world_with_owner, 2)
    assert dms_to(world_with_owner)[1].startswith("✅ Resolved: “No engine has the weights")
    assert len(dms_to(world_with_owner)) == 2


async def test_database_outage_alerts_once_and_once_when_resolved(
    world_with_owner: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world_with_owner.start_engine()
    await check_alerts(world_with_owner)
    health = world_with_owner.bot.queue.health

    async def raise_unavailable(**_: object) -> None:
        raise QueueUnavailableError("The database cannot be reached: it does not answer.")

    monkeypatch.setattr(alerts, "GRACE_SECONDS", {"database": 60.0})
    with monkeypatch.context() as outage:
        outage.setattr(health, "ask", raise_unavailable)
        await check_alerts(world_with_owner, 2)
        assert dms_to(world_with_owner) == [], "the database server may only be restarting"
        monkeypatch.setattr(alerts, "GRACE_SECONDS", {})
        await check_alerts(world_with_owner, 3)
    (first,) = dms_to(world_with_owner)
    assert first.startswith("⚠️ The database cannot be reached: it does not answer. Until it is")
    await check_alerts(world_with_owner, 2)
    assert dms_to(world_with_owner)[1].startswith("✅ Resolved: “The database cannot be reached")
    assert len(dms_to(world_with_owner)) == 2


async def test_store_is_asked_again_before_an_alert(
    world_with_owner: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world_with_owner.start_engine()
    monkeypatch.setattr(alerts, "GRACE_SECONDS", {"store": 60.0})
    answers = [StoreState("The picture store answers 503."), StoreState()]
    answers_given: list[StoreState] = []

    async def store() -> StoreState:
        answers_given.append(answers.pop(0))
        return answers_given[-1]

    world_with_owner.bot.service(Alerts)._looks = 0
    monkeypatch.setattr(world_with_owner.bot.queue.health, "store", store)
    await check_alerts(world_with_owner, 2)
    assert len(answers_given) == 2
    monkeypatch.setattr(alerts, "GRACE_SECONDS", {})
    await check_alerts(world_with_owner, 2)
    assert dms_to(world_with_owner) == []


async def test_store_that_failed_for_a_member_is_asked_at_the_next_look(
    world_with_owner: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world_with_owner.start_engine()
    asked: list[StoreState] = []

    async def store() -> StoreState:
        asked.append(StoreState("The picture store answers 503."))
        return asked[-1]

    await check_alerts(world_with_owner)
    world_with_owner.bot.service(Alerts)._looks = 1
    monkeypatch.setattr(world_with_owner.bot.queue.health, "store", store)
    await check_alerts(world_with_owner)
    assert not asked, "as it writes a file each time"
    with (
        pytest.raises(OSError, match="refused"),
        world_with_owner.queue.store.timings.measured("put"),
    ):
        raise OSError("refused")
    await check_alerts(world_with_owner)
    assert len(asked) == 1
    (first,) = dms_to(world_with_owner)
    assert first.startswith("⚠️ The picture store does not work: The picture store answers 503.")


async def test_idle_store_is_asked_every_two_minutes(
    world_with_owner: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world_with_owner.start_engine()
    await check_alerts(world_with_owner)
    looks, asked = 0, list[int]()

    async def store() -> StoreState:
        asked.append(looks)
        return StoreState()

    monkeypatch.setattr(world_with_owner.bot.queue.health, "store", store)
    world_with_owner.bot.service(Alerts)._looks = 1
    while looks < 8:
        looks += 1
        await check_alerts(world_with_owner)
    assert asked == [4, 8]


async def test_second_engine_in_trouble_sends_another_alert(world_with_owner: World) -> None:
    await world_with_owner.start_engine()
    engines = world_with_owner.bot.queue.engines
    one, other = (replace(ENGINE_INFO, id=f"{host}-1", host=host) for host in ("north", "south"))
    await engines.register(one)
    await engines.note_trouble(one, "Its disk is full.")
    await check_alerts(world_with_owner, 2)
    (first,) = dms_to(world_with_owner)
    assert first.startswith("⚠️ The engine on north (cpu) cannot paint: Its disk is full.")
    await engines.register(other)
    await engines.note_trouble(other, "Its disk is full.")
    await check_alerts(world_with_owner, 2)
    assert dms_to(world_with_owner)[1].startswith(
        "⚠️ 2 engines cannot paint. north (cpu), south (cpu): Its disk is full. They keep trying"
    )
    await engines.clear_trouble(one)
    await check_alerts(world_with_owner)
    assert len(dms_to(world_with_owner)) == 2
    await engines.clear_trouble(other)
    await check_alerts(world_with_owner, 2)
    assert dms_to(world_with_owner)[2].startswith("✅ Resolved: “2 engines")
    assert len(dms_to(world_with_owner)) == 3


async def test_crash_loop_alerts_once_and_once_when_resolved(world_with_owner: World) -> None:
    await world_with_owner.start_engine()
    folder = world_with_owner.settings.atelier_data_dir
    for _ in range(4):
        crashes.note(folder, "engine on cpu")
        await check_alerts(world_with_owner)
    (first,) = dms_to(world_with_owner)
    assert first.startswith("⚠️ Ended 3 times or more within 10 minutes")
    assert "engine on cpu" in first
    crashes.take_back(folder, "engine on cpu")
    await check_alerts(world_with_owner, 2)
    assert dms_to(world_with_owner)[1].startswith("✅ Resolved: “Ended 3 times")
    assert len(dms_to(world_with_owner)) == 2


async def test_failed_start_alerts_once_per_reason(
    world_with_owner: World,
) -> None:
    await world_with_owner.start_engine()
    await world_with_owner.stop_bot()
    for _ in range(3):
        await tell_of_failed_start(world_with_owner.settings, "The database has schema 9999.")
    assert dms_to(world_with_owner) == ["⚠️ Atelier cannot start: The database has schema 9999."]
    await tell_of_failed_start(world_with_owner.settings, "The store refuses.")
    assert len(dms_to(world_with_owner)) == 2
    await world_with_owner.start_bot()
    await check_alerts(world_with_owner, 2)
    assert dms_to(world_with_owner)[2:] == ["✅ Resolved: “The store refuses.”"]


async def test_unwritable_data_folder_alerts_once_however_often_the_bot_starts(
    world_with_owner: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The alert cannot be recorded in that folder, so the bot looks for it in Discord.

    So does the one that starts again, to say that it is over.
    """
    await world_with_owner.stop_bot()
    (tmp_path / "file").touch()
    unwritable = {"atelier_data_dir": tmp_path / "file" / "data"}
    settings = world_with_owner.settings.model_copy(update=unwritable)
    for _ in range(3):
        assert await _preflight(settings) == CANNOT_START
    (alert,) = dms_to(world_with_owner)
    assert alert.startswith("⚠️ Atelier cannot start: ATELIER_DATA_DIR: ")
    assert capsys.readouterr().err.count("data cannot be written (Not a directory)") == 3
    for _ in range(2):
        await world_with_owner.start_bot()
        await check_alerts(world_with_owner, 2)
        await world_with_owner.stop_bot()
    said = alert.removeprefix("⚠️ Atelier cannot start: ")
    assert dms_to(world_with_owner) == [alert, f"✅ Resolved: “{said}”"]


async def test_unwritable_data_folder_alerts_other_owners_if_one_cannot_be_reached(
    world_with_owner: World, tmp_path: Path
) -> None:
    await world_with_owner.stop_bot()
    (tmp_path / "file").touch()
    (known,) = world_with_owner.settings.atelier_owner_ids
    changes = {
        "atelier_data_dir": tmp_path / "file" / "data",
        "atelier_owner_ids": (known + 1000, known),
    }
    settings = world_with_owner.settings.model_copy(update=changes)
    for _ in range(2):
        await tell_of_failed_start(settings, "The disk is full.")
    assert dms_to(world_with_owner) == ["⚠️ Atelier cannot start: The disk is full."]


async def test_failed_start_alert_gives_up_soon_if_discord_is_unreachable(
    world_with_owner: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.sleep(3600)

    await world_with_owner.stop_bot()
    monkeypatch.setattr(alerts, "START_SECONDS", 0.05)
    monkeypatch.setattr("discord.Client.login", hang)
    await tell_of_failed_start(world_with_owner.settings, "The store refuses.")
    assert dms_to(world_with_owner) == []


async def test_newly_created_database_alerts_once(world_with_owner: World, tmp_path: Path) -> None:
    """An empty data folder may mean that its disk was not mounted."""
    await check_alerts(world_with_owner)
    await world_with_owner.stop_bot()
    world_with_owner.settings = world_with_owner.settings.model_copy(
        update={"atelier_data_dir": tmp_path / "empty"}
    )
    for _start in range(2):
        await world_with_owner.start_bot()
        await check_alerts(world_with_owner)
        await world_with_owner.stop_bot()
    (message,) = dms_to(world_with_owner)
    assert f"database was made at {tmp_path / 'empty' / 'atelier.sqlite3'}" in message
