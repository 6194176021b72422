"""An edit with an older state never overwrites the finished picture for good."""

from typing import Any

import pytest

from bot.delivery import tracked_message
from sandbox.model import Interaction, Message
from tests.kit.world import World, has_result

EDITS = "/webhooks/*/messages/*"


class EditRecorder:
    """Records for each edit of a message whether it showed the result."""

    def __init__(self, world: World) -> None:
        self.results: list[bool] = []
        world.discord.world.listeners.append(self.record)

    def record(self, kind: str, payload: dict[str, Any]) -> None:
        message = payload.get("message")
        if kind == "MESSAGE_UPDATE" and isinstance(message, Message):
            self.results.append(has_result(message))


async def slow_edit(world: World, seconds: float) -> tuple[Interaction, EditRecorder]:
    """Finish a picture while an edit with an older state is in flight."""
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    slow = world.discord.faults.add("PATCH", EDITS, delay=seconds)
    painter = await world.start_engine()
    painter.may_finish.clear()
    await world.eventually(lambda: slow.hits)
    recorder = EditRecorder(world)
    painter.may_finish.set()
    return interaction, recorder


async def test_final_state_waits_for_an_edit_in_flight(world: World) -> None:
    interaction, recorder = await slow_edit(world, 4.0)
    await world.wait_finished(interaction)
    assert recorder.results == [False, True]


async def test_stale_edit_arriving_after_the_final_state_is_overwritten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Give up on the edit before it arrives.
    monkeypatch.setattr(tracked_message, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(tracked_message, "SETTLE_SECONDS", (2.0, 3.0, 30.0))
    interaction, recorder = await slow_edit(world, 5.0)
    message = await world.wait_finished(interaction)
    await world.eventually(lambda: recorder.results == [True, False, True])
    assert has_result(message)
    assert "cannot" not in message.text


async def test_final_state_is_rechecked_after_a_lost_edit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracked_message, "SETTLE_SECONDS", (1.0, 1.0, 30.0))
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    lost = world.discord.faults.add("PATCH", EDITS, drop=True)
    painter = await world.start_engine()
    painter.may_finish.clear()
    await world.eventually(lambda: lost.hits)
    painter.may_finish.set()
    await world.wait_finished(interaction)
    await world.eventually(lambda: rechecks(world) >= 2)


async def test_restarted_bot_rechecks_the_final_state(world: World) -> None:
    painter, interaction = await world.paint_halfway()
    await world.stop_bot()
    before = rechecks(world)
    await world.start_bot()
    painter.may_finish.set()
    await world.wait_finished(interaction)
    await world.eventually(lambda: rechecks(world) > before)


async def test_final_state_is_not_rechecked_without_a_lost_edit(world: World) -> None:
    await world.start_engine()
    await world.paint_and_wait()
    await world.wait_delivered()
    assert rechecks(world) == 0


def rechecks(world: World) -> int:
    """How often the message of an interaction was fetched again."""
    return sum(line.title.startswith("GET /webhooks") for line in world.discord.traffic)
