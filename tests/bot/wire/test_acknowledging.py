"""Acknowledgements despite faults of Discord: no command stays at “thinking…”."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from bot.intake.service import COMMANDS_FOLDER
from bot.monitor.troubles import troubles_of
from bot.wire.faults import ALREADY_ACKNOWLEDGED, UNKNOWN_MESSAGE
from tests.kit.world import PHOTO, World

CALLBACK = "/interactions/*/callback"
ACKNOWLEDGEMENT_FAULTS = {
    "connection breaks after success": {"drop": True, "carried_out": True},
    "502 of a proxy after success": {"status": 502, "carried_out": True},
    "page of a proxy after success": {"status": 200, "page": True, "carried_out": True},
    "connection breaks": {"drop": True},
    "rate limit of a proxy": {"status": 429, "retry_after": 0.2, "with_via": False},
}


def allow_second_acknowledgement(world: World) -> None:
    """Accept a repeated acknowledgement: discord.py retries after a 502 itself."""
    violations = world.discord.violations
    assert {violation.rule for violation in violations} <= {"acknowledged-once"}
    violations.clear()


@pytest.mark.parametrize("fault", ACKNOWLEDGEMENT_FAULTS.values(), ids=ACKNOWLEDGEMENT_FAULTS)
async def test_paint_command_survives_a_lost_acknowledgement(
    world: World, fault: dict[str, Any]
) -> None:
    await world.start_engine()
    world.discord.faults.add("POST", CALLBACK, **fault)
    await world.paint_and_wait()
    assert len(await world.jobs()) == 1
    assert len(world.discord.messages()) == 1
    allow_second_acknowledgement(world)


async def test_another_program_using_the_bot_token_is_detected(
    world: World,
) -> None:
    """Such as a bot still running on an old machine, with a database of its own."""
    traffic = world.bot.traffic

    async def detects_other_bot(**fault: Any) -> bool:
        world.discord.faults.add("POST", CALLBACK, carried_out=True, **fault)
        await world.answer_text(await world.discord.slash(world.user(), "queue"))
        return traffic.is_answered_by_others

    # After a 502, the acknowledgement was this bot's own.
    assert [await detects_other_bot(status=502) for _ in range(3)] == [False] * 3
    other_acknowledged = {"status": 400, "code": ALREADY_ACKNOWLEDGED}
    assert [await detects_other_bot(**other_acknowledged) for _ in range(3)] == [False, False, True]
    health = await world.bot.queue.health.ask(ask_store=False)
    assert "another-bot" in {trouble.name for trouble in troubles_of(health, traffic)}
    allow_second_acknowledgement(world)


@pytest.mark.parametrize("hours", [-3, 3])
async def test_lost_acknowledgement_is_retried_despite_a_wrong_clock(
    world: World, hours: int
) -> None:
    await world.start_engine()
    world.clock_offset_seconds = hours * 3600.0
    world.discord.faults.add("POST", CALLBACK, drop=True)
    await world.paint_and_wait()


@pytest.mark.parametrize("fault", ACKNOWLEDGEMENT_FAULTS.values(), ids=ACKNOWLEDGEMENT_FAULTS)
async def test_answer_only_command_survives_a_lost_acknowledgement(
    world: World, fault: dict[str, Any]
) -> None:
    world.discord.faults.add("POST", CALLBACK, **fault)
    interaction = await world.discord.slash(world.user(), "queue")
    assert await world.answer_text(interaction)
    allow_second_acknowledgement(world)


@pytest.mark.parametrize("fault", ACKNOWLEDGEMENT_FAULTS.values(), ids=ACKNOWLEDGEMENT_FAULTS)
async def test_form_and_question_survive_a_lost_acknowledgement(
    world: World, fault: dict[str, Any]
) -> None:
    form = await world.discord.slash(world.user(), "settings")
    world.discord.faults.add("POST", CALLBACK, **fault)
    submitted = await world.discord.submit_modal(form, {"switches": ["spoiler"]})
    await world.wait_for_text(submitted, "Saved.")
    privacy = await world.discord.slash(world.user(), "privacy")
    message = await world.wait_for_text(privacy, "Your data")
    world.discord.faults.add("POST", CALLBACK, **fault)
    await world.discord.press(world.user(), message, label="Erase my data…")
    await world.eventually(lambda: "Erase everything that I keep" in message.text)
    allow_second_acknowledgement(world)


@pytest.mark.parametrize("fault", ACKNOWLEDGEMENT_FAULTS.values(), ids=ACKNOWLEDGEMENT_FAULTS)
async def test_form_is_opened_and_refusal_is_told_despite_a_lost_response(
    world: World, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    world.discord.faults.add("POST", CALLBACK, **fault)
    form = await world.discord.slash(world.user(), "settings")
    await form.wait(lambda i: i.modal)
    world.discord.faults.add("POST", CALLBACK, **fault)
    refused = await world.paint({"size": 8192})
    assert "8192" in await world.answer_text(refused)
    await world.stop_bot()
    assert not form.followups
    assert not refused.followups
    assert not [line for line in caplog.records if line.name.startswith("bot.wire.errors")]
    allow_second_acknowledgement(world)


@pytest.mark.usefixtures("immediate_retries")
@pytest.mark.parametrize(
    "fault", [{"drop": True}, ACKNOWLEDGEMENT_FAULTS["rate limit of a proxy"]], ids=["drop", "429"]
)
async def test_refusal_after_the_acknowledgement_replaces_thinking_despite_a_lost_request(
    world: World, fault: dict[str, Any]
) -> None:
    world.discord.faults.add("POST", "/webhooks/*", **fault)
    refused = await world.discord.slash(world.user(), "show", {"picture": 4711})
    await world.wait_for_text(refused, "no picture #4711")


@pytest.mark.parametrize("carried_out", [False, True])
async def test_what_a_command_did_is_said_despite_a_lost_connection(
    world: World, *, carried_out: bool
) -> None:
    world.discord.faults.add("PATCH", "/webhooks/*", drop=True, carried_out=carried_out)
    interaction = await world.discord.slash(world.user("admin"), "limits set", {"size": 512})
    await world.eventually(
        lambda: sum(line.title.startswith("PATCH") for line in world.discord.traffic) == 2
    )
    await world.wait_for_text(interaction, "Limits changed")
    assert not interaction.followups


@pytest.mark.usefixtures("immediate_retries")
@pytest.mark.parametrize("carried_out", [False, True])
async def test_picture_is_sent_and_not_called_failed_despite_a_lost_connection(
    world: World, *, carried_out: bool
) -> None:
    job = await world.make_painted_job(world.user())
    await world.wait_delivered(job)
    lost = world.discord.faults.add("PATCH", "/webhooks/*", carried_out=carried_out, drop=True)
    interaction = await world.discord.slash(world.user(), "show", {"picture": job.id})
    await world.eventually(lambda: lost.hits)
    await world.wait_finished(interaction)
    await world.stop_bot()
    assert not interaction.followups
    assert interaction.message is not None
    assert len(interaction.message.attachments) == 1


async def test_dismissed_response_is_no_error(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    world.discord.faults.add("PATCH", "/webhooks/*", status=404, code=UNKNOWN_MESSAGE)
    interaction = await world.discord.slash(world.user("admin"), "limits set", {"size": 512})
    await world.eventually(lambda: f"interaction {interaction.id}" in caplog.text)
    assert "dismissed" in caplog.text
    assert not interaction.followups


@pytest.mark.parametrize(
    "confirmation", [{"delay": 1.0}, {"status": 502}, {"drop": True}], ids=["late", "502", "lost"]
)
async def test_modal_is_submitted_before_its_opening_is_confirmed(
    world: World, confirmation: dict[str, Any]
) -> None:
    await world.start_engine()
    post = world.discord.post(world.user(), "", [PHOTO["content"]])
    world.discord.faults.add("POST", CALLBACK, carried_out=True, **confirmation)
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await world.wait_finished(submitted)
    await world.stop_bot()
    allow_second_acknowledgement(world)


async def test_error_after_a_lost_acknowledgement_is_reported(world: World) -> None:
    world.discord.faults.add("POST", CALLBACK, drop=True, carried_out=True)
    interaction = await world.discord.slash(world.user(), "show", {"picture": 999})
    assert "999" in await world.answer_text(interaction)


async def test_command_not_acknowledged_in_time_is_dropped(world: World) -> None:
    fault = world.discord.faults.add("POST", CALLBACK, drop=True, times=1000)
    asking = asyncio.create_task(world.paint())
    await world.eventually(lambda: len(fault.hits) > 2)
    await world.wait_no_intakes()
    assert not await world.jobs()
    asking.cancel()


async def test_undeliverable_answer_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    fault = world.discord.faults.add("POST", "/webhooks/*", drop=True, times=100)
    asking = asyncio.create_task(world.discord.slash(world.user(), "show", {"picture": 999}))
    await world.eventually(lambda: "could not be told" in caplog.text)
    assert fault.hits
    asking.cancel()


async def test_failed_command_queues_no_job_after_a_queue_outage(world: World) -> None:
    """The table of intakes is missing just when the failed command should be closed."""
    world.discord.faults.add("GET", "*attachments/*", status=404, times=10, delay=0.5)
    interaction = await world.paint()
    path = world.settings.atelier_data_dir / "atelier.sqlite3"
    with closing(sqlite3.connect(path, timeout=20)) as other:
        other.execute("ALTER TABLE intakes RENAME TO elsewhere")
        other.commit()
        assert "attach it again" in await world.answer_text(interaction)
        world.discord.faults.clear()  # so that another try would succeed
        await asyncio.sleep(0.2)
        other.execute("ALTER TABLE elsewhere RENAME TO intakes")
        other.commit()
    await world.wait_no_intakes()
    assert not await world.jobs()


async def test_command_is_saved_to_a_file_while_the_database_is_locked(
    world: World,
) -> None:
    commands = world.settings.atelier_data_dir / COMMANDS_FOLDER
    async with world.locked_database():
        interaction = await world.paint()
        await interaction.wait(lambda i: i.acknowledged)
        (file,) = commands.iterdir()
        assert file.stem == str(interaction.id)
    await world.wait_for_text(interaction, "Place 1")
    await world.eventually(lambda: not list(commands.iterdir()))
    assert len(await world.jobs()) == 1


async def test_command_file_left_by_an_earlier_run_makes_no_second_job(world: World) -> None:
    """As if the bot had been killed between writing the row and removing the file."""
    commands = world.settings.atelier_data_dir / COMMANDS_FOLDER
    async with world.locked_database():
        interaction = await world.paint()
        await interaction.wait(lambda i: i.acknowledged)
        (file,) = commands.iterdir()
        left = file.read_bytes()
    await world.wait_for_text(interaction, "Place 1")
    await world.stop_bot()
    file.write_bytes(left)
    (commands / "1.json").write_text("{}")
    await world.start_bot()
    await world.wait_no_intakes()
    assert len(await world.jobs()) == 1
    assert not file.exists()


async def test_command_that_cannot_be_saved_anywhere_is_refused(
    world: World,
) -> None:
    (world.settings.atelier_data_dir / COMMANDS_FOLDER).write_text("a file in its place")
    async with world.locked_database():
        interaction = await world.paint()
        assert "try again" in await world.answer_text(interaction)
    await world.wait_no_intakes()
    assert not await world.jobs()


@pytest.mark.parametrize(("command", "option"), [("show", "picture"), ("cancel", "job")])
async def test_job_number_is_autocompleted(world: World, command: str, option: str) -> None:
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    (job,) = await world.jobs()
    typed: Any = job.id
    (choice,) = await world.discord.autocomplete(world.user(), command, option, typed)
    assert choice["value"] == job.id
