from jobs.model import JobState
from sandbox.model import Json
from tests.kit.fake_engine import ENGINE_INFO
from tests.kit.world import World, button_labels

SECTION = 9


async def test_queue_shows_own_pictures_with_place_and_time(world: World) -> None:
    ada, grace = world.user("ada"), world.user("grace")
    first, second = await world.make_job(ada), await world.make_job(grace)
    third = await world.make_job(ada)
    await world.manual_engine.start(first)
    message = await world.slash(ada, "queue")
    assert message.ephemeral
    assert f"#{first.id}" in message.text
    assert "being painted, 25%, expected <t:" in message.text
    assert "place 2, expected <t:" in message.text or "place 1, expected <t:" in message.text
    assert "2 waiting, 1 being painted" in message.text
    assert f"#{second.id} · <@{grace.id}>" in message.text
    assert button_labels(message)[:2] == [f"Cancel #{first.id}", f"Cancel #{third.id}"]
    assert f"#{third.id}" in message.text


async def test_long_queue_lists_the_running_job_and_then_the_next_ones(
    world: World,
) -> None:
    ada, admin = world.user("ada"), world.user("admin")
    jobs = [await world.make_job(ada) for _ in range(12)]
    await world.manual_engine.start(jobs[0])
    await world.queue.jobs.move_to_front(jobs[11].id, admin.id)
    message = await world.slash(ada, "queue")
    sections = [each for each in message.walk() if each["type"] == SECTION]
    shown = [int(words.split()[0].strip("\\#")) for words in map(text_of, sections)]
    wanted = [jobs[0], jobs[11], *jobs[1:7]]
    assert shown == [job.id for job in wanted]
    assert "… and more" in message.text
    offered = await world.discord.autocomplete(ada, "cancel", "job", "")
    assert [choice["value"] for choice in offered][:8] == shown


def text_of(section: Json) -> str:
    return str(section["components"][0]["content"])


async def test_queue_reports_a_pause_and_missing_engines(world: World) -> None:
    ada = world.user("ada")
    await world.make_job(ada)
    await world.queue.pauses.pause(world.guild_id, world.user("admin").id)
    assert "paused" in (await world.slash(ada, "queue")).text
    await world.queue.engines.forget(ENGINE_INFO.id)
    assert "The painter is not running" in (await world.slash(ada, "queue")).text


async def test_cancel_in_the_queue_list_stops_the_job_and_updates_the_list(world: World) -> None:
    ada = world.user("ada")
    job = await world.make_job(ada)
    message = await world.slash(ada, "queue")
    await world.press(ada, message, f"Cancel #{job.id}")
    assert await world.state(job) is JobState.CANCELLED
    assert f"#{job.id} was cancelled." in message.text
    assert "None of your pictures is waiting" in message.text


async def test_refresh_shows_new_jobs(world: World) -> None:
    ada = world.user("ada")
    message = await world.slash(ada, "queue")
    assert "None of your pictures is waiting" in message.text
    job = await world.make_job(ada)
    await world.press(ada, message, "Refresh")
    assert f"#{job.id}" in message.text


async def test_forged_cancel_button_cancels_nothing(world: World) -> None:
    ada, grace = world.user("ada"), world.user("grace")
    job = await world.make_job(ada)
    message = await world.slash(grace, "queue")
    button = next(b for b in message.buttons if b["label"] == "Refresh")
    button["custom_id"] = f"atelier:queue:cancel:{grace.id}:{job.id}"
    await world.press(grace, message, "Refresh")
    assert await world.state(job) is JobState.QUEUED
    assert f"You have no picture #{job.id}" in message.text


async def test_cancel_offers_only_own_waiting_jobs(world: World) -> None:
    ada, grace = world.user("ada"), world.user("grace")
    done = await world.make_painted_job(ada)
    mine = await world.make_job(ada)
    await world.make_job(grace)
    offered = await world.discord.autocomplete(ada, "cancel", "job", "")
    assert [choice["value"] for choice in offered] == [mine.id]
    assert done.id not in [choice["value"] for choice in offered]
    message = await world.slash(ada, "cancel", {"job": mine.id})
    assert message.text == f"#{mine.id} was cancelled."
    message = await world.slash(ada, "cancel", {"job": mine.id})
    assert message.text == f"#{mine.id} has already ended."


async def test_cancel_asks_a_running_job_to_stop(world: World) -> None:
    ada = world.user("ada")
    job = await world.make_job(ada)
    await world.manual_engine.start(job)
    message = await world.slash(ada, "cancel", {"job": job.id})
    assert message.text == f"#{job.id} is being stopped."
    assert (await world.reload(job)).cancel_requested


async def test_cancel_answers_alike_for_unknown_jobs_and_jobs_of_others(world: World) -> None:
    ada, grace = world.user("ada"), world.user("grace")
    job = await world.make_job(ada)
    foreign = await world.slash(grace, "cancel", {"job": job.id})
    unknown = await world.slash(grace, "cancel", {"job": 4711})
    assert foreign.text.replace(str(job.id), "N") == unknown.text.replace("4711", "N")
    assert await world.state(job) is JobState.QUEUED


async def test_queue_in_a_dm_shows_only_own_jobs(world: World) -> None:
    ada, grace = world.user("ada"), world.user("grace")
    await world.make_job(grace)
    mine = await world.make_job(ada, in_guild=False)
    for context in ("bot_dm", "private"):
        message = await world.slash(ada, "queue", context=context)
        assert f"#{mine.id}" in message.text
        assert str(grace.id) not in message.text


async def test_starting_engine_is_announced_instead_of_a_missing_one(world: World) -> None:
    await world.queue.engines.forget(ENGINE_INFO.id)
    ada = world.user("ada")
    interaction = await world.paint()
    await world.wait_for_text(interaction, "The painter is not running")
    await world.queue.engines.expect()
    await world.wait_for_text(interaction, "The painter is starting")
    assert "The painter is starting" in (await world.slash(ada, "queue")).text
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 1}, 1)
    assert "The painter is starting" in await world.answer_text(await world.paint())
    await world.queue.engines.expect_no_more()
    await world.wait_for_text(interaction, "The painter is not running")
    await world.queue.engines.expect()
    await world.manual_engine.register()
    await world.wait_for_text(interaction, "Place 1, expected")
    await world.queue.engines.forget(ENGINE_INFO.id)
    await world.wait_for_text(interaction, "The painter is not running")
