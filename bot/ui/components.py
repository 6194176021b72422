"""What messages are made of: cards of texts, pictures and rows; buttons and menus.

Buttons and menus go on working after any restart: all that they need is in their id.
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

CUSTOM_ID_LIMIT = 100
LABEL_LIMIT = 80
ALT_TEXT_LIMIT = 256  # characters that an item of a gallery takes
USER = r"(?P<user>\d{1,20})"
NOT_YOURS = _("These buttons belong to somebody else; please use the command yourself.")


class Card(ui.LayoutView):
    """A message of components, and the files that they refer to; tells what goes wrong in it."""

    files: tuple[discord.File, ...] = ()

    async def on_error(
        self,
        interaction: discord.Interaction[Any],
        error: Exception,
        item: ui.Item[Any],  # noqa: ARG002 - the signature is discord.py's
        /,
    ) -> None:
        """Tell the user."""
        await report(interaction, error)


def card(
    *parts: "str | ui.Item[Any] | None",
    color: int | None = None,
    files: Iterable[discord.File | None] = (),
) -> Card:
    """A card of texts and components, and files; those that are None are left out."""
    container: ui.Container[Any] = ui.Container(accent_color=color)
    for part in parts:
        if part is not None:
            container.add_item(ui.TextDisplay(part) if isinstance(part, str) else part)
    layout = Card(timeout=None)  # with one, discord.py forgets the dynamic items of all messages
    layout.add_item(container)
    layout.files = tuple(file for file in files if file is not None)
    return layout


def row_of(*items: ui.Item[Any]) -> "ui.ActionRow[Any]":
    """Buttons side by side, or a menu."""
    row: ui.ActionRow[Any] = ui.ActionRow()
    for item in items:
        row.add_item(item)
    return row


def rows_of(items: "Sequence[ui.Item[Any]]", in_a_row: int = 5) -> list["ui.ActionRow[Any]"]:
    """Buttons in as many rows as they need."""
    return [row_of(*items[at : at + in_a_row]) for at in range(0, len(items), in_a_row)]


def gallery_of(
    pictures: Iterable[tuple[discord.File | str | None, str, bool]],
) -> "ui.MediaGallery[Any] | None":
    """Pictures with descriptions and whether they are hidden; those that are None are left out."""
    items = [
        discord.MediaGalleryItem(media, description=shorten(words, ALT_TEXT_LIMIT), spoiler=spoiler)
        for media, words, spoiler in pictures
        if media is not None
    ]
    return ui.MediaGallery(*items) if items else None


async def show(interaction: Interaction, page: Card) -> None:
    """Put a page into the message of an interaction that has been acknowledged."""
    await interaction.edit_original_response(view=page, attachments=list(page.files))


async def say(interaction: Interaction, text: str) -> None:
    """Put plain words in the place of the components of an acknowledged interaction."""
    await show(interaction, card(text))


def template(kind: str, *parts: str) -> str:
    """The pattern of the custom_ids of one kind; each part is a pattern with a name."""
    return ":".join(("atelier", kind, *parts))


def custom_id(kind: str, *parts: object) -> str:
    """The custom_id of one item, which the template of its kind takes apart."""
    return ":".join(("atelier", kind, *map(str, parts)))[:CUSTOM_ID_LIMIT]


class PersistentItem(ui.DynamicItem["ui.Item[Any]"], template=template("none")):
    """A button or menu; `persistent` and `own_button` make the kinds of them."""

    kind: ClassVar[str]
    """Stands in the custom_id, so it must never change."""
    act: "ClassVar[Callable[[Interaction, Texts, Any], Awaitable[None]]]"
    label: ClassVar[str] = ""
    """Of all buttons of the kind, marked with `_`; empty: each has its own."""
    looks: ClassVar[dict[str, Any]]
    """Of all buttons of the kind, as `button` takes them."""

    def __init__(self, item: ui.Item[Any]) -> None:
        super().__init__(item)
        match = self.template.fullmatch(self.custom_id)
        self.parts: dict[str, Any] = match.groupdict() if match else {}
        """What the custom_id says, by the names in the template."""

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], item: ui.Item[Any], _match: re.Match[str], /
    ) -> Self:
        """The item as it is in the message; of a menu, with what was chosen."""
        return cls(item)

    @classmethod
    def button(cls, label: str, *parts: object, **looks: Any) -> Self:
        """A button with the parts of its custom_id; its looks as discord.py takes them."""
        id_, label = custom_id(cls.kind, *parts), shorten(label, LABEL_LIMIT)
        return cls(ui.Button(label=label, custom_id=id_, **{**cls.looks, **looks}))

    @classmethod
    def of(cls, t: Texts, *parts: object) -> Self:
        """A button with the label of its kind; parts that are None are left out."""
        return cls.button(t(cls.label), *(part for part in parts if part is not None))

    @classmethod
    def menu(cls, placeholder: str, options: list[discord.SelectOption], *parts: object) -> Self:
        """A menu with the parts of its custom_id."""
        id_ = custom_id(cls.kind, *parts)
        return cls(ui.Select(placeholder=placeholder, options=options, custom_id=id_))

    @property
    def chosen(self) -> Sequence[str]:
        """What was chosen in a menu."""
        return self.item.values if isinstance(self.item, ui.Select) else ()

    def check_owner(self, interaction: Interaction) -> None:
        """Stop others from pressing.

        Raises:
            UserError: if the one who pressed is not the `user` of the custom_id.
        """
        if interaction.user.id != int(self.parts["user"]):
            raise UserError(NOT_YOURS)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Act, and tell the user what goes wrong, which discord.py would only log."""
        try:
            if await interaction.client.may_serve(interaction):
                await type(self).act(interaction, texts_of(interaction), self)
        except Exception as error:  # noqa: BLE001 - the boundary where errors become sentences
            await report(interaction, error)


Act = Callable[[Interaction, Texts, PersistentItem], Awaitable[None]]
"""What a kind of items does; nothing is acknowledged yet."""
Press = Callable[[Interaction, Texts, int], Awaitable[None]]
"""What a kind of own buttons does, given the id of what it acts on, or 0."""


def persistent(
    kind: str, *parts: str, label: str = "", **looks: Any
) -> Callable[[Act], type[PersistentItem]]:
    """Make a kind of buttons or menus of what they do; each part of the custom_id is a pattern."""

    def made(act: Act) -> type[PersistentItem]:
        class Kind(PersistentItem, template=template(kind, *parts)):
            """What was asked for."""

        Kind.__name__ = act.__name__
        Kind.kind, Kind.act, Kind.label, Kind.looks = kind, act, label, looks
        return Kind

    return made


def own_button(kind: str, label: str, **looks: Any) -> Callable[[Press], type[PersistentItem]]:
    """Make a kind of buttons that only one user may press, for what else they name if anything."""

    def made(press: Press) -> type[PersistentItem]:
        @functools.wraps(press)
        async def act(interaction: Interaction, t: Texts, item: PersistentItem) -> None:
            item.check_owner(interaction)
            await press(interaction, t, int(item.parts["about"] or 0))

        about = r"(?::(?P<about>[\w-]{1,60}))?"
        return persistent(kind, USER + about, label=label, **looks)(act)

    return made
