"""An edit with an older state never has the last word in the message of a finished picture."""

from typing import Any

import pytest

from bot.delivery import tracked_message
from sandbox.model import Interaction, Message
from tests.bot.studio import Studio, has_result

EDITS = "/webhooks/*/messages/*"


class Course:
    """What the message of an interaction showed, one state after the other."""

    def __init__(self, studio: Studio) -> None:
        self.results: list[bool] = []
        studio.discord.world.listeners.append(self._hear)

    def _hear(self, kind: str, payload: dict[str, Any]) -> None:
        message = payload.get("message")
        if kind == "MESSAGE_UPDATE" and isinstance(message, Message):
            self.results.append(has_result(message))


async def slow_edit(studio: Studio, seconds: float) -> tuple[Interaction, Course]:
    """A picture that is finished while an edit with an older state is on its way."""
    interaction = await studio.paint()
    await studio.says(interaction, "Place 1")
    slow = studio.discord.faults.add("PATCH", EDITS, delay=seconds)
    painter = await studio.start_painter()
    painter.hold.clear()
    await studio.eventually(lambda: slow.hits)
    course = Course(studio)
    painter.hold.set()
    return interaction, course


async def test_the_end_waits_for_an_edit_that_is_on_its_way(studio: Studio) -> None:
    interaction, course = await slow_edit(studio, 4.0)
    await studio.finished(interaction)
    assert course.results == [False, True]


async def test_an_edit_that_comes_after_the_end_is_overwritten(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracked_message, "ANSWER_SECONDS", 1.0)  # as if it took far longer
    interaction, course = await slow_edit(studio, 5.0)
    message = await studio.finished(interaction)
    await studio.eventually(lambda: course.results == [True, False, True])
    assert has_result(message)
    assert "cannot" not in message.text


async def test_a_finished_picture_is_looked_after_where_an_edit_got_lost(studio: Studio) -> None:
    interaction = await studio.paint()
    await studio.says(interaction, "Place 1")
    lost = studio.discord.faults.add("PATCH", EDITS, drop=True)
    painter = await studio.start_painter()
    painter.hold.clear()
    await studio.eventually(lambda: lost.hits)
    painter.hold.set()
    await studio.finished(interaction)
    await studio.eventually(lambda: looks(studio) >= 2)


async def test_the_next_process_looks_after_the_edits_of_the_last(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    await studio.says(interaction, "Painting")
    await studio.stop_bot()
    before = looks(studio)
    await studio.start_bot()
    painter.hold.set()
    await studio.finished(interaction)
    await studio.eventually(lambda: looks(studio) > before)


async def test_nothing_is_looked_after_where_all_went_well(studio: Studio) -> None:
    await studio.start_painter()
    await studio.painted()

    async def is_delivered() -> bool:
        return (await studio.jobs())[0].delivered_at is not None

    await studio.eventually(is_delivered)
    assert looks(studio) == 0


def looks(studio: Studio) -> int:
    """How often the message of an interaction was read again."""
    return sum(line.title.startswith("GET /webhooks") for line in studio.discord.traffic)
