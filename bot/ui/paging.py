"""Pages that can be turned for as long as the message is there, restarts included."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.kit import Interaction
from bot.texts import Texts, _
from bot.ui.persistent import PersistentItem
from bot.ui.reporting import ReportingLayout
from bot.wire.acknowledging import acknowledge
from bot.wire.errors import UserProblem

CUSTOM_ID_LIMIT = 100
NOT_YOURS = _("These buttons belong to somebody else; please use the command yourself.")


@dataclass(frozen=True)
class Page:
    """What a message shows: its components, and the files that they refer to."""

    layout: ui.LayoutView
    files: tuple[discord.File, ...] = ()


@dataclass(frozen=True)
class PagePlace:
    """Which page of what: packed into the custom_id, so that it outlives the process.

    Attributes:
        user_id: Who may turn the pages.
        page: Counted from 0.
        topic: What the pages show, if the kind of page leaves that open, such as a search.
    """

    user_id: int
    page: int = 0
    topic: str = ""

    def turned(self, by: int) -> Self:
        """The place some pages further on."""
        return type(self)(self.user_id, max(0, self.page + by), self.topic)


def template(kind: str) -> str:
    """The pattern of the custom_ids of one kind of pages."""
    return rf"atelier:{kind}:(?P<by>[-+]1):(?P<user>\d{{1,20}}):(?P<page>\d{{1,6}}):(?P<topic>.*)"


class PageButton(PersistentItem["ui.Button[Any]"], template=template("page")):
    """Turns to the next or the previous page; each kind of pages has a class of its own."""

    kind: ClassVar[str] = "page"

    def __init__(self, t: Texts, place: PagePlace, by: int, *, disabled: bool = False) -> None:
        custom_id = f"atelier:{self.kind}:{by:+d}:{place.user_id}:{place.page}:{place.topic}"
        super().__init__(
            ui.Button(
                label=t("Next") if by > 0 else t("Previous"),
                emoji="▶️" if by > 0 else "◀️",
                custom_id=custom_id[:CUSTOM_ID_LIMIT],
                disabled=disabled,
            )
        )
        self.place = place
        self.by = by

    @classmethod
    def unpacked(cls, t: Texts, item: ui.Item[Any], match: re.Match[str]) -> Self:  # noqa: ARG003 - as all
        """The button as it was packed."""
        place = PagePlace(int(match["user"]), int(match["page"]), match["topic"])
        return cls(t, place, int(match["by"]))

    async def act(self, interaction: Interaction, t: Texts) -> None:  # noqa: ARG002 - as all
        """Show the page."""
        check_owner(interaction, self.place.user_id)
        await acknowledge(interaction)
        await show(interaction, await self.render(interaction, self.place.turned(self.by)))

    async def render(self, interaction: Interaction, place: PagePlace) -> Page:
        """Make the page; to be defined by each kind."""
        raise NotImplementedError

    @classmethod
    def turner(cls, t: Texts, place: PagePlace, *, more: bool) -> "ui.ActionRow[Any] | None":
        """The two buttons below a page, or none where there is but one page."""
        if not place.page and not more:
            return None
        row: ui.ActionRow[Any] = ui.ActionRow()
        row.add_item(cls(t, place, -1, disabled=place.page == 0))
        row.add_item(cls(t, place, +1, disabled=not more))
        return row


def check_owner(interaction: Interaction, user_id: int) -> None:
    """Stop others from pressing.

    Raises:
        UserProblem: if the one who pressed is not the one whom the message answers.
    """
    if interaction.user.id != user_id:
        raise UserProblem(NOT_YOURS)


async def show(interaction: Interaction, page: Page) -> None:
    """Put a page into the message of an interaction that has been acknowledged."""
    await interaction.edit_original_response(view=page.layout, attachments=list(page.files))


async def say(interaction: Interaction, text: str) -> None:
    """Put plain words in the place of the components of an acknowledged interaction."""
    await show(interaction, text_page(text))


def text_page(text: str, *rows: "ui.ActionRow[Any] | None") -> Page:
    """A page of words, with rows of buttons below."""
    return Page(card(text, *rows))


def card(*parts: "str | ui.Item[Any] | None", colour: int | None = None) -> ui.LayoutView:
    """A card of texts and components, those that are None left out."""
    container: ui.Container[Any] = ui.Container(accent_colour=colour)
    for part in parts:
        if part is not None:
            container.add_item(ui.TextDisplay(part) if isinstance(part, str) else part)
    layout = ReportingLayout(timeout=None)
    layout.add_item(container)
    return layout
