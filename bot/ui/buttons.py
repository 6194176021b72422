"""Buttons and menus that go on working after any restart: all that they need is in their id."""

import re
from typing import Any, ClassVar, Generic, Self, TypeVar

import discord
from discord import ui

from bot.kit import Interaction
from bot.texts import Texts, _, texts_of
from bot.ui.reporting import reported
from bot.wire.errors import UserError

ItemT = TypeVar("ItemT", bound="ui.Item[Any]")

CUSTOM_ID_LIMIT = 100
USER = r"(?P<user>\d{1,20})"
NOT_YOURS = _("These buttons belong to somebody else; please use the command yourself.")


def template(kind: str, *parts: str) -> str:
    """The pattern of the custom_ids of one kind; each part is a pattern with a name."""
    return ":".join(("atelier", kind, *parts))


def custom_id(kind: str, *parts: object) -> str:
    """The custom_id of one item, which the template of its kind takes apart."""
    return ":".join(("atelier", kind, *map(str, parts)))[:CUSTOM_ID_LIMIT]


def check_owner(interaction: Interaction, user_id: int) -> None:
    """Stop others from pressing.

    Raises:
        UserError: if the one who pressed is not the one whom the message answers.
    """
    if interaction.user.id != user_id:
        raise UserError(NOT_YOURS)


class PersistentItem(ui.DynamicItem[ItemT], Generic[ItemT], template=template("none")):
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

    async def act(self, interaction: Interaction, t: Texts) -> None:
        """What it does; to be defined by each kind. Nothing is acknowledged yet."""
        raise NotImplementedError


class OwnButton(PersistentItem["ui.Button[Any]"], template=template("own")):
    """A button that only one user may press; each kind has a class of its own.

    The class is given its `kind`, which is part of the custom_id and must never change, and the
    looks of the button: `label` (marked with `_`), `emoji`, `style`.
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    emoji: ClassVar[str | None]
    style: ClassVar[discord.ButtonStyle]

    def __init_subclass__(
        cls,
        *,
        kind: str,
        label: str,
        emoji: str | None = None,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    ) -> None:
        cls.kind, cls.label, cls.emoji, cls.style = kind, label, emoji, style
        pattern = template(kind, USER) + r"(?::(?P<about>[\w-]{1,60}))?"
        super().__init_subclass__(template=pattern)

    def __init__(self, t: Texts, user_id: int, about: str | int | None = None) -> None:
        about = None if about is None else str(about)
        parts = (user_id,) if about is None else (user_id, about)
        super().__init__(
            ui.Button(
                label=t(self.label),
                style=self.style,
                emoji=self.emoji,
                custom_id=custom_id(self.kind, *parts),
            )
        )
        self.user_id = user_id
        self.about = about
        """What it acts on, if the kind leaves that open: an id, a name."""

    @classmethod
    def unpacked(cls, t: Texts, item: ui.Item[Any], match: re.Match[str]) -> Self:  # noqa: ARG003 - as all
        """The button as it was packed."""
        return cls(t, int(match["user"]), match["about"])

    async def act(self, interaction: Interaction, t: Texts) -> None:
        """Act, if it is the right one who pressed."""
        check_owner(interaction, self.user_id)
        await self.press(interaction, t)

    async def press(self, interaction: Interaction, t: Texts) -> None:
        """What it does; to be defined by each kind. Nothing is acknowledged yet."""
        raise NotImplementedError
