"""Notifications that mention a member when their picture is ready."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.delivery import notifier
from bot.delivery.notifier import Notifier
from common.backoff import Backoff
from common.defaults import Notify
from jobs.db import schema
from jobs.db.rows import J
from jobs.delivery import Deliveries
from jobs.model import Job, JobState
from jobs.outcomes import QueueUnavailableError
from sandbox.model import Message
from sandbox.permissions import READ_MESSAGE_HISTORY
from tests.kit.samples import make_job
from tests.kit.world import World


def other_messages(world: World, message: Message) -> list[Message]:
    """The messages in the channel besides that of a picture."""
    place = world.discord.world.channels[message.channel_id]
    return [each for each in world.discord.world.messages_in(place) if each.id != message.id]


async def all_announced(world: World) -> None:
    """Wait until every job is recorded as announced, and nothing is being sent any more."""

    async def are_recorded() -> bool:
        async with world.queue.database.read() as connection:
            left = sa.select(sa.func.count()).where(J.notified_at.is_(None))
            if await connection.scalar(left.select_from(schema.jobs)):
                return False
        return not world.bot.service(Notifier)._tasks

    await world.eventually(are_recorded)


@pytest.mark.parametrize("context", ["guild", "bot_dm", "private", "guild_without_bot"])
async def test_a_member_is_mentioned_when_the_picture_is_ready(world: World, context: str) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"notify": "yes"}, context=context)
    await all_announced(world)
    (notification,) = other_messages(world, message)
    assert f"<@{world.user().id}>, your picture is ready" in notification.content
    assert str(message.id) in notification.content
    assert notification.mentions == [world.user().id]


async def test_quick_or_unwanted_pictures_send_no_notification(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    await world.paint_and_wait({"notify": "no"})
    await all_announced(world)
    assert len(other_messages(world, message)) == 1  # the other picture


async def test_an_unwanted_notification_costs_no_write_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked: list[int] = []

    async def note(_: Deliveries, job_id: int, _revision: int) -> None:
        marked.append(job_id)

    monkeypatch.setattr(Deliveries, "mark_announced", note)
    await world.start_engine()
    await world.paint_and_wait({"notify": "no"})
    job = await world.wait_delivered()
    assert job.notified_at == job.delivered_at
    assert marked == []


async def test_long_wait_sends_a_notification(world: World) -> None:
    interaction = await world.paint()
    message = await world.wait_for_text(interaction, "Place 1")
    async with world.queue.database.write() as transaction:
        await transaction.connection.execute(
            sa.update(schema.jobs).values(created_at=J.created_at - 90)
        )
    await world.start_engine()
    await world.wait_finished(interaction)
    await all_announced(world)
    assert len(other_messages(world, message)) == 1


async def test_ephemeral_job_is_announced_ephemerally_in_the_member_language(world: World) -> None:
    await world.start_engine()
    world.user(locale="de")
    interaction = await world.paint({"notify": "yes", "ephemeral": True})
    await world.wait_delivered()
    await all_announced(world)
    assert interaction.message is not None
    (notification,) = other_messages(world, interaction.message)
    assert notification.ephemeral
    assert "dein Bild ist fertig" in notification.content


async def test_picture_sent_by_dm_gets_no_separate_notification(world: World) -> None:
    interaction = await world.paint({"notify": "yes"}, context="guild_without_bot")
    await world.wait_for_text(interaction, "Place 1")
    world.shift_clock(16 * 60)
    await world.start_engine()
    await world.eventually(lambda: world.discord.dms(world.user()))
    await all_announced(world)
    assert len(world.discord.dms(world.user())) == 1  # the picture itself


async def test_notification_interrupted_by_a_restart_is_sent_afterwards(world: World) -> None:
    await world.start_engine()
    world.discord.faults.add("POST", "/channels/*", status=503)
    message = await world.paint_and_wait({"notify": "yes"})
    await world.wait_delivered()
    await world.stop_bot()
    world.discord.faults.clear()
    await world.start_bot()
    await all_announced(world)
    assert len(other_messages(world, message)) == 1


async def test_unanswered_notification_is_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "ANSWER_SECONDS", 0.5)
    await world.start_engine()
    world.discord.faults.add("POST", "/channels/*", delay=60.0)
    message = await world.paint_and_wait({"notify": "yes"})
    await all_announced(world)
    assert len(other_messages(world, message)) == 1


async def test_notification_uses_a_followup_where_the_bot_may_not_write(world: World) -> None:
    await world.start_engine()
    world.discord.faults.add("POST", "/channels/*", status=403, code=50013)
    message = await world.paint_and_wait({"notify": "yes"})
    await all_announced(world)
    (notification,) = other_messages(world, message)
    assert notification.mentions == [world.user().id]


async def test_notification_is_not_a_reply_where_the_bot_may_not_read(world: World) -> None:
    await world.start_engine()
    world.discord.channel().bot_denied = READ_MESSAGE_HISTORY
    message = await world.paint_and_wait({"notify": "yes"})
    await all_announced(world)
    (notification,) = other_messages(world, message)
    assert notification.mentions == [world.user().id]
    assert notification.interaction is None  # no follow-up: after 15 minutes there can be none


async def test_notification_is_sent_once_despite_a_database_outage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries = Deliveries.mark_delivered, Deliveries.mark_announced
    calls = [0, 0]

    async def mark_and_lose_answer(self: Deliveries, job_id: int, **details: Any) -> Job | None:
        """Record the delivery, but lose the connection once before the answer."""
        noted = await deliveries[0](self, job_id, **details)
        calls[0] += 1
        if calls[0] == 1:
            raise QueueUnavailableError("connection reset")
        return noted

    async def fail_once(self: Deliveries, job_id: int, revision: int) -> None:
        calls[1] += 1
        if calls[1] == 1:
            raise QueueUnavailableError("connection refused")
        await deliveries[1](self, job_id, revision)

    monkeypatch.setattr(Deliveries, "mark_delivered", mark_and_lose_answer)
    monkeypatch.setattr(Deliveries, "mark_announced", fail_once)
    await world.start_engine()
    message = await world.paint_and_wait({"notify": "yes"})
    await world.eventually(lambda: calls[1])
    assert len(other_messages(world, message)) == 1
    other = await world.paint_and_wait({"notify": "no"})
    await world.bot.service(Notifier).resume()
    await all_announced(world)
    assert len(other_messages(world, message)) == 2  # the notification and the other picture
    assert other in other_messages(world, message)


async def test_jobs_of_another_application_are_not_announced(world: World) -> None:
    await world.start_engine()
    fault = world.discord.faults.add("POST", "/channels/*", status=503, times=50)
    message = await world.paint_and_wait({"notify": "yes"})
    await world.eventually(lambda: fault.hits)
    async with world.queue.database.write() as transaction:
        await transaction.connection.execute(
            sa.update(schema.jobs).values(
                application_id=5,
                delivered_at=sa.func.coalesce(J.delivered_at, transaction.now),
            )
        )
    await world.stop_bot()
    world.discord.faults.clear()
    await world.start_bot()
    await world.paint_and_wait({"notify": "no"})
    assert len(await world.queue.deliveries.unannounced(5)) == 1
    assert len(other_messages(world, message)) == 1  # the other picture


@pytest.mark.parametrize("context", ["private", "guild_without_bot"])
async def test_notification_comes_by_dm_when_followups_are_used_up(
    world: World, context: str
) -> None:
    """There, a user-installed application may send five follow-ups to an interaction."""
    await world.start_engine()
    world.discord.faults.add("POST", "/webhooks/*", status=400, code=40094, times=50)
    await world.paint_and_wait({"notify": "yes"}, context=context)
    await all_announced(world)
    (notification,) = world.discord.dms(world.user())
    assert "your picture is ready" in notification.content


@pytest.mark.parametrize("ephemeral", [False, True])
async def test_notification_with_a_lost_response_comes_once(world: World, ephemeral: bool) -> None:
    """In a channel the nonce prevents a second; a follow-up is not sent again."""
    await world.start_engine()
    path = "/webhooks/*" if ephemeral else "/channels/*/messages"
    lost = world.discord.faults.add("POST", path, carried_out=True, drop=True)
    message = await world.paint_and_wait({"notify": "yes", "ephemeral": ephemeral})
    await world.eventually(lambda: lost.hits)
    await all_announced(world)
    assert len(other_messages(world, message)) == 1


async def test_followup_is_recorded_before_it_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no nonce, so a bot that dies before the response must not send it again."""
    monkeypatch.setattr(notifier, "ANSWER_SECONDS", 0.5)
    await world.start_engine()
    sent = world.discord.faults.add("POST", "/webhooks/*", carried_out=True, delay=60.0)
    await world.paint({"notify": "yes", "ephemeral": True})
    await world.eventually(lambda: sent.hits)
    assert await world.queue.deliveries.unannounced() == []


