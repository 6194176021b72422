"""What a message of components is put together from: cards of texts, pictures and rows."""

from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.kit import Interaction
from bot.ui.reporting import ReportingLayout


@dataclass(frozen=True)
class Page:
    """What a message shows: its components, and the files that they refer to."""

    layout: ui.LayoutView
    files: tuple[discord.File, ...] = ()


def card(*parts: "str | ui.Item[Any] | None", color: int | None = None) -> ui.LayoutView:
    """A card of texts and components, those that are None left out."""
    container: ui.Container[Any] = ui.Container(accent_color=color)
    for part in parts:
        if part is not None:
            container.add_item(ui.TextDisplay(part) if isinstance(part, str) else part)
    layout = ReportingLayout(timeout=None)  # a timeout would forget the dynamic items
    layout.add_item(container)
    return layout


def row_of(*items: ui.Item[Any]) -> "ui.ActionRow[Any]":
    """Buttons side by side, or a menu."""
    row: ui.ActionRow[Any] = ui.ActionRow()
    for item in items:
        row.add_item(item)
    return row


def text_page(text: str, *rows: "ui.ActionRow[Any] | None") -> Page:
    """A page of words, with rows of buttons below."""
    return Page(card(text, *rows))


async def show(interaction: Interaction, page: Page) -> None:
    """Put a page into the message of an interaction that has been acknowledged."""
    await interaction.edit_original_response(view=page.layout, attachments=list(page.files))


async def say(interaction: Interaction, text: str) -> None:
    """Put plain words in the place of the components of an acknowledged interaction."""
    await show(interaction, text_page(text))
