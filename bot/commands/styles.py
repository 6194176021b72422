"""`/styles`: pages of paintings and saved styles with pictures to choose from."""

from dataclasses import dataclass
from typing import Any

from discord import app_commands, ui

from bot.commands.style_buttons import NO_REQUEST, SIX, STYLES_TRIED, style_button
from bot.commands.thumbnails import thumbnail_of
from bot.intake.requested_styles import PAINTING_UNAVAILABLE
from bot.kit import Bot, Feature, Interaction
from bot.texts import Texts, _, texts_of
from bot.ui.components import Card, card, own_button, row_of, show
from bot.ui.paging import PagePlace, page_button, pages_for, turner
from bot.ui.words import is_local, is_offered, local_first, plain
from bot.wire.acknowledging import acknowledge
from common.catalogue import Painting, load_catalogue
from common.settings import Settings

PAGE_SIZE = STYLES_TRIED
SEARCH_LIMIT = 40  # characters, so that it fits into a custom_id
FOUND_AT_MOST = 60
CATALOGUE, OWN = "c", "o"


@dataclass(frozen=True)
class Topic:
    """What pages of styles show; packed into the custom_ids of their buttons."""

    kind: str
    """`CATALOGUE` or `OWN`."""
    search: str = ""
    """What to search the catalogue for; empty: all of it."""
    request_id: int = NO_REQUEST
    """The interaction ID of the request with the photograph to paint; or `NO_REQUEST`."""

    def __str__(self) -> str:
        request = "" if self.request_id == NO_REQUEST else f".{self.request_id}"
        return f"{self.kind}{request}/{self.search}"

    @classmethod
    def of(cls, packed: str) -> "Topic":
        """Unpack a topic."""
        head, _sep, search = packed.partition("/")
        kind, _dot, request = head.partition(".")
        return cls(kind, search, int(request) if request.isdecimal() else NO_REQUEST)


@dataclass(frozen=True)
class StyleEntry:
    """One style on a page: ID, name, lines of text, and the source of its picture."""

    id: str
    name: str
    words: str
    pictured: Painting | str
    """A painting, or the key of a stored picture."""


def paintings(client: Bot, search: str) -> list[Painting]:
    """The paintings on offer, or those that match a search."""
    if search:
        found = load_catalogue().search(search, limit=FOUND_AT_MOST, sure=True)
        return [each for each in found if is_offered(client, each)]
    return local_first(client)


def _nothing_found(t: Texts, search: str) -> str:
    """Why a search has no results: no painting matches, or it cannot be downloaded."""
    if matching := load_catalogue().search(search, limit=1, sure=True):
        return t(PAINTING_UNAVAILABLE, name=plain(matching[0].title(t.language)))
    return t(
        "No painting matches “{search}”; /styles without `search` shows them all.",
        search=plain(search),
    )


def _of_painting(t: Texts, painting: Painting, settings: Settings) -> StyleEntry:
    title = painting.title(t.language)
    words = f"**{plain(title)}**\n{plain(painting.artist)}, {painting.year} · `{painting.id}`"
    if not is_local(painting, settings):
        words += "\n" + t("-# ⬇ Its scan is downloaded when it is first used.")
    return StyleEntry(painting.id, title, words, painting)


async def _own_entries(interaction: Interaction, t: Texts) -> list[StyleEntry]:
    styles = await interaction.client.queue.styles.visible_to(
        interaction.user.id, interaction.guild_id
    )
    return [
        StyleEntry(
            style.preset,
            style.name,
            f"**{plain(style.name)}**\n"
            + (t("of this server") if style.scope == "guild" else t("your own")),
            style.picture_key,
        )
        for style in styles
    ]


async def styles_page(interaction: Interaction, place: PagePlace) -> Card:
    """One page of styles with their pictures, each with a button to paint in it."""
    t = texts_of(interaction)
    topic = Topic.of(place.topic)
    if topic.kind == OWN:
        entries = await _own_entries(interaction, t)
        title = t("## Styles of your own and of this server")
        nothing = t("There are none yet. Save one with /style save.")
    else:
        client = interaction.client
        found = paintings(client, topic.search)
        entries = [_of_painting(t, each, client.settings) for each in found]
        title = t("## Styles to paint in")
        nothing = _nothing_found(t, topic.search)
    first = place.page * PAGE_SIZE
    shown = entries[first : first + PAGE_SIZE]
    more, pages = len(entries) > first + PAGE_SIZE, pages_for(len(entries), PAGE_SIZE)
    turning = turner(styles_turner, t, place, more=more, pages=pages)
    if not shown:
        return card(title, nothing, *turning)
    files = [
        await thumbnail_of(interaction.client, entry.pictured, f"style{index}")
        for index, entry in enumerate(shown)
    ]
    how = t.plural("{count} in all.", "{count} in all.", count=len(entries))
    parts: list[str | ui.Item[Any]] = []
    ids = place.user_id, topic.request_id
    for entry, file in zip(shown, files, strict=True):
        button = style_button.button(t("Paint with this"), *ids, entry.id, emoji="🖌️")
        words: str | ui.Item[Any] = entry.words
        if file is not None:
            thumbnail: ui.Thumbnail[Any] = ui.Thumbnail(file, description=entry.name[:256])
            words = ui.Section(entry.words, accessory=thumbnail)
        parts += [words, row_of(button)]
    if topic.kind == CATALOGUE and not topic.search and len(shown) > 1:
        trial = t("Try these on my photo")
        style = f"{SIX}:{place.page}"
        parts.append(row_of(style_button.button(trial, *ids, style, emoji="🧪")))
    away = len(load_catalogue()) - len(entries)
    if topic.kind == CATALOGUE and not topic.search and away:
        how += " " + t.plural(
            "{count} more cannot be downloaded at the moment.",
            "{count} more cannot be downloaded at the moment.",
            count=away,
        )
    return card(title, *parts, f"-# {how}", *turning, files=files)


styles_turner = page_button("styles", styles_page)


@own_button("all-styles", _("All styles"), emoji="🖼️")
async def all_styles_button(interaction: Interaction, _t: Texts, request_id: int) -> None:
    """Opens the pages of all styles, for a photograph that is stored."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    place = PagePlace(interaction.user.id, topic=str(Topic(CATALOGUE, request_id=request_id)))
    await show(interaction, await styles_page(interaction, place))


@app_commands.command(name="styles")
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
    """Browse the styles that you can paint in."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    words = " ".join((search or "").split())
    place = PagePlace(interaction.user.id, topic=str(Topic(whose, words)))
    await show(interaction, await styles_page(interaction, place))


FEATURE = Feature(commands=(styles,), buttons=(styles_turner, all_styles_button))
