"""Acknowledgements through Discord's bad moments: nobody is left with "thinking…"."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from bot.intake.service import COMMANDS_FOLDER
from bot.monitor.troubles import troubles_of
from bot.wire.faults import ALREADY_ACKNOWLEDGED
from tests.kit.world import World

CALLBACK = "/interactions/*/callback"
LOST = {
    "the connection breaks after it was carried out": {"drop": True, "carried_out": True},
    "a server in between gives up on it": {"status": 502, "carried_out": True},
    "a server in between answers": {"status": 200, "page": True, "carried_out": True},
    "the connection breaks": {"drop": True},
    "it is one too many": {"status": 429, "retry_after": 0.2, "with_via": False},
}


def forgive_second_answers(world: World) -> None:
    """discord.py repeats by itself what was answered 502."""
    violations = world.discord.violations
    assert {violation.rule for violation in violations} <= {"acknowledged-once"}
    violations.clear()


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
async def test_paint_command_survives_a_lost_acknowledgement(
    world: World, fault: dict[str, Any]
) -> None:
    await world.start_engine()
    world.discord.faults.add("POST", CALLBACK, **fault)
    await world.paint_and_wait()
    assert len(await world.jobs()) == 1
    assert len(world.discord.messages()) == 1
    forgive_second_answers(world)


async def test_another_program_using_the_bot_token_is_detected(
    world: World,
) -> None:
    """Such as the bot of an older machine, whose database knows nothing of this one."""
    traffic = world.bot.traffic

    async def asked(**fault: Any) -> bool:
        world.discord.faults.add("POST", CALLBACK, carried_out=True, **fault)
        await world.answer_text(await world.discord.slash(world.user(), "queue"))
        return traffic.is_answered_by_others

    assert [await asked(status=502) for _ in range(3)] == [False] * 3  # it was this one
    answered = {"status": 400, "code": ALREADY_ACKNOWLEDGED}
    assert [await asked(**answered) for _ in range(3)] == [False, False, True]
    health = await world.bot.queue.health.ask(ask_store=False)
    assert "another-bot" in {trouble.name for trouble in troubles_of(health, traffic)}
    forgive_second_answers(world)


@pytest.mark.parametrize("hours", [-3, 3])
async def test_lost_acknowledgement_is_retried_despite_a_wrong_clock(
    world: World, hours: int
) -> None:
    await world.start_engine()
    world.clock_offset_seconds = hours * 3600.0
    world.discord.faults.add("POST", CALLBACK, drop=True)
    await world.paint_and_wait()


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
async def test_answer_only_command_survives_a_lost_acknowledgement(
    world: World, fault: dict[str, Any]
) -> None:
    world.discord.faults.add("POST", CALLBACK, **fault)
    interaction = await world.discord.slash(world.user(), "queue")
    assert await world.answer_text(interaction)
    forgive_second_answers(world)


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
    """The queue is out of order just when a command that failed is to be closed."""
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
    with closing(locked(world)):
        interaction = await world.paint()
        await interaction.wait(lambda i: i.acknowledged)
        (file,) = commands.iterdir()
        assert file.stem == str(interaction.id)
    await world.wait_for_text(interaction, "Place 1")
    await world.eventually(lambda: not list(commands.iterdir()))
    assert len(await world.jobs()) == 1


async def test_command_file_left_by_an_earlier_run_makes_no_second_job(world: World) -> None:
    """As if it had been killed between writing the row and removing the file."""
    commands = world.settings.atelier_data_dir / COMMANDS_FOLDER
    with closing(locked(world)):
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
    with closing(locked(world)):
        interaction = await world.paint()
        assert "try again" in await world.answer_text(interaction)
    await world.wait_no_intakes()
    assert not await world.jobs()


def locked(world: World) -> sqlite3.Connection:
    """Another program that holds the database; closed, it lets go."""
    path = world.settings.atelier_data_dir / "atelier.sqlite3"
    other = sqlite3.connect(path, isolation_level=None, timeout=20)
    other.execute("BEGIN IMMEDIATE")
    return other


@pytest.mark.parametrize(("command", "option"), [("show", "picture"), ("cancel", "job")])
async def test_job_number_is_autocompleted(world: World, command: str, option: str) -> None:
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    (job,) = await world.jobs()
    typed: Any = job.id
    (choice,) = await world.discord.autocomplete(world.user(), command, option, typed)
    assert choice["value"] == job.id
