"""What those who run the bot are told, and when it is over."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.monitor import alerts
from bot.monitor.alerts import Alerts, tell_of_failed_start
from common import crashes
from common.defaults import Defaults
from jobs.health import StoreState
from jobs.outcomes import QueueUnavailableError
from tests.kit.fake_engine import ENGINE
from tests.kit.world import World


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests look themselves; a trouble counts at once."""
    monkeypatch.setattr(alerts, "LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(alerts, "GRACE_SECONDS", {"no-bot": float("inf")})


@pytest.fixture
async def owned(closed_world: World) -> World:
    """A bot whose owner is Grace."""
    closed_world.settings = closed_world.settings.model_copy(
        update={
            "atelier_owner_ids": (closed_world.user("grace").id,),
            "atelier_disk_reserve_mib": 0,
        }
    )
    await closed_world.start_bot()
    return closed_world


def told(world: World, name: str = "grace") -> list[str]:
    """The direct messages that somebody has from the bot."""
    channel = world.discord.world.dm_of(world.user(name))
    return [message.text for message in world.discord.world.messages_in(channel)]


async def look(world: World, times: int = 1) -> None:
    for _ in range(times):
        await world.bot.service(Alerts).look()


async def test_missing_engine_alerts_once_when_jobs_wait_and_once_when_resolved(
    owned: World,
) -> None:
    await look(owned, 2)
    assert told(owned) == []
    interaction = await owned.paint()
    await owned.wait_for_text(interaction, "not running")
    await look(owned, 3)
    (first,) = told(owned)
    assert first.startswith("⚠️ No engine is running (waiting jobs: 1)")
    await owned.stop_bot()
    await owned.start_bot()
    await look(owned)
    assert len(told(owned)) == 1, "a restart does not tell it again"
    await owned.start_engine()
    await owned.wait_finished(interaction)
    await look(owned, 2)
    assert told(owned)[1].startswith("✅ Resolved: “No engine is running")
    assert len(told(owned)) == 2


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
    await look(closed_world)
    assert told(closed_world)[0].startswith("⚠️ Auf der Platte mit dem Ordner")
    assert told(closed_world, "ada")[0].startswith("⚠️ The disk of")
    await closed_world.stop_bot()
    closed_world.settings = closed_world.settings.model_copy(update={"atelier_disk_reserve_mib": 0})
    await closed_world.start_bot()
    await look(closed_world)
    assert told(closed_world)[1].startswith("✅ Das ist vorbei: „Auf der Platte mit dem Ordner")
    assert told(closed_world, "ada")[1].startswith("✅ Resolved: “The disk of")


async def test_alert_channel_uses_the_language_of_its_server(closed_world: World) -> None:
    channel = closed_world.discord.channel()
    closed_world.settings = closed_world.settings.model_copy(
        update={"atelier_alert_channel_id": channel.id, "atelier_disk_reserve_mib": 10**9}
    )
    await closed_world.start_bot()
    await closed_world.bot.wait_until_ready()
    await closed_world.queue.defaults.set(
        "guild",
        closed_world.guild_id,
        Defaults(language="fr"),
        guild_id=closed_world.guild_id,
        by_user=1,
    )
    await look(closed_world)
    (message,) = closed_world.discord.world.messages_in(channel)
    assert message.text.startswith("⚠️ Il reste")


async def test_trouble_within_its_grace_period_sends_no_alert(
    owned: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "GRACE_SECONDS", {"no-engine": 300.0})
    await owned.paint()
    await look(owned, 3)
    assert told(owned) == []


async def test_owner_with_closed_dms_does_not_block_alerts_to_other_owners(
    closed_world: World,
) -> None:
    grace, ada = closed_world.user("grace"), closed_world.user("ada")
    grace.accepts_dms = False
    closed_world.settings = closed_world.settings.model_copy(
        update={"atelier_owner_ids": (grace.id, ada.id), "atelier_disk_reserve_mib": 10**9}
    )
    await closed_world.start_bot()
    await look(closed_world, 2)
    assert [text[:14] for text in told(closed_world, "ada")] == ["⚠️ The disk of"]
    assert told(closed_world) == []


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
    await look(closed_world, 2)
    texts = [message.text for message in closed_world.discord.world.messages_in(channel)]
    assert [text[:14] for text in texts] == ["⚠️ The disk of"]
    assert told(closed_world) == []


async def test_alerts_do_not_run_without_recipients(world: World) -> None:
    assert world.bot.service(Alerts)._task is None


async def test_missing_weights_alert_once_and_once_when_resolved(owned: World) -> None:
    await owned.start_engine()
    queue = owned.bot.queue
    await queue.engines.register(replace(ENGINE, networks=("lite",)))
    await look(owned, 3)
    (first,) = told(owned)
    assert first.startswith("⚠️ No engine has the weights of vgg19")
    await queue.engines.register(replace(ENGINE, networks=("vgg19", "lite")))
    await look(owned, 2)
    assert told(owned)[1].startswith("✅ Resolved: “No engine has the weights")
    assert len(told(owned)) == 2


async def test_database_outage_alerts_once_and_once_when_resolved(
    owned: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await owned.start_engine()
    await look(owned)
    health = owned.bot.queue.health

    async def refuses(**_: object) -> None:
        raise QueueUnavailableError("The database cannot be reached: it does not answer.")

    monkeypatch.setattr(alerts, "GRACE_SECONDS", {"database": 60.0})
    with monkeypatch.context() as away:
        away.setattr(health, "ask", refuses)
        await look(owned, 2)
        assert told(owned) == [], "it may be that its server is only started again"
        monkeypatch.setattr(alerts, "GRACE_SECONDS", {})
        await look(owned, 3)
    (first,) = told(owned)
    assert first.startswith("⚠️ The database cannot be reached: it does not answer. Until it is")
    await look(owned, 2)
    assert told(owned)[1].startswith("✅ Resolved: “The database cannot be reached")
    assert len(told(owned)) == 2


async def test_store_is_asked_again_before_an_alert(
    owned: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await owned.start_engine()
    monkeypatch.setattr(alerts, "GRACE_SECONDS", {"store": 60.0})
    answers = [StoreState("The picture store answers 503."), StoreState()]
    asked: list[StoreState] = []

    async def store() -> StoreState:
        asked.append(answers.pop(0))
        return asked[-1]

    owned.bot.service(Alerts)._looks = 0
    monkeypatch.setattr(owned.bot.queue.health, "store", store)
    await look(owned, 2)
    assert len(asked) == 2
    monkeypatch.setattr(alerts, "GRACE_SECONDS", {})
    await look(owned, 2)
    assert told(owned) == []


async def test_second_engine_in_trouble_sends_another_alert(owned: World) -> None:
    await owned.start_engine()
    engines = owned.bot.queue.engines
    one, other = (replace(ENGINE, id=f"{host}-1", host=host) for host in ("north", "south"))
    await engines.register(one)
    await engines.note_trouble(one, "Its disk is full.")
    await look(owned, 2)
    (first,) = told(owned)
    assert first.startswith("⚠️ The engine on north (cpu) cannot paint: Its disk is full.")
    await engines.register(other)
    await engines.note_trouble(other, "Its disk is full.")
    await look(owned, 2)
    assert told(owned)[1].startswith(
        "⚠️ 2 engines cannot paint. north (cpu), south (cpu): Its disk is full. They keep trying"
    )
    await engines.note_well(one)
    await look(owned)
    assert len(told(owned)) == 2
    await engines.note_well(other)
    await look(owned, 2)
    assert told(owned)[2].startswith("✅ Resolved: “2 engines")
    assert len(told(owned)) == 3


async def test_crash_loop_alerts_once_and_once_when_resolved(owned: World) -> None:
    await owned.start_engine()
    folder = owned.settings.atelier_data_dir
    for _ in range(4):
        crashes.note(folder, "engine on cpu")
        await look(owned)
    (first,) = told(owned)
    assert first.startswith("⚠️ Ended 3 times or more within 10 minutes")
    assert "engine on cpu" in first
    crashes.take_back(folder, "engine on cpu")
    await look(owned, 2)
    assert told(owned)[1].startswith("✅ Resolved: “Ended 3 times")
    assert len(told(owned)) == 2


async def test_failed_start_alerts_once_per_reason(
    owned: World,
) -> None:
    await owned.start_engine()
    await owned.stop_bot()
    for _ in range(3):
        await tell_of_failed_start(owned.settings, "The database has schema 9999.")
    assert told(owned) == ["⚠️ Atelier cannot start: The database has schema 9999."]
    await tell_of_failed_start(owned.settings, "The store refuses.")
    assert len(told(owned)) == 2
    await owned.start_bot()
    await look(owned, 2)
    assert told(owned)[2:] == ["✅ Resolved: “The store refuses.”"]


async def test_failed_start_alert_gives_up_soon_if_discord_is_unreachable(
    owned: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await asyncio.sleep(3600)

    await owned.stop_bot()
    monkeypatch.setattr(alerts, "START_SECONDS", 0.05)
    monkeypatch.setattr("discord.Client.login", never)
    await tell_of_failed_start(owned.settings, "The store refuses.")
    assert told(owned) == []


async def test_newly_created_database_alerts_once(owned: World, tmp_path: Path) -> None:
    """Its disk may not have been there when it started."""
    await look(owned)
    await owned.stop_bot()
    owned.settings = owned.settings.model_copy(update={"atelier_data_dir": tmp_path / "empty"})
    for _start in range(2):
        await owned.start_bot()
        await look(owned)
        await owned.stop_bot()
    (message,) = told(owned)
    assert f"database was made at {tmp_path / 'empty' / 'atelier.sqlite3'}" in message
