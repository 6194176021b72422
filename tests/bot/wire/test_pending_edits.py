"""Buttons that are pressed before Discord has confirmed the edit that shows them."""

import pytest

from bot.app import running_commands
from tests.kit.clips import answer_question, request_clip
from tests.kit.world import World, button_labels

ORIGINAL = "/webhooks/*/messages/@original"


@pytest.fixture(autouse=True)
def time_to_repeat(
    world: World,
    immediate_retries: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Let an edit be repeated before the bot has stopped."""
    monkeypatch.setattr(running_commands, "FINISH_SECONDS", 5.0)


async def test_picture_is_not_overwritten_by_the_question_that_led_to_it(world: World) -> None:
    await world.start_engine()
    world.discord.faults.add("PATCH", ORIGINAL, carried_out=True, delay=2.0, drop=True)
    question = await request_clip(world)
    done = await world.wait_finished(await answer_question(world, question, "First frame"))
    await world.stop_bot()
    assert "Again" in button_labels(done)


async def test_undone_change_is_not_overwritten_by_the_change(world: World) -> None:
    admin = world.user("admin")
    world.discord.faults.add("PATCH", ORIGINAL, carried_out=True, delay=1.5, drop=True)
    changing = await world.discord.slash(admin, "limits set", {"waiting_member": 3})
    changed = await world.wait_for_text(changing, "Limits changed")
    await world.discord.press(admin, changed, label="Undo")
    await world.wait_for_text(changing, "undone")
    await world.stop_bot()
    assert "undone" in changed.text
