"""The message of a job: through outages, past minute 15, and wherever it can still be seen."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.db import schema
from jobs.model import Job, JobState
from sandbox.compose import delete_message
from sandbox.model import Message, MessageFlag
from tests.bot.studio import BOTH, Studio, has_result, photo

FIFTEEN_MINUTES = 15 * 60 + 5


async def delivered(studio: Studio, user: str = "ada") -> Job:
    """The newest job, once its end was delivered or given up."""
    found: list[Job] = []

    async def is_delivered() -> bool:
        found[:] = await studio.jobs(user)
        return bool(found) and found[0].delivered_at is not None

    await studio.eventually(is_delivered)
    return found[0]


async def test_a_restarted_bot_goes_on_with_the_message(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    await studio.says(interaction, "Painting")
    await studio.stop_bot()
    painter.hold.set()
    await studio.eventually(lambda: painter.painted)
    await studio.start_bot()
    await studio.finished(interaction)
    assert len(studio.discord.messages()) == 1


async def test_a_restarted_bot_goes_on_with_an_intake(studio: Studio) -> None:
    await studio.start_painter()
    studio.discord.faults.add("GET", "*attachments/*", delay=20.0, times=2)
    interaction = await studio.paint()
    assert interaction.message is not None
    await studio.stop_bot()
    assert not studio.painter or not studio.painter.painted
    studio.discord.faults.clear()
    await studio.start_bot()
    await studio.finished(interaction)
    assert len(await studio.jobs()) == 1


async def test_after_minute_fifteen_the_bot_edits_with_its_own_token(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    await studio.says(interaction, "Painting")
    studio.shift_clock(FIFTEEN_MINUTES)
    painter.hold.set()
    message = await studio.finished(interaction)
    assert len(studio.discord.messages()) == 1
    assert not studio.discord.dms(studio.user())
    assert message.attachments


async def test_a_token_that_ends_sooner_than_thought_is_tried_once(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    await studio.says(interaction, "Painting")
    studio.discord.shift_clock(FIFTEEN_MINUTES)  # the bot's clock is behind Discord's
    painter.hold.set()
    await studio.finished(interaction)
    refused = [line for line in studio.discord.traffic if line.status == 401]
    assert len(refused) == 1
    studio.discord.violations.clear()


async def test_an_ephemeral_picture_comes_by_dm_after_minute_fifteen(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint({"ephemeral": True})
    await studio.says(interaction, "Painting")
    studio.shift_clock(FIFTEEN_MINUTES)
    painter.hold.set()
    await studio.discord.until(lambda: studio.discord.dms(studio.user()), 20)
    (message,) = studio.discord.dms(studio.user())
    assert has_result(message)
    assert "here it is" in message.text
    assert (await delivered(studio)).delivered_at is not None


async def test_a_picture_comes_by_dm_where_the_bot_is_no_member(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint(context="guild_without_bot")
    await studio.says(interaction, "Painting")
    studio.shift_clock(FIFTEEN_MINUTES)
    painter.hold.set()
    await studio.discord.until(lambda: studio.discord.dms(studio.user()), 20)
    assert has_result(studio.discord.dms(studio.user())[0])


async def test_a_picture_comes_by_dm_if_its_message_was_deleted(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    message = await studio.says(interaction, "Painting")
    delete_message(studio.discord.world, message)
    painter.hold.set()
    await studio.discord.until(lambda: studio.discord.dms(studio.user()), 20)
    assert has_result(studio.discord.dms(studio.user())[0])
    await delivered(studio)
    assert len(studio.discord.dms(studio.user())) == 1


async def test_a_user_with_closed_dms_can_still_show_the_picture(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    studio.discord.faults.add("POST", "/users/@me/channels", status=403, code=50007, times=10)
    interaction = await studio.paint()
    message = await studio.says(interaction, "Painting")
    delete_message(studio.discord.world, message)
    painter.hold.set()
    job = await delivered(studio)
    assert job.state is JobState.DONE
    assert job.result_key is not None


async def test_429_with_and_without_via_only_delays(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    await studio.says(interaction, "Painting")
    pattern = "/webhooks/*/messages/*"
    studio.discord.faults.add("PATCH", pattern, status=429, retry_after=0.5, times=2)
    studio.discord.faults.add(
        "PATCH", pattern, status=429, retry_after=1.0, times=2, with_via=False
    )
    painter.hold.set()
    await studio.finished(interaction)


async def test_server_errors_only_delay(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    await studio.says(interaction, "Painting")
    studio.discord.faults.add("PATCH", "/webhooks/*", status=502, times=3)
    painter.hold.set()
    await studio.finished(interaction)


async def test_an_outage_only_delays_and_the_result_is_shown_once(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    await studio.says(interaction, "Painting")
    shown: list[int] = []

    def hear(kind: str, payload: dict[str, Any]) -> None:
        message = payload.get("message")
        if kind.startswith("MESSAGE_") and isinstance(message, Message) and has_result(message):
            shown.append(message.id)

    studio.discord.world.listeners.append(hear)
    await studio.discord.outage(4.0)
    painter.hold.set()
    message = await studio.finished(interaction)
    await studio.discord.ready(30)
    assert shown == [message.id]
    later = await studio.paint()
    await studio.finished(later)


async def test_an_old_preview_does_not_hold_up_the_picture(studio: Studio) -> None:
    interaction = await studio.paint()
    await studio.says(interaction, "Place 1")
    # The next edit hangs for longer than the test may take.
    stuck = studio.discord.faults.add("PATCH", "/webhooks/*", delay=600.0)
    painter = await studio.start_painter()
    painter.hold.clear()
    await studio.eventually(lambda: stuck.hits)
    painter.hold.set()
    await studio.finished(interaction)


async def test_edits_are_coalesced_to_the_newest_state(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.step_seconds = 0.0
    interaction = await studio.paint()
    await studio.finished(interaction)
    edits = [line for line in studio.discord.traffic if line.title.startswith("PATCH /webhooks")]
    assert len(edits) <= 3


async def test_a_result_that_does_not_fit_comes_as_the_best_that_does(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.noise = True
    message = await studio.painted({"size": 2048})
    assert message.attachments[0].filename.endswith((".jpg", ".webp"))
    assert len(message.attachments[0].data) <= 10 * 1024 * 1024
    assert "Shown as" in message.text


async def test_a_failure_is_told_with_its_id(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.fails_with = "The layers are not there; please use another network."
    interaction = await studio.paint()
    message = await studio.says(interaction, "The layers are not there")
    assert "e1d2" in message.text


async def test_a_spoiler_stays_one(studio: Studio) -> None:
    await studio.start_painter()
    message = await studio.painted({"spoiler": True})
    galleries = [part for part in message.walk() if part["type"] == 12]
    assert all(item["spoiler"] for gallery in galleries for item in gallery["items"])
    saved = await studio.discord.press(studio.user(), message, label="Save to DMs")
    assert "in your DMs" in await studio.answer(saved)
    (sent,) = studio.discord.dms(studio.user())
    assert sent.attachments[0].filename.startswith("SPOILER_")


async def test_many_jobs_are_all_delivered(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.step_seconds = 0.0
    pictures = {**BOTH, "content": ("p.png", photo((32, 32)))}
    interactions = await asyncio.gather(*(studio.paint(attachments=pictures) for _ in range(12)))
    for interaction in interactions:
        await studio.finished(interaction)


async def test_lost_connections_lose_nothing(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    await studio.says(interaction, "Painting")
    await studio.discord.send_op7()
    await studio.discord.until(lambda: not studio.discord.gateway.connected, 10)
    await studio.discord.ready(30)
    await studio.discord.drop_sockets()
    await studio.discord.until(lambda: not studio.discord.gateway.connected, 10)
    await studio.discord.ready(30)
    await studio.discord.send_op9(resumable=False)
    await studio.discord.until(lambda: not studio.discord.gateway.connected, 10)
    painter.hold.set()
    await studio.finished(interaction)
    await studio.discord.ready(30)
    await studio.painted()


async def test_a_dm_is_sent_once_even_if_the_bot_ended_before_it_knew(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint({"ephemeral": True})
    await studio.says(interaction, "Painting")
    studio.shift_clock(FIFTEEN_MINUTES)
    painter.hold.set()
    await studio.discord.until(lambda: studio.discord.dms(studio.user()), 20)
    job = await delivered(studio)
    async with studio.bot.queue.database.write() as transaction:
        await transaction.connection.execute(
            sa.update(schema.jobs).where(schema.jobs.c.id == job.id).values(delivered_at=None)
        )
    await studio.stop_bot()
    studio.shift_clock(24 * 3600.0)  # long after a nonce is forgotten
    await studio.start_bot()
    await delivered(studio)
    assert len(studio.discord.dms(studio.user())) == 1


@pytest.mark.parametrize("hiccups", [0, 1])
async def test_a_failure_told_by_dm_does_not_stand_in_for_the_picture_of_its_retry(
    studio: Studio, hiccups: int
) -> None:
    interaction = await studio.paint({"ephemeral": True})
    await studio.says(interaction, "Place 1")
    studio.shift_clock(FIFTEEN_MINUTES)
    painter = await studio.start_painter()
    painter.fails_with = "No."
    failed = await delivered(studio)
    assert failed.state is JobState.FAILED
    painter.fails_with = None
    # With a hiccup, the second try looks whether the first was carried out.
    studio.discord.faults.add("POST", "/channels/*/messages", status=503, times=hiccups)
    assert await studio.bot.queue.jobs.retry(failed.id) is not None
    painted = await delivered(studio)
    assert painted.state is JobState.DONE
    failure, picture = studio.discord.dms(studio.user())
    assert "No." in failure.text
    assert has_result(picture)


async def test_words_of_a_member_do_not_stand_in_for_the_picture(studio: Studio) -> None:
    interaction = await studio.paint({"ephemeral": True})
    await studio.says(interaction, "Place 1")
    studio.shift_clock(FIFTEEN_MINUTES)
    (job,) = await studio.jobs()
    dm = studio.discord.world.dm_of(studio.user())
    studio.discord.post(studio.user(), f"### 🖼️ Painted for Ada\n#{job.id}", channel=dm)
    studio.discord.faults.add("POST", "/channels/*/messages", status=503)
    await studio.start_painter()
    await delivered(studio)
    _, picture = studio.discord.dms(studio.user())
    assert has_result(picture)


async def test_an_edit_in_flight_is_finished_before_the_end(studio: Studio) -> None:
    await studio.start_painter()
    slow = studio.discord.faults.add("PATCH", "/webhooks/*", delay=1.5, times=20)
    interaction = await studio.paint()
    await studio.eventually(lambda: slow.hits)
    await studio.stop_bot()
    assert interaction.message is not None
    assert interaction.message.text


async def test_a_card_takes_the_place_of_plain_words(studio: Studio) -> None:
    interaction = await studio.paint()
    message = await studio.says(interaction, "Place 1")
    # As if an earlier run had said something in the place of the card.
    message.content, message.components = "Something went wrong.", []
    message.flags &= ~MessageFlag.IS_COMPONENTS_V2
    await studio.start_painter()
    await studio.finished(interaction)
    assert "Something went wrong" not in message.text
    studio.discord.violations.clear()
