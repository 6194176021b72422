"""Pages that can be turned for as long as the message is there, restarts included."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from discord import ui

from bot.kit import Interaction
from bot.texts import Texts
from bot.ui.buttons import USER, PersistentItem, check_owner, custom_id, template
from bot.ui.container import Page, row_of, show
from bot.wire.acknowledging import acknowledge


@dataclass(frozen=True)
class PagePlace:
    """Which page of what: packed into the custom_id, so that it outlives the process."""

    user_id: int
    """Who may turn the pages."""
    page: int = 0
    """Counted from 0."""
    topic: str = ""
    """What the pages show, if the kind of page leaves that open, such as a search."""

    def turned(self, by: int) -> Self:
        """The place some pages further on."""
        return type(self)(self.user_id, max(0, self.page + by), self.topic)


class PageButton(PersistentItem["ui.Button[Any]"], template=template("page")):
    """Turns to the next or the previous page; each kind of pages has a class of its own.

    The class is given its `kind`, which is part of the custom_id and must never change.
    """

    kind: ClassVar[str]

    def __init_subclass__(cls, *, kind: str) -> None:
        cls.kind = kind
        super().__init_subclass__(
            template=template(kind, r"(?P<by>[-+]1)", USER, r"(?P<page>\d{1,6})", r"(?P<topic>.*)")
        )

    def __init__(self, t: Texts, place: PagePlace, by: int, *, disabled: bool = False) -> None:
        super().__init__(
            ui.Button(
                label=t("Next") if by > 0 else t("Previous"),
                emoji="▶️" if by > 0 else "◀️",
                custom_id=custom_id(self.kind, f"{by:+d}", place.user_id, place.page, place.topic),
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
        return row_of(
            cls(t, place, -1, disabled=place.page == 0), cls(t, place, +1, disabled=not more)
        )
