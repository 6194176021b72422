"""Buttons and menus that go on working after any restart: all that they need is in their id."""

import re
from typing import Any, Generic, Self, TypeVar

import discord
from discord import ui

from bot.texts import Texts, texts_of
from bot.ui.reporting import reported

ItemT = TypeVar("ItemT", bound="ui.Item[Any]")


class PersistentItem(ui.DynamicItem[ItemT], Generic[ItemT], template=r"atelier:none"):
    """What they have in common; each kind has a class and a template of its own."""

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """The item as it was packed."""
        return cls.unpacked(texts_of(interaction), item, match)

    @classmethod
    def unpacked(cls, t: Texts, item: ui.Item[Any], match: re.Match[str]) -> Self:
        """Make it from the parts of its id; to be defined by each kind.

        Args:
            t: The language of the one who used it.
            item: As it is in the message; of a menu, with what was chosen.
            match: Of the template.
        """
        raise NotImplementedError

    @reported
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Act, and tell the user what goes wrong."""
        await self.act(interaction, texts_of(interaction))

    async def act(self, interaction: discord.Interaction[Any], t: Texts) -> None:
        """What it does; to be defined by each kind. Nothing is acknowledged yet."""
        raise NotImplementedError
