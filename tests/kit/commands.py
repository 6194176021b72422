"""Caches the commands' translated payloads, which are equal at each start and slow to make."""

import contextlib
from collections.abc import Iterator
from typing import Any

import discord
import pytest

from bot.app import sync
from bot.kit import Tree


@contextlib.contextmanager
def cached_command_payloads() -> Iterator[None]:
    """Translate each set of commands once per process."""
    made: dict[object, list[Any]] = {}
    translated = sync._payload

    async def payload(tree: Tree) -> list[Any]:
        commands = [
            each for kind in discord.AppCommandType for each in tree.get_commands(type=kind)
        ]
        if (key := tuple(commands)) not in made:
            made[key] = await translated(tree)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync, "_payload", payload)
        yield
