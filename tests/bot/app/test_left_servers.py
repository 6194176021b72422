"""Servers that removed the bot."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.app import left_servers
from bot.app.left_servers import LeftServers
from bot.ui.people import invitation
from jobs.db import schema
from jobs.model import Job, JobState
from sandbox.gateway import GUILDS
from sandbox.model import Message
from tests.kit.world import World

FIELDS_SINCE_0_2_0 = {"only_commands", "notify", "notes", "alt_text", "painted_from"}
"""Fields that a reply stored by 0.1.0 does not have."""
TOKEN_EXPIRED_SECONDS = 3600.0
"""By then no response can be edited with its interaction token."""


@pytest.fixture
async def world(closed_world: World) -> World:
    """A bot that knows its servers: earlier, `check_servers` does nothing."""
    await closed_world.start_bot(ready_seconds=0.1)
    await closed_world.bot.wait_until_ready()
    return closed_world


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_servers, "GRACE_SECONDS", 0.0)


async def queued_job(world: World, **details: object) -> Job:
    """A job submitted with `/paint` that waits in the queue."""
    await world.wait_for_text(await world.paint(**details), "Place")  # type: ignore[arg-type]
    await world.wait_no_intakes()
    return (await world.jobs())[0]


def dms(world: World) -> list[Message]:
    return world.discord.dms(world.user())


async def is_delivered(world: World, job: Job) -> bool:
    return (await world.reload(job)).delivered_at is not None


async def remove_bot(world: World) -> None:
    await world.discord.remove_bot()
    await world.eventually(lambda: not world.bot.guilds)


async def test_waiting_jobs_of_a_left_server_are_cancelled_after_the_grace_period(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.queue.pauses.pause(world.guild_id, 1)
    job, private = await queued_job(world), await queued_job(world, context="bot_dm")
    await remove_bot(world)
    world.shift_clock(TOKEN_EXPIRED_SECONDS)
    keeper = world.bot.service(LeftServers)
    await keeper.check_servers()
    assert await world.state(job) is JobState.QUEUED, "the bot may be added again in a moment"
    user_installed = await queued_job(world)  # from a server where only the user installed the bot
    monkeypatch.setattr(left_servers, "GRACE_SECONDS", 0.0)
    await keeper.check_servers()
    assert await world.state(job) is JobState.CANCELLED
    await world.eventually(lambda: any("Cancelled" in each.text for each in dms(world)))
    message = dms(world)[-1]
    assert "I was removed from the server" in message.text
    assert f"#{job.id}" in message.text
    assert await world.state(private) is JobState.QUEUED
    assert await world.state(user_installed) is JobState.QUEUED
    assert not (await world.queue.positions.overview(world.guild_id)).paused


@pytest.mark.usefixtures("no_grace")
async def test_job_of_a_left_server_is_closed_silently_if_dms_are_closed(world: World) -> None:
    world.user().accepts_dms = False
    job = await queued_job(world)
    await remove_bot(world)
    world.shift_clock(TOKEN_EXPIRED_SECONDS)
    await world.bot.service(LeftServers).check_servers()
    await world.eventually(lambda: is_delivered(world, job))
    assert not dms(world)


@pytest.mark.usefixtures("no_grace")
async def test_waiting_job_of_a_version_that_knew_no_commands_only_is_not_cancelled(
    world: World,
) -> None:
    """It does not say whether the bot was ever in its server."""
    job = await queued_job(world)
    rows = schema.jobs
    (row,) = await world.queue.database.all(sa.select(rows.c.target))
    older = {
        name: value
        for name, value in json.loads(row.target).items()
        if name not in FIELDS_SINCE_0_2_0
    }
    update = sa.update(rows).values(target=json.dumps(older, separators=(",", ":")))
    await world.queue.database.execute(update)
    await remove_bot(world)
    await world.bot.service(LeftServers).check_servers()
    assert await world.state(job) is JobState.QUEUED


async def test_server_that_returns_in_time_keeps_its_waiting_jobs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, keeper = await queued_job(world), world.bot.service(LeftServers)
    await remove_bot(world)
    await keeper.check_servers()
    await world.discord.return_bot()
    await world.eventually(lambda: world.bot.guilds)
    monkeypatch.setattr(left_servers, "GRACE_SECONDS", 0.0)
    await keeper.check_servers()
    assert await world.state(job) is JobState.QUEUED


@pytest.mark.usefixtures("no_grace")
async def test_server_outage_is_not_treated_as_a_removal(world: World) -> None:
    job = await queued_job(world)
    data = {"id": str(world.guild_id), "unavailable": True}
    await world.discord.gateway.dispatch("GUILD_DELETE", data, intent=GUILDS)
    await world.eventually(lambda: world.bot.guilds[0].unavailable)
    await world.bot.service(LeftServers).check_servers()
    assert await world.state(job) is JobState.QUEUED


async def test_limits_of_a_left_server_expire_after_the_retention_period(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.queue.limits.set(world.guild_id, {"max_per_day": 2}, 1)
    keeper = world.bot.service(LeftServers)
    await remove_bot(world)
    await keeper.note()
    assert (await world.queue.limits.in_force(world.guild_id)).max_per_day == 2, (
        "kept in case the bot is added again"
    )
    monkeypatch.setattr("jobs.management.left_servers.SETTINGS_KEPT_DAYS", 0)
    await keeper.note()
    assert (await world.queue.limits.in_force(world.guild_id)).max_per_day != 2


async def test_server_with_commands_only_is_served_and_keeps_its_limits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.discord.remove_bot(keep_commands=True)
    await world.eventually(lambda: not world.bot.guilds)
    monkeypatch.setattr(left_servers, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr("jobs.management.left_servers.SETTINGS_KEPT_DAYS", 0)
    admin, keeper = world.user("admin"), world.bot.service(LeftServers)
    await world.slash(admin, "limits set", {"per_day": 2})
    invites = (
        f"can add me: https://discord.com/oauth2/authorize?client_id={world.bot.application_id}"
    )
    assert invites in (await world.slash(admin, "limits show")).text
    weekly = await world.slash(admin, "style-of-the-week", {"style": "great-wave"})
    assert invites in weekly.text
    interaction = await world.paint()
    message = await world.wait_for_text(interaction, "Place")
    await keeper.check_servers()
    await keeper.note()
    assert (await world.queue.limits.in_force(world.guild_id)).max_per_day == 2
    await world.start_engine()
    await world.wait_finished(interaction)
    other = await world.press(world.discord.add_user("Bob"), message, "Again")
    assert "#2" in await world.answer_text(other), "the picture was public in that server"
    for _used_since in (True, False):
        assert (await world.queue.limits.in_force(world.guild_id)).max_per_day == 2
        await keeper.note()
    assert (await world.queue.limits.in_force(world.guild_id)).max_per_day != 2


def test_invitation_matches_the_readme() -> None:
    readme = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
    assert invitation(5).replace("client_id=5", "client_id=YOUR_APPLICATION_ID") in readme
