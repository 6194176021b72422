"""Building blocks of messages: cards of texts, pictures and rows; buttons and menus.

Buttons and menus keep working after any restart: their state is in their custom_id.
"""

import functools
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.kit import Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.words import shorten
from bot.wire.errors import report
from bot.wire.original_response import fill_response
from bot.wire.uploads import ALT_TEXT_LIMIT

CUSTOM_ID_LIMIT = 100
LABEL_LIMIT = 80
USER = r"(?P<user>\d{1,20})"
NOT_YOURS = _("These buttons belong to somebody else; please use the command yourself.")


class Card(ui.LayoutView):
    """A message of components with the files that they refer to; its errors reach the user."""

    files: tuple[discord.File, ...] = ()

    async def on_error(
        self,
        interaction: discord.Interaction[Any],
        error: Exception,
        item: ui.Item[Any],  # noqa: ARG002 - the signature is discord.py's
        /,
    ) -> None:
        """Tell the user what went wrong."""
        await report(interaction, error)


def card(
    *parts: "str | ui.Item[Any] | None",
    color: int | None = None,
    files: Iterable[discord.File | None] = (),
) -> Card:
    """A card of components, texts and files, without those that are None."""
    container: ui.Container[Any] = ui.Container(accent_color=color)
    for part in parts:
        if part is not None:
            container.add_item(ui.TextDisplay(part) if isinstance(part, str) else part)
    layout = Card(timeout=None)  # else discord.py forgets all dynamic items
    layout.add_item(container)
    layout.files = tuple(file for file in files if file is not None)
    return layout


def row_of(*items: ui.Item[Any]) -> "ui.ActionRow[Any]":
    """A row of buttons, or with a menu."""
    row: ui.ActionRow[Any] = ui.ActionRow()
    for item in items:
        row.add_item(item)
    return row


def rows_of(items: "Sequence[ui.Item[Any]]", in_a_row: int = 5) -> list["ui.ActionRow[Any]"]:
    """Rows of buttons, as many as needed."""
    return [row_of(*items[at : at + in_a_row]) for at in range(0, len(items), in_a_row)]


def gallery_of(
    pictures: Iterable[tuple[discord.File | str | None, str, bool]],
) -> "ui.MediaGallery[Any] | None":
    """A gallery of files with their alt texts, and whether they are spoilers; None is skipped."""
    items = [
        discord.MediaGalleryItem(media, description=shorten(words, ALT_TEXT_LIMIT), spoiler=spoiler)
        for media, words, spoiler in pictures
        if media is not None
    ]
    return ui.MediaGallery(*items) if items else None


async def show(interaction: Interaction, page: Card) -> None:
    """Edit the message of an acknowledged interaction to show this card."""
    await fill_response(interaction, page.files, view=page)


async def say(interaction: Interaction, text: str) -> None:
    """Replace the components of an acknowledged interaction's message by plain text."""
    await show(interaction, card(text))


def texts_in(message: discord.Message) -> list[str]:
    """The texts of a message's components, in order."""
    parts = ui.LayoutView.from_message(message, timeout=None).walk_children()
    return [part.content for part in parts if isinstance(part, ui.TextDisplay)]


def template(kind: str, *parts: str) -> str:
    """The custom_id pattern of one kind of item; each part is a named group."""
    return ":".join(("atelier", kind, *parts))


def custom_id(kind: str, *parts: object) -> str:
    """The custom_id of one item, which the kind's `template` matches."""
    return ":".join(("atelier", kind, *map(str, parts)))[:CUSTOM_ID_LIMIT]


class PersistentItem(ui.DynamicItem["ui.Item[Any]"], template=template("none")):
    """A button or menu without state; `persistent` and `own_button` create the kinds."""

    kind: ClassVar[str]
    """The beginning of its custom_ids, so it must never change."""
    act: "ClassVar[Callable[[Interaction, Texts, Any], Awaitable[None]]]"
    label: ClassVar[str] = ""
    """The label of all buttons of this kind, marked with `_`; empty: each has its own."""
    looks: ClassVar[dict[str, Any]]
    """Style and emoji of all buttons of this kind, as `button` takes them."""

    def __init__(self, item: ui.Item[Any]) -> None:
        super().__init__(item)
        match = self.template.fullmatch(self.custom_id)
        self.parts: dict[str, Any] = match.groupdict() if match else {}
        """The named parts of the custom_id."""

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], item: ui.Item[Any], _match: re.Match[str], /
    ) -> Self:
        """The item as it is in the message; a menu with its chosen values."""
        return cls(item)

    @classmethod
    def button(cls, label: str, *parts: object, **looks: Any) -> Self:
        """A button with these custom_id parts; `looks` are discord.py's arguments."""
        id_, label = custom_id(cls.kind, *parts), shorten(label, LABEL_LIMIT)
        return cls(ui.Button(label=label, custom_id=id_, **{**cls.looks, **looks}))

    @classmethod
    def of(cls, t: Texts, *parts: object) -> Self:
        """A button with the label of its kind; parts that are None are left out."""
        return cls.button(t(cls.label), *(part for part in parts if part is not None))

    @classmethod
    def menu(cls, placeholder: str, options: list[discord.SelectOption], *parts: object) -> Self:
        """A menu with these custom_id parts."""
        id_ = custom_id(cls.kind, *parts)
        return cls(ui.Select(placeholder=placeholder, options=options, custom_id=id_))

    @property
    def chosen(self) -> Sequence[str]:
        """The chosen values of a menu."""
        return self.item.values if isinstance(self.item, ui.Select) else ()

    def check_owner(self, interaction: Interaction) -> None:
        """Allow only the user of the custom_id.

        Raises:
            UserError: Somebody else pressed it.
        """
        if interaction.user.id != int(self.parts["user"]):
            raise UserError(NOT_YOURS)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Call the handler; its errors reach the user, where discord.py would only log them."""
        try:
            if await interaction.client.may_serve(interaction):
                await type(self).act(interaction, texts_of(interaction), self)
        except Exception as error:  # noqa: BLE001 - errors become sentences here
            await report(interaction, error)


Act = Callable[[Interaction, Texts, PersistentItem], Awaitable[None]]
"""Handles an item of a kind; the interaction is not acknowledged yet."""
Press = Callable[[Interaction, Texts, int], Awaitable[None]]
"""Handles a button of a kind with one owner; given the ID in its custom_id, or 0."""


def persistent(
    kind: str, *parts: str, label: str = "", **looks: Any
) -> Callable[[Act], type[PersistentItem]]:
    """Create a kind of buttons or menus from its handler; `parts` are named groups."""

    def made(act: Act) -> type[PersistentItem]:
        class Kind(PersistentItem, template=template(kind, *parts)):
            """The kind that was asked for."""

        Kind.__name__ = act.__name__
        Kind.kind, Kind.act, Kind.label, Kind.looks = kind, act, label, looks
        return Kind

    return made


def own_button(kind: str, label: str, **looks: Any) -> Callable[[Press], type[PersistentItem]]:
    """Create a kind of buttons that only one user may press, with the ID of what they are about."""

    def made(press: Press) -> type[PersistentItem]:
        @functools.wraps(press)
        async def act(interaction: Interaction, t: Texts, item: PersistentItem) -> None:
            item.check_owner(interaction)
            await press(interaction, t, int(item.parts["about"] or 0))

        about = r"(?::(?P<about>[\w-]{1,60}))?"
        return persistent(kind, USER + about, label=label, **looks)(act)

    return made