async def test_rate_limited_notification_is_not_mistaken_for_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """discord.py waits out the rate limit itself, so an attempt times out without being sent."""
    monkeypatch.setattr(notifier, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(notifier, "BACKOFF", Backoff(0.05, 0.05))
    await world.start_engine()
    limited = world.discord.faults.add("POST", "/webhooks/*", status=429, retry_after=5.0)
    message = await world.paint_and_wait({"notify": "yes", "ephemeral": True})
    await all_announced(world)
    assert limited.hits
    assert len(other_messages(world, message)) == 1


def test_notification_is_wanted_after_a_long_wait_or_on_request() -> None:
    began = datetime.now(UTC)
    reply = make_job(JobState.DONE).reply

    def wanted(state: JobState, seconds: float, notify: Notify = "long", **other: Any) -> bool:
        ended_at = began + timedelta(seconds=seconds)
        calls = {"created_at": began, "ended_at": ended_at}
        said = replace(reply, notify=notify)
        return notifier.is_wanted(make_job(state, reply=said, **(calls | other)))

    for state in (JobState.DONE, JobState.FAILED):
        assert [wanted(state, seconds) for seconds in (60.0, 60.1)] == [False, True]
        assert wanted(state, 1.0, "yes")
        assert not wanted(state, 900.0, "no")
        for over in ("notified_at", "pictures_deleted_at", "erased_at"):
            assert not wanted(state, 900.0, "yes", **{over: began}), over
        assert not wanted(state, 900.0, "yes", ended_at=None)
    assert not wanted(JobState.CANCELLED, 900.0, "yes")
