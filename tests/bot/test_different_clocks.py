"""The clocks of the bot's machine and the database differ; the database's is used."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.app.features import build_client
from bot.app.housekeeping import Housekeeping
from bot.commands.admin.weekly_style import WeeklyStyleKeeper
from bot.delivery.loop import DeliveryLoop
from bot.monitor import alerts
from bot.monitor.alerts import Alerts
from common.steady_clock import steady_clock
from jobs.health.troubles import CLOCK_SECONDS
from tests.bot.commands.picture_buttons.pressing import press
from tests.kit.world import World

HOUR_SECONDS = 3600.0


def set_database_clock(world: World, ahead_seconds: float) -> None:
    """Set the database's clock relative to that of the bot's machine."""
    world.queue.database._clock = lambda: time.time() + ahead_seconds


@pytest.mark.parametrize("hours", [-3, 3])
async def test_one_hour_block_lasts_one_hour_by_the_database_clock(
    world: World, hours: float
) -> None:
    set_database_clock(world, hours * HOUR_SECONDS)
    options = {"member": world.user("grace").id, "lasts": "1 hour"}
    await world.slash(world.user("admin"), "blocklist add", options)
    (block,) = await world.queue.blocks.all(world.guild_id)
    assert block.until is not None
    left = block.until - datetime.fromtimestamp(world.queue.database._clock(), UTC)  # type: ignore[misc]
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    text = await world.answer_text(await world.paint(user="grace"))
    assert f"<t:{int(block.until.timestamp()) + 1}" in text


async def test_undo_works_when_the_bot_clock_is_ahead(world: World) -> None:
    set_database_clock(world, -HOUR_SECONDS)
    await world.start_engine()
    message = await world.paint_and_wait()
    deleted = await press(world, message, "Delete")
    await deleted.wait(lambda i: i.followups)
    await world.wait_finished(await press(world, deleted.followups[0], "Undo"))


async def test_style_of_the_week_ends_by_the_database_clock(world: World) -> None:
    set_database_clock(world, -48 * HOUR_SECONDS)
    options = {"style": "great-wave", "days": 1}
    await world.slash(world.user("admin"), "style-of-the-week", options)
    posted = world.discord.messages("paintings")[-1]
    opened = await world.discord.press(world.user(), posted, label="Paint with this")
    await opened.wait(lambda i: i.modal)
    set_database_clock(world, 0)
    refused = await world.discord.press(world.user(), posted, label="Paint with this")
    assert "is over" in await world.answer_text(refused)


async def test_stats_end_on_the_day_of_the_database_clock(world: World) -> None:
    set_database_clock(world, 48 * HOUR_SECONDS)
    await world.make_painted_job(world.user())
    shown = await world.slash(world.user("admin"), "stats", {"days": 1})
    assert "1 picture" in shown.text


async def test_jobs_of_this_run_are_recognized_after_the_clock_goes_back(world: World) -> None:
    """An edit of an earlier run may still arrive late, but not for a job of this run."""
    before = await world.make_job(world.user())
    await world.stop_bot()
    await world.start_bot()
    delivery = world.bot.service(DeliveryLoop)
    await world.eventually(lambda: delivery._newest_before)
    set_database_clock(world, -48 * HOUR_SECONDS)
    since = await world.make_job(world.user())
    assert delivery._message_of(before).unsettled
    assert not delivery._message_of(since).unsettled


async def test_steady_clock_ignores_changes_of_the_system_clock(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without a clock gets the time from the network: three hours in one step."""
    clock = steady_clock()
    before, system_time = clock(), time.time
    monkeypatch.setattr(time, "time", lambda: system_time() + 3 * HOUR_SECONDS)
    assert before <= clock() < before + 60
    monkeypatch.setattr(time, "time", lambda: system_time() - 3 * HOUR_SECONDS)
    assert before <= clock() < before + 60
    client = build_client(world.settings)
    began = client.clock()
    monkeypatch.setattr(time, "time", system_time)
    assert began <= client.clock() < began + 60


async def test_interaction_token_lasts_15_minutes_by_the_bot_clock(
    world: World,
) -> None:
    world.clock_offset_seconds = 3 * HOUR_SECONDS  # the machine's clock was set meanwhile
    await world.paint()
    await world.eventually(world.jobs)
    (job,) = await world.jobs()
    left = job.reply.token_expires_at.timestamp() - world.bot.clock()
    assert 14 * 60 < left <= 15 * 60


async def test_database_clock_one_year_ahead_deletes_no_pictures(world: World) -> None:
    job = await world.make_painted_job(world.user())
    housekeeping = world.bot.service(Housekeeping)
    set_database_clock(world, 366 * 24 * HOUR_SECONDS)
    await housekeeping._clean()
    assert (await world.reload(job)).pictures_deleted_at is None
    world.bot.traffic.discord_ahead_seconds = 366 * 24 * HOUR_SECONDS  # a year has passed
    await housekeeping._clean()
    assert (await world.reload(job)).pictures_deleted_at is not None


async def test_clock_set_forward_ends_neither_undo_nor_the_style_of_the_week(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = world.user("admin")
    await world.slash(admin, "style-of-the-week", {"style": "great-wave", "days": 1})
    posted = world.discord.messages("paintings")[-1]
    job = await world.make_painted_job(world.user())
    await world.queue.retention.delete_soon(job.id, job.user_id)
    system_time = time.time
    monkeypatch.setattr(time, "time", lambda: system_time() + 25 * HOUR_SECONDS)
    set_database_clock(world, 0)  # it is this machine's, as with SQLite
    assert world.bot.traffic.ages_are_wrong(await world.queue.now())
    await world.bot.service(WeeklyStyleKeeper).end_those_due()
    assert posted.buttons
    await world.bot.service(Housekeeping)._finish_deleting()
    assert await world.queue.store.exists(job.result_key or "")


@pytest.mark.parametrize(
    ("ahead_seconds", "words"),
    [
        (3 * HOUR_SECONDS, ["wrong by 180 min"]),
        (-600.0, ["wrong by 10 min"]),
        (CLOCK_SECONDS / 2, []),
    ],
)
async def test_owners_are_alerted_to_a_wrong_clock(
    closed_world: World, monkeypatch: pytest.MonkeyPatch, ahead_seconds: float, words: list[str]
) -> None:
    monkeypatch.setattr(alerts, "LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(alerts, "GRACE_SECONDS", {"no-bot": float("inf")})
    grace = closed_world.user("grace")
    closed_world.settings = closed_world.settings.model_copy(
        update={"atelier_owner_ids": (grace.id,), "atelier_disk_reserve_mib": 0}
    )
    bot = await closed_world.start_bot()
    look, dm = bot.service(Alerts).check_health, closed_world.discord.world.dm_of(grace)
    await look()
    set_database_clock(closed_world, ahead_seconds)
    await look()
    alerts_sent = [message.text for message in closed_world.discord.world.messages_in(dm)]
    assert (
        [word for word in words if word in alerts_sent[0]] == words if words else alerts_sent == []
    )
    set_database_clock(closed_world, 0)
    await look()
    alerts_sent = [message.text for message in closed_world.discord.world.messages_in(dm)]
    assert len(alerts_sent) == 2 * len(words)
