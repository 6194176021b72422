"""Autocompletes that Discord delivers twice, or does not wait for."""

import logging
from typing import Any

import pytest

from jobs.outcomes import QueueUnavailableError
from tests.kit.world import World

CALLBACK = "/interactions/*/callback"


async def test_autocomplete_that_is_delivered_twice_is_answered_once(world: World) -> None:
    world.discord.duplicate_next_dispatch()
    assert await world.discord.autocomplete(world.user(), "paint", "preset", "star")
    await world.stop_bot()
    assert sum(line.title.endswith("/callback") for line in world.discord.traffic) == 1


@pytest.mark.parametrize(
    ("fault", "level"),
    [
        ({"status": 404, "code": 10062}, "INFO"),
        ({"drop": True}, "WARNING"),
        ({"status": 429, "retry_after": 0.2, "with_via": False}, "WARNING"),
    ],
    ids=["the member typed on", "connection breaks", "rate limit of a proxy"],
)
async def test_unanswered_autocomplete_is_logged_as_one_line(
    world: World, fault: dict[str, Any], level: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.discord.faults.add("POST", CALLBACK, **fault)
    await world.discord.type_into(world.user(), "paint", "preset", "100%", wait=False)
    line = await logged(world, caplog)
    assert (line.levelname, line.exc_info) == (level, None)
    assert "paint" in line.getMessage()


@pytest.mark.parametrize("error", [QueueUnavailableError("100% away"), KeyError("a bug")])
async def test_only_a_bug_in_an_autocomplete_is_logged_with_its_traceback(
    world: World,
    error: Exception,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(world.queue.positions, "unfinished_of", fail)
    await world.discord.type_into(world.user(), "cancel", "job", "", wait=False)
    line = await logged(world, caplog)
    assert (line.exc_info is None) is isinstance(error, QueueUnavailableError)


async def logged(world: World, caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """Wait for the line about the autocomplete."""

    def found() -> list[logging.LogRecord]:
        return [line for line in caplog.records if line.name == "discord.app_commands.tree"]

    await world.eventually(found)
    (line,) = found()
    return line
