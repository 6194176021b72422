"""`/queue-admin` and `/stats`."""

import io
from dataclasses import replace
from datetime import date

from PIL import Image

from bot.commands.admin.stats import stats_words
from bot.texts import texts_for
from bot.ui.choices import job_choices
from bot.ui.words import isolated
from jobs.model import JobState
from jobs.stats import DayStats, Stats
from tests.kit.world import World


async def test_the_queue_is_paused_and_resumed(world: World) -> None:
    admin = world.user("admin")
    await world.slash(admin, "queue-admin pause")
    assert (await world.queue.positions.overview(world.guild_id)).paused
    assert "already paused" in (await world.slash(admin, "queue-admin pause")).text
    await world.slash(admin, "queue-admin resume")
    assert not (await world.queue.positions.overview(world.guild_id)).paused
    assert "not paused" in (await world.slash(admin, "queue-admin resume")).text


async def test_clear_states_the_count_and_asks_for_confirmation(world: World) -> None:
    admin, ada = world.user("admin"), world.user("ada")
    assert "Nothing is waiting" in (await world.slash(admin, "queue-admin clear")).text
    jobs = [await world.make_job(ada) for _ in range(3)]
    private = await world.make_job(ada, in_guild=False)
    message = await world.slash(admin, "queue-admin clear")
    assert "Cancel 3 waiting pictures?" in message.text
    await world.press(admin, message, "Change nothing")
    assert await world.state(jobs[0]) is JobState.QUEUED
    message = await world.slash(admin, "queue-admin clear")
    await world.press(admin, message, "Cancel them all")
    assert "3 waiting pictures were cancelled." in message.text
    assert {await world.state(job) for job in jobs} == {JobState.CANCELLED}
    assert await world.state(private) is JobState.QUEUED
    assert [entry.action for entry in await world.queue.audit.read(world.guild_id)] == ["clear"]


async def test_remove_and_front_affect_only_jobs_of_this_server(world: World) -> None:
    admin, ada = world.user("admin"), world.user("ada")
    first, second = await world.make_job(ada), await world.make_job(world.user("grace"))
    private = await world.make_job(ada, in_guild=False)
    offered = await world.discord.autocomplete(admin, "queue-admin front", "picture", "")
    assert {choice["value"] for choice in offered} == {first.id, second.id}
    world.discord.open_command("queue-admin")
    assert await world.discord.autocomplete(ada, "queue-admin front", "picture", "") == []
    await world.slash(admin, "queue-admin front", {"picture": second.id})
    assert [job.id for job in await world.queue.positions.waiting(world.guild_id)] == [
        second.id,
        first.id,
    ]
    message = await world.slash(admin, "queue-admin remove", {"picture": first.id})
    assert f"#{first.id} by <@{ada.id}> was cancelled." in message.text
    assert await world.state(first) is JobState.CANCELLED
    for name in ("queue-admin remove", "queue-admin front"):
        for job in (private, first):
            refused = await world.slash(admin, name, {"picture": job.id})
            assert f"no waiting picture #{job.id}" in refused.text
    assert await world.state(private) is JobState.QUEUED


async def test_stats_come_as_text_and_as_a_plot(world: World) -> None:
    admin, ada = world.user("admin"), world.user("ada")
    await world.make_painted_job(ada)
    await world.make_painted_job(world.user("grace"))
    await world.manual_engine.fail(await world.make_job(ada))
    message = await world.slash(admin, "stats")
    for line in ("2 pictures painted", "2 members took part", "1 failure", "The last 14 days"):
        assert line in message.text
    await world.eventually(lambda: message.attachments)  # it is attached later
    with Image.open(io.BytesIO(message.attachments[0].data)) as plot:
        assert plot.format == "PNG"


async def test_only_the_operator_sees_stats_of_all_servers(world: World) -> None:
    admin, ada = world.user("admin"), world.user("ada")
    await world.make_painted_job(ada)
    await world.make_painted_job(ada, in_guild=False)
    assert "1 picture painted" in (await world.slash(admin, "stats")).text
    refused = await world.slash(admin, "stats", {"everywhere": True})
    assert refused.text == "Only the operator of this bot may see the figures for all servers."
    world.bot.settings = world.settings.model_copy(update={"atelier_owner_ids": (admin.id,)})
    message = await world.slash(admin, "stats", {"everywhere": True})
    assert "2 pictures painted" in message.text
    assert "All servers" in message.text


async def test_typed_job_number_is_offered_before_matching_sizes(world: World) -> None:
    """Enter takes the first choice: `2` must not cancel a picture that matches by its 512 px."""
    admin, ada = world.user("admin"), world.user("ada")
    jobs = [await world.make_job(ada, size_px=512) for _ in range(3)]
    second = jobs[1]
    for command, option in (
        ("queue-admin remove", "picture"),
        ("cancel", "job"),
        ("show", "picture"),
    ):
        who = admin if command.startswith("queue") else ada
        for typed in (str(second.id), f" #{second.id}"):
            offered = await world.discord.autocomplete(who, command, option, typed)
            assert offered[0]["value"] == second.id
        by_size = await world.discord.autocomplete(who, command, option, "512 px")
        assert {choice["value"] for choice in by_size} == {job.id for job in jobs}
        elsewhere = await world.discord.autocomplete(who, command, option, "51")
        assert (elsewhere[0]["name"], elsewhere[0]["value"]) == ("#51", 51)
        too_large = await world.discord.autocomplete(who, command, option, "9" * 17)
        assert not too_large


async def test_long_job_choice_keeps_the_whole_member_name(world: World) -> None:
    """The isolation mark after a right-to-left name must not be cut off."""
    grace = world.user("grace")
    grace.name = "\u05d0" * 32
    job = await world.make_job(grace, variants=4, vary="seed", quality="standard")
    style = "An exceedingly long name of a style of forty"[:40]
    named = job.inputs.styles[0].model_copy(update={"name": style})
    job = replace(job, inputs=job.inputs.model_copy(update={"styles": (named, named)}))
    (choice,) = job_choices(texts_for("de"), [job], "", with_user=True)
    assert len(choice.name) <= 100
    assert choice.name.endswith(f"… · {isolated(grace.name)}")


def test_mean_waiting_time_is_stated_in_minutes() -> None:
    day = DayStats(date(2026, 11, 29), 2, 1, 0, waiting_seconds=5400.0, painting_seconds=5.0)
    text = stats_words(texts_for("de"), Stats((day,), 1), 14)
    assert "Wartezeit im Mittel: 90 min" in text
    assert "Malzeit im Mittel: 2,5 s" in text


async def test_server_without_pictures_has_empty_stats(world: World) -> None:
    message = await world.slash(world.user("admin"), "stats", {"days": 1})
    assert "0 pictures painted" in message.text
    assert "The last day" in message.text


def test_stats_of_one_day_use_the_singular() -> None:
    headlines = {
        language: stats_words(texts_for(language), Stats((), 0), 1).splitlines()[0]
        for language in ("en", "de", "fr", "es")
    }
    assert headlines == {
        "en": "## The last day",
        "de": "## Der letzte Tag",
        "fr": "## Le dernier jour",
        "es": "## El último día",
    }
