"""Delivery of pictures: outages, expired tokens and restarts."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot.delivery import tracked_message
from bot.delivery.loop import DeliveryLoop
from bot.delivery.routes import Routes
from bot.pictures.encoded import Encoded
from bot.ui import words
from common.backoff import Backoff
from common.child import ChildError
from common.settings import MIB
from common.store import StorageUnavailableError
from jobs.delivery import Deliveries
from jobs.model import Job, QueuePosition
from sandbox.model import Message, MessageFlag
from tests.kit.fake_engine import ENGINE_INFO
from tests.kit.world import World, has_result

FIFTEEN_MINUTES = 15 * 60 + 5


async def test_restarted_bot_continues_the_same_message(world: World) -> None:
    painter, interaction = await world.paint_halfway()
    await world.stop_bot()
    painter.may_finish.set()
    await world.eventually(lambda: painter.painted_job_ids)
    await world.start_bot()
    await world.wait_finished(interaction)
    assert len(world.discord.messages()) == 1


async def test_restarted_bot_finishes_a_pending_intake(world: World) -> None:
    await world.start_engine()
    world.discord.faults.add("GET", "*attachments/*", delay=20.0, times=2)
    interaction = await world.paint()
    assert interaction.message is not None
    await world.stop_bot()
    assert not world.engine or not world.engine.painted_job_ids
    world.discord.faults.clear()
    await world.start_bot()
    await world.wait_finished(interaction)
    assert len(await world.jobs()) == 1


async def test_after_minute_fifteen_the_bot_edits_with_its_own_token(world: World) -> None:
    painter, interaction = await world.paint_halfway()
    world.shift_clock(FIFTEEN_MINUTES)
    painter.may_finish.set()
    message = await world.wait_finished(interaction)
    assert len(world.discord.messages()) == 1
    assert not world.discord.dms(world.user())
    assert message.attachments


async def test_token_that_ends_early_is_tried_once(world: World) -> None:
    painter, interaction = await world.paint_halfway()
    world.discord.shift_clock(FIFTEEN_MINUTES)  # the bot's clock is behind Discord's
    painter.may_finish.set()
    await world.wait_finished(interaction)
    refused = [line for line in world.discord.traffic if line.status == 401]
    assert len(refused) == 1
    world.discord.violations.clear()


async def test_rate_limits_with_and_without_via_only_delay_the_picture(world: World) -> None:
    painter, interaction = await world.paint_halfway()
    pattern = "/webhooks/*/messages/*"
    faults = [
        world.discord.faults.add("PATCH", pattern, status=429, retry_after=wait, times=2, **how)
        for wait, how in ((0.5, {}), (1.0, {"with_via": False}))
    ]
    painter.may_finish.set()
    await world.wait_finished(interaction)
    assert [len(fault.hits) for fault in faults] == [2, 2]


async def test_server_errors_only_delay_the_picture(world: World) -> None:
    painter, interaction = await world.paint_halfway()
    fault = world.discord.faults.add("PATCH", "/webhooks/*", status=502, times=3)
    painter.may_finish.set()
    await world.wait_finished(interaction)
    assert len(fault.hits) == 3


async def test_an_outage_only_delays_and_the_result_is_shown_once(world: World) -> None:
    painter, interaction = await world.paint_halfway()
    shown: list[int] = []

    def record_results(kind: str, payload: dict[str, Any]) -> None:
        message = payload.get("message")
        if kind.startswith("MESSAGE_") and isinstance(message, Message) and has_result(message):
            shown.append(message.id)

    world.discord.world.listeners.append(record_results)
    await world.discord.outage(4.0)
    painter.may_finish.set()
    message = await world.wait_finished(interaction)
    await world.discord.ready(30)
    assert shown == [message.id]
    later = await world.paint()
    await world.wait_finished(later)


async def test_progress_goes_on_without_previews_while_the_store_does_not_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    painter = await world.start_engine()
    painter.may_finish.clear()
    with monkeypatch.context() as outage:
        away = AsyncMock(side_effect=StorageUnavailableError("The store answers 503."))
        outage.setattr(world.queue.store, "get", away)
        await world.wait_for_text(interaction, "storage for pictures does not answer")
        message = await world.wait_for_text(interaction, "50%")
        assert not message.attachments
    painter.may_finish.set()
    message = await world.wait_finished(interaction)
    assert "does not answer" not in message.text


async def test_an_old_preview_does_not_hold_up_the_picture(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracked_message, "ANSWER_SECONDS", 2.0)
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    # The next edit hangs longer than the test's timeout.
    stuck = world.discord.faults.add("PATCH", "/webhooks/*", delay=600.0)
    painter = await world.start_engine()
    painter.may_finish.clear()
    await world.eventually(lambda: stuck.hits)
    painter.may_finish.set()
    await world.wait_finished(interaction)


async def test_due_picture_does_not_wait_for_the_places_of_all_jobs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which take many statements, each of which may take 300 ms to a database far away."""
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    asked, may_answer = asyncio.Event(), asyncio.Event()
    all_waiting = world.queue.positions.all_waiting

    async def slow(**named: int) -> list[tuple[Job, QueuePosition]]:
        asked.set()
        await may_answer.wait()
        return await all_waiting(**named)

    monkeypatch.setattr(world.queue.positions, "all_waiting", slow)
    deliveries = world.bot.service(DeliveryLoop)
    await world.eventually(asked.is_set)  # this round has begun before
    claim = await world.queue.claims.claim(ENGINE_INFO.id)
    assert claim is not None
    deliveries._places_at = float("-inf")
    deliveries._messages[claim.job.id].edited_at = float("-inf")  # its next edit is due
    asked.clear()
    may_answer.set()
    may_answer.clear()
    await world.eventually(asked.is_set)
    await world.wait_for_text(interaction, "Painting")
    may_answer.set()


