"""Buttons that belong to one user: what they have in common."""

import re
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.kit import Interaction
from bot.texts import Texts
from bot.ui.paging import check_owner
from bot.ui.persistent import PersistentItem


def template(kind: str) -> str:
    """The pattern of the custom_ids of one kind of buttons."""
    return rf"atelier:{kind}:(?P<user>\d{{1,20}})(?::(?P<about>[\w-]{{1,60}}))?"


class OwnButton(PersistentItem["ui.Button[Any]"], template=template("own")):
    """A button that only one user may press; each kind has a class of its own.

    Attributes:
        about: What it acts on, if the kind leaves that open: an id, a name.
    """

    kind: ClassVar[str] = "own"
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary
    emoji: ClassVar[str | None] = None

    def __init__(self, t: Texts, user_id: int, about: str | int | None = None) -> None:
        custom_id = f"atelier:{self.kind}:{user_id}"
        if about is not None:
            custom_id += f":{about}"
        super().__init__(
            ui.Button(label=self.label(t), style=self.style, emoji=self.emoji, custom_id=custom_id)
        )
        self.user_id = user_id
        self.about = None if about is None else str(about)

    @classmethod
    def unpacked(cls, t: Texts, item: ui.Item[Any], match: re.Match[str]) -> Self:  # noqa: ARG003 - as all
        """The button as it was packed."""
        return cls(t, int(match["user"]), match["about"])

    async def act(self, interaction: Interaction, t: Texts) -> None:
        """Act, if it is the right one who pressed."""
        check_owner(interaction, self.user_id)
        await self.press(interaction, t)

    def label(self, t: Texts) -> str:
        """What stands on the button; to be defined by each kind."""
        raise NotImplementedError

    async def press(self, interaction: Interaction, t: Texts) -> None:
        """What it does; to be defined by each kind. Nothing is acknowledged yet."""
        raise NotImplementedError


def row_of(*buttons: ui.Item[Any]) -> "ui.ActionRow[Any]":
    """Buttons side by side."""
    row: ui.ActionRow[Any] = ui.ActionRow()
    for button in buttons:
        row.add_item(button)
    return row
