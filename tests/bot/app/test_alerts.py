"""What those who run the bot are told, and when it is over."""

import pytest

from bot.monitor import alerts
from bot.monitor.alerts import Alerts
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


async def test_no_engine_is_told_once_when_somebody_waits_and_once_when_it_is_over(
    owned: World,
) -> None:
    await look(owned, 2)
    assert told(owned) == []
    interaction = await owned.paint()
    await owned.says(interaction, "not running")
    await look(owned, 3)
    (first,) = told(owned)
    assert first.startswith("⚠️ No engine is running, 1 jobs wait")
    await owned.stop_bot()
    await owned.start_bot()
    await look(owned)
    assert len(told(owned)) == 1, "a restart does not tell it again"
    await owned.start_engine()
    await owned.finished(interaction)
    await look(owned, 2)
    assert told(owned)[1].startswith("✅ This is over: “No engine is running")
    assert len(told(owned)) == 2


async def test_a_trouble_that_passes_within_its_grace_is_told_to_nobody(
    owned: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "GRACE_SECONDS", {"no-engine": 300.0})
    await owned.paint()
    await look(owned, 3)
    assert told(owned) == []


async def test_an_owner_who_takes_no_messages_does_not_keep_it_from_the_others(
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


async def test_a_channel_of_the_settings_is_told_instead(closed_world: World) -> None:
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


async def test_nobody_to_tell_asks_nothing(world: World) -> None:
    assert world.bot.service(Alerts)._task is None
