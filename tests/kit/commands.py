"""A cache of the commands' translated payloads, which are slow to make and always the same."""

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
    cache: dict[object, list[Any]] = {}
    original = sync._payload

    async def cached_payload(tree: Tree) -> list[Any]:
        commands = [
            each for kind in discord.AppCommandType for each in tree.get_commands(type=kind)
        ]
        if (key := tuple(commands)) not in cache:
            cache[key] = await original(tree)
        return cache[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync, "_payload", cached_payload)
        yield