async def test_edits_are_coalesced_to_the_newest_state(world: World) -> None:
    painter = await world.start_engine()
    painter.step_seconds = 0.0
    interaction = await world.paint()
    await world.wait_finished(interaction)
    edits = [line for line in world.discord.traffic if line.title.startswith("PATCH /webhooks")]
    assert len(edits) <= 3


async def test_result_too_large_to_upload_is_reduced_to_fit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the encoder process fails once, after attempts that Discord refused."""
    monkeypatch.setattr(tracked_message, "BACKOFF", Backoff(0.1, 0.3))
    monkeypatch.setattr(Deliveries, "count_attempt", AsyncMock(return_value=50))
    make, failures = world.bot.encoder.make, [ChildError("It was killed.")]

    async def make_failing_once(*arguments: Any, **options: Any) -> Encoded:
        if failures:
            raise failures.pop()
        return await make(*arguments, **options)

    monkeypatch.setattr(world.bot.encoder, "make", make_failing_once)
    painter = await world.start_engine()
    painter.noise = True
    message = await world.paint_and_wait({"size": 2048})
    assert message.attachments[0].filename.endswith((".jpg", ".webp"))
    assert len(message.attachments[0].data) <= 10 * 1024 * 1024
    assert "Shown as" in message.text


async def test_failure_message_shows_the_error_id(world: World) -> None:
    painter = await world.start_engine()
    painter.fails_with = "The layers are missing; please use another network."
    interaction = await world.paint()
    message = await world.wait_for_text(interaction, "The layers are missing")
    assert "e1d2" in message.text


async def test_picture_deleted_while_its_edit_is_repeated_is_not_sent_to_its_member(
    world: World,
) -> None:
    painter, interaction = await world.paint_halfway()
    edit = "/webhooks/*/messages/@original"
    world.discord.faults.add("PATCH", edit, carried_out=True, status=502, times=2)
    painter.may_finish.set()
    message = await world.wait_finished(interaction)
    deleted = await world.press(world.user(), message, "Delete")
    await deleted.wait(lambda i: i.followups)
    await world.wait_delivered()
    assert not world.discord.dms(world.user())


async def test_spoiler_stays_hidden_in_the_card_and_the_saved_dm(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"spoiler": True})
    galleries = [part for part in message.walk() if part["type"] == 12]
    assert all(item["spoiler"] for gallery in galleries for item in gallery["items"])
    saved = await world.discord.press(world.user(), message, label="Save to DMs")
    assert "in your DMs" in await world.answer_text(saved)
    (sent,) = world.discord.dms(world.user())
    (gallery,) = [part for part in sent.walk() if part["type"] == 12]
    assert all(item["spoiler"] for item in gallery["items"])


async def test_lost_gateway_connections_lose_no_picture(world: World) -> None:
    painter, interaction = await world.paint_halfway()
    await world.discord.send_op7()
    await world.discord.until(lambda: not world.discord.gateway.connected, 10)
    await world.discord.ready(30)
    await world.discord.drop_sockets()
    await world.discord.until(lambda: not world.discord.gateway.connected, 10)
    await world.discord.ready(30)
    await world.discord.send_op9()
    await world.discord.until(lambda: not world.discord.gateway.connected, 10)
    painter.may_finish.set()
    await world.wait_finished(interaction)
    await world.discord.ready(30)
    await world.paint_and_wait()


async def test_edit_in_flight_is_finished_on_shutdown(world: World) -> None:
    await world.start_engine()
    slow = world.discord.faults.add("PATCH", "/webhooks/*", delay=1.5, times=20)
    interaction = await world.paint()
    await world.eventually(lambda: slow.hits)
    await world.stop_bot()
    assert interaction.message is not None
    assert interaction.message.text


async def test_card_replaces_plain_text(world: World) -> None:
    interaction = await world.paint()
    message = await world.wait_for_text(interaction, "Place 1")
    # As if an earlier run had edited the message to plain text.
    message.content, message.components = "Something went wrong.", []
    message.flags &= ~MessageFlag.IS_COMPONENTS_V2
    await world.start_engine()
    await world.wait_finished(interaction)
    assert "Something went wrong" not in message.text
    world.discord.violations.clear()


async def test_passed_time_estimate_is_replaced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "SOON_SECONDS", -3600.0)  # as if the time were still far away
    painter, interaction = await world.paint_halfway()
    message = await world.wait_for_text(interaction, "· expected <t:")
    assert "Painting" in message.text
    monkeypatch.setattr(words, "SOON_SECONDS", 5.0)
    await world.wait_for_text(interaction, "· ready any moment now")
    painter.may_finish.set()
    await world.wait_finished(interaction)


async def test_upload_limit_of_a_boosted_server_holds_before_the_server_loads(
    world: World,
) -> None:
    world.discord.world.guild.premium_tier = 2
    await world.wait_for_text(await world.paint(), "Place 1")
    (job,) = await world.jobs()
    world.shift_clock(16 * 60)
    world.bot._connection._guilds.clear()
    by_bot, *_ = Routes(world.bot).of(job, search=False)
    assert by_bot.limit_bytes == 50 * MIB
