"""A bot that stops lets commands in progress end, and leaves nobody with “thinking…”."""

import asyncio
from typing import Any

import pytest

from bot.app import running_commands
from tests.bot.commands.picture_buttons.pressing import press
from tests.kit.world import World


async def test_command_in_progress_is_finished_before_the_bot_stops(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = world.bot.encoder.make

    async def make_slowly(*args: Any, **options: Any) -> Any:
        await asyncio.sleep(0.5)
        return await make(*args, **options)

    await world.start_engine()
    message = await world.paint_and_wait()
    monkeypatch.setattr(running_commands, "FINISH_SECONDS", 60.0)
    monkeypatch.setattr(world.bot.encoder, "make", make_slowly)
    comparing = await press(world, message, "Compare")
    await world.stop_bot()
    assert comparing.message is not None
    assert "Before and after" in comparing.message.text


async def test_member_is_told_of_a_command_that_a_stop_cuts_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    await world.start_engine()
    message = await world.paint_and_wait()
    monkeypatch.setattr(world.bot.encoder, "make", hang)
    comparing = await press(world, message, "Compare")
    await world.stop_bot()
    assert comparing.message is not None
    assert "about to restart" in comparing.message.text
