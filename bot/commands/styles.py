"""`/styles`: the paintings and the styles of one's own to choose from, with swatches."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
from discord import app_commands, ui

from bot.commands.thumbnails import Thumbnails
from bot.kit import Feature, Interaction
from bot.texts import Texts, texts_of
from bot.ui.container import Page, card, show
from bot.ui.paging import PageButton, PagePlace
from bot.ui.plain import plain
from bot.ui.words import at_hand_first, catalogue, is_at_hand
from bot.wire.acknowledging import acknowledge
from bot.wire.uploads import Upload
from common.catalogue import Painting
from common.catalogue.catalogue import scan_path, swatch_at_hand
from common.settings import Settings

PAGE_SIZE = 6
SEARCH_LIMIT = 40  # characters, so that a search fits into a custom_id
FOUND_AT_MOST = 60
CATALOGUE, OWN = "c", "o"


@dataclass(frozen=True)
class StyleEntry:
    """One style on a page: its name, lines on it, and where its picture is."""

    name: str
    words: str
    swatch: Path | None = None
    """A small picture that is ready to be shown."""
    scan: Path | None = None
    """A large picture, as a file."""
    picture_key: str | None = None
    """Key of a stored picture."""


def paintings(settings: Settings, search: str) -> list[Painting]:
    """The catalogue, or what a search finds in it."""
    if search:
        return list(catalogue().search(search, limit=FOUND_AT_MOST))
    return at_hand_first(settings)


def _of_painting(t: Texts, painting: Painting, settings: Settings) -> StyleEntry:
    words = (
        f"**{plain(painting.name)}**\n{plain(painting.artist)}, {painting.year} · `{painting.id}`"
    )
    if not is_at_hand(painting, settings):
        words += "\n" + t("-# Its scan is fetched when it is first used.")
    return StyleEntry(
        painting.name,
        words,
        swatch=swatch_at_hand(painting, settings.styles_dir),
        scan=scan_path(painting, settings.styles_dir),
    )


async def _own_entries(interaction: Interaction, t: Texts) -> list[StyleEntry]:
    styles = await interaction.client.queue.styles.visible_to(
        interaction.user.id, interaction.guild_id
    )
    return [
        StyleEntry(
            style.name,
            f"**{plain(style.name)}**\n"
            + (t("of this server") if style.scope == "guild" else t("your own")),
            picture_key=style.picture_key,
        )
        for style in styles
    ]


async def styles_page(interaction: Interaction, place: PagePlace) -> Page:
    """One page of swatches with their names."""
    t = texts_of(interaction)
    kind, _sep, search = place.topic.partition("/")
    if kind == OWN:
        entries = await _own_entries(interaction, t)
        title = t("## Styles of your own and of this server")
        nothing = t("There are none yet. Save one with /style save.")
    else:
        settings = interaction.client.settings
        entries = [_of_painting(t, each, settings) for each in paintings(settings, search)]
        title = t("## Styles to paint in")
        nothing = t("No painting matches “{search}”.", search=plain(search))
    first = place.page * PAGE_SIZE
    shown = entries[first : first + PAGE_SIZE]
    turner = StylesPage.turner(t, place, more=len(entries) > first + PAGE_SIZE)
    if not shown:
        return Page(card(title, nothing, turner))
    files = [await _picture(interaction, entry, index) for index, entry in enumerate(shown)]
    how = t.plural(
        "Choose it as the preset of /paint.",
        "Choose one as the preset of /paint. There are {count} here.",
        count=len(entries),
    )
    parts = [_part(entry, file) for entry, file in zip(shown, files, strict=True)]
    attached = tuple(file for file in files if file is not None)
    return Page(card(title, *parts, how, turner), attached)


def _part(entry: StyleEntry, file: discord.File | None) -> "str | ui.Section[Any]":
    """A style with its picture beside it."""
    if file is None:
        return entry.words
    thumbnail: ui.Thumbnail[Any] = ui.Thumbnail(file, description=entry.name[:256])
    return ui.Section(entry.words, accessory=thumbnail)


async def _picture(interaction: Interaction, entry: StyleEntry, index: int) -> discord.File | None:
    client = interaction.client
    if entry.swatch is not None:
        data, suffix = await asyncio.to_thread(_read, entry.swatch), entry.swatch.suffix
    elif entry.picture_key is not None:
        data, suffix = (
            await client.service(Thumbnails).small(entry.picture_key),
            ".png",
        )
    elif entry.scan is not None and entry.scan.is_file():
        data, suffix = await client.service(Thumbnails).small_file(entry.scan), ".png"
    else:
        return None
    return None if data is None else Upload(data, f"style{index}{suffix}")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


class StylesPage(PageButton, kind="styles"):
    """Turns the pages of `/styles`."""

    async def render(self, interaction: Interaction, place: PagePlace) -> Page:
        """Make the page."""
        return await styles_page(interaction, place)


@app_commands.command(name="styles", description="Browse the styles that you can paint in.")
@app_commands.describe(
    search="A painter, a painting or a movement; leave empty for all.",
    whose="The catalogue of paintings, or the styles that you and this server saved.",
)
@app_commands.choices(
    whose=[
        app_commands.Choice(name="Catalogue", value=CATALOGUE),
        app_commands.Choice(name="Saved here", value=OWN),
    ]
)
async def styles(
    interaction: Interaction,
    search: app_commands.Range[str, 1, SEARCH_LIMIT] | None = None,
    whose: str = CATALOGUE,
) -> None:
    """Show the first page."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    words = " ".join((search or "").split())
    place = PagePlace(interaction.user.id, topic=f"{whose}/{words}")
    await show(interaction, await styles_page(interaction, place))


FEATURE = Feature(commands=(styles,), buttons=(StylesPage,))
