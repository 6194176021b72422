import pytest

from jobs.model import JobState
from sandbox.command_visibility import NotOfferedError
from tests.bot_commands.house import House


async def test_the_queue_shows_ones_own_pictures_with_place_and_time(house: House) -> None:
    ada, grace = house.user("ada"), house.user("grace")
    first, second = await house.job(ada), await house.job(grace)
    third = await house.job(ada)
    await house.start(first)
    message = await house.slash(ada, "queue")
    assert message.ephemeral
    assert f"#{first.id}" in message.text
    assert "being painted, 25%, ready <t:" in message.text
    assert "place 2, ready <t:" in message.text or "place 1, ready <t:" in message.text
    assert "2 waiting, 1 being painted" in message.text
    assert f"#{second.id} · <@{grace.id}>" in message.text
    assert len([b for b in message.buttons if b["label"] == "Cancel"]) == 2
    assert f"#{third.id}" in message.text


async def test_a_paused_queue_and_missing_engines_are_told(house: House) -> None:
    ada = house.user("ada")
    await house.job(ada)
    await house.queue.pauses.pause(house.guild_id, house.user("admin").id)
    assert "paused" in (await house.slash(ada, "queue")).text
    await house.queue.engines.forget("test-engine")
    assert "No engine is running" in (await house.slash(ada, "queue")).text


async def test_cancel_in_the_list_stops_the_job_and_shows_the_list_anew(house: House) -> None:
    ada = house.user("ada")
    job = await house.job(ada)
    message = await house.slash(ada, "queue")
    await house.press(ada, message, "Cancel")
    assert await house.state(job) is JobState.CANCELLED
    assert f"#{job.id} is cancelled." in message.text
    assert "None of your pictures is waiting" in message.text


async def test_refresh_shows_what_came_since(house: House) -> None:
    ada = house.user("ada")
    message = await house.slash(ada, "queue")
    assert "None of your pictures is waiting" in message.text
    job = await house.job(ada)
    await house.press(ada, message, "Refresh")
    assert f"#{job.id}" in message.text


async def test_nobody_cancels_with_a_button_that_was_forged(house: House) -> None:
    ada, grace = house.user("ada"), house.user("grace")
    job = await house.job(ada)
    message = await house.slash(grace, "queue")
    button = next(b for b in message.buttons if b["label"] == "Refresh")
    button["custom_id"] = f"atelier:queue:cancel:{grace.id}:{job.id}"
    await house.press(grace, message, "Refresh")
    assert await house.state(job) is JobState.QUEUED
    assert f"You have no picture #{job.id}" in message.text


async def test_cancel_offers_ones_own_waiting_jobs_only(house: House) -> None:
    ada, grace = house.user("ada"), house.user("grace")
    done = await house.painted(ada)
    mine = await house.job(ada)
    await house.job(grace)
    offered = await house.discord.autocomplete(ada, "cancel", "job", "")
    assert [choice["value"] for choice in offered] == [mine.id]
    assert done.id not in [choice["value"] for choice in offered]
    message = await house.slash(ada, "cancel", {"job": mine.id})
    assert message.text == f"#{mine.id} is cancelled."
    message = await house.slash(ada, "cancel", {"job": mine.id})
    assert message.text == f"#{mine.id} has already ended."


async def test_a_running_job_is_asked_to_stop(house: House) -> None:
    ada = house.user("ada")
    job = await house.job(ada)
    await house.start(job)
    message = await house.slash(ada, "cancel", {"job": job.id})
    assert message.text == f"#{job.id} is being stopped."
    assert (await house.fresh(job)).cancel_requested


async def test_others_jobs_and_unknown_ones_get_the_same_answer(house: House) -> None:
    ada, grace = house.user("ada"), house.user("grace")
    job = await house.job(ada)
    foreign = await house.slash(grace, "cancel", {"job": job.id})
    unknown = await house.slash(grace, "cancel", {"job": 4711})
    assert foreign.text.replace(str(job.id), "N") == unknown.text.replace("4711", "N")
    assert await house.state(job) is JobState.QUEUED


async def test_values_that_no_list_offered_are_refused(house: House) -> None:
    with pytest.raises(NotOfferedError):
        await house.slash(house.user(), "cancel", {"job": -1})


async def test_in_a_dm_there_is_only_ones_own_queue(house: House) -> None:
    ada, grace = house.user("ada"), house.user("grace")
    await house.job(grace)
    mine = await house.job(ada, in_guild=False)
    for context in ("bot_dm", "private"):
        message = await house.slash(ada, "queue", context=context)
        assert f"#{mine.id}" in message.text
        assert str(grace.id) not in message.text


async def test_in_german(house: House) -> None:
    ada = house.user("ada", locale="de")
    job = await house.job(ada)
    message = await house.slash(ada, "queue")
    assert "Warteschlange" in message.text
    await house.press(ada, message, "Abbrechen")
    assert await house.state(job) is JobState.CANCELLED
    assert f"#{job.id} ist abgebrochen." in message.text
