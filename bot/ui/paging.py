"""Pages that keep turning after a restart."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from discord import ui

from bot.kit import Interaction
from bot.texts import Texts
from bot.ui.components import USER, Card, PersistentItem, persistent, row_of, show
from bot.wire.acknowledging import acknowledge


@dataclass(frozen=True)
class PagePlace:
    """Which page of what; it is packed into the custom_id."""

    user_id: int
    """Who may turn the pages."""
    page: int = 0
    """From 0."""
    topic: str = ""
    """What the pages show, where the kind of page leaves that open, such as a search."""


def page_button(
    kind: str, render: Callable[[Interaction, PagePlace], Awaitable[Card]]
) -> type[PersistentItem]:
    """The kind of buttons that turn pages of one kind; `render` builds the card of a page."""

    async def turn(interaction: Interaction, _t: Texts, item: PersistentItem) -> None:
        item.check_owner(interaction)
        user, by, page = (int(item.parts[name]) for name in ("user", "by", "page"))
        await acknowledge(interaction)
        place = PagePlace(user, max(0, page + by), item.parts["topic"])
        await show(interaction, await render(interaction, place))

    parts = (r"(?P<by>[-+]1)", USER, r"(?P<page>\d{1,6})", r"(?P<topic>.*)")
    return persistent(kind, *parts)(turn)


def turner(
    kind: type[PersistentItem],
    t: Texts,
    place: PagePlace,
    *,
    more: bool,
    pages: int | None = None,
) -> "tuple[str | ui.Item[Any], ...]":
    """What stands below a page: its number, previous and next; nothing if it is the only one.

    Args:
        kind: Of the buttons.
        t: The reader's language.
        place: The page.
        more: Whether another one follows.
        pages: How many there are, where that is known.
    """
    if not place.page and not more:
        return ()
    number, at = place.page + 1, (place.user_id, place.page, place.topic)
    words = t("Page {page}", page=number)
    if pages is not None and number <= pages:  # else it was emptied since its button was shown
        words = t("Page {page} of {pages}", page=number, pages=pages)
    return f"-# {words}", row_of(
        kind.button(t("Previous"), "-1", *at, emoji="◀️", disabled=place.page == 0),
        kind.button(t("Next"), "+1", *at, emoji="▶️", disabled=not more),
    )


def pages_for(entries: int, page_size: int) -> int:
    """How many pages these entries fill."""
    return -(-entries // page_size)
