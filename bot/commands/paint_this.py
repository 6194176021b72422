"""Context menus: “Paint this” and “Use as style” on messages, “Paint the avatar” on members."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import discord
from discord import app_commands, ui

from bot.commands.style_form import PhotoForm, StyleChoice, ask_style, begin_with
from bot.intake.request import RequestedStyle, Source
from bot.kit import Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.components import (
    USER,
    Card,
    PersistentItem,
    card,
    gallery_of,
    persistent,
    row_of,
    rows_of,
    show,
)
from bot.ui.reporting import open_modal
from bot.wire.acknowledging import acknowledge
from common.options import MAX_VARIANTS

NO_PICTURE = _("That message has no picture or video; please choose one that does, or use /paint.")
STICKER_IS_NO_PICTURE = _(
    "That sticker is stored as drawing instructions (Lottie) and not as a picture, so I cannot "
    "paint it; please attach a screenshot of it to /paint."
)
VIDEO_SUFFIXES = (".mp4", ".mov", ".webm", ".mkv")
PICTURE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic",
    ".heif", *VIDEO_SUFFIXES,
)  # fmt: skip


PAINT_THIS, USE_AS_STYLE = _("Paint this"), _("Use as style")
PAINT_AVATAR = _("Paint the avatar")
AVATAR_PX = 1024


ALL = "all"


@app_commands.context_menu(name=PAINT_THIS)
async def paint_this(interaction: Interaction, message: discord.Message) -> None:
    """Ask for a style for a picture of a message."""
    await _with_one(interaction, "paint", message)


@app_commands.context_menu(name=USE_AS_STYLE)
async def use_as_style(interaction: Interaction, message: discord.Message) -> None:
    """Ask for photographs to paint in the style of a message's picture."""
    await _with_one(interaction, "style", message)


async def _with_one(interaction: Interaction, purpose: str, message: discord.Message) -> None:
    """Continue with a message's only picture, or ask which one is meant."""
    sources = _without_numbers(list(islice(pictures_of(message), MAX_VARIANTS)))
    if not sources:
        drawn = any(_is_drawn(each) for part in _parts_of(message) for each in part.stickers)
        raise UserError(STICKER_IS_NO_PICTURE if drawn else NO_PICTURE)
    if len(sources) == 1:
        await _open(interaction, purpose, sources)
        return
    await acknowledge(interaction, ephemeral=True, thinking=True)
    await show(interaction, _which(interaction, purpose, sources))


def _without_numbers(sources: list[Source]) -> list[Source]:
    """The pictures of a message, without the numbers that the bot gives to several of its own."""
    parts = [source.alt_text.partition(": ") for source in sources]
    if len(sources) == 1 or not all(number.isdecimal() for number, _colon, _said in parts):
        return sources
    return [
        source.model_copy(update={"alt_text": said})
        for source, (_number, _colon, said) in zip(sources, parts, strict=True)
    ]


def _which(interaction: Interaction, purpose: str, sources: Sequence[Source]) -> Card:
    """A card of a message's pictures, with a button for each; the card has all that they need."""
    t, user_id = texts_of(interaction), interaction.user.id
    labels: list[str] = []
    buttons: list[ui.Item[Any]] = []
    for number, source in enumerate(sources, start=1):
        path = urlsplit(source.url or "").path
        # External URLs have no meaningful file name.
        name = unquote(PurePosixPath(path).name) if "attachments/" in path else ""
        label = f"{number} · {name}" if name else f"{number}"
        labels.append(f"{number}: {source.alt_text}" if source.alt_text else label)
        buttons.append(picture_button.button(label, user_id, purpose, number))
    gallery = gallery_of(
        (source.url, label, False) for source, label in zip(sources, labels, strict=True)
    )
    rows = rows_of(buttons)
    if purpose == "paint":
        label = t("All {count} in one message", count=len(sources))
        rows.append(row_of(picture_button.button(label, user_id, purpose, ALL, emoji="🖼️")))
        words = t("Which of these pictures should I paint?")
    else:
        words = t("Which of these pictures is the style?")
    return card(f"### 🎨 {words}", gallery, *rows)


@persistent("pick", USER, r"(?P<purpose>paint|style)", r"(?P<which>\d{1,2}|all)")
async def picture_button(interaction: Interaction, _t: Texts, item: PersistentItem) -> None:
    """Open the form for one of the pictures above the button, or for all."""
    item.check_owner(interaction)
    message = interaction.message
    sources = [] if message is None else [_unnumbered(each) for each in pictures_of(message)]
    if (which := item.parts["which"]) != ALL:
        sources = sources[int(which) - 1 :][:1]
    if not sources:
        raise UserError(NO_PICTURE)
    await _open(interaction, item.parts["purpose"], sources)


def _unnumbered(source: Source) -> Source:
    """A picture on the card of `_which`, with the alt text that it had in its own message."""
    number, found, said = source.alt_text.partition(": ")
    is_its_own = bool(found) and number.isdecimal()  # else it is a number and a file name
    return source.model_copy(update={"alt_text": said if is_its_own else ""})


async def _open(interaction: Interaction, purpose: str, sources: Sequence[Source]) -> None:
    """Open the form that asks for what is missing: a style, or photographs."""
    if purpose == "paint":
        await _ask_style(interaction, PAINT_THIS, *sources)
        return
    t, styles = texts_of(interaction), (RequestedStyle(picture=sources[0]),)
    await open_modal(interaction, PhotoForm(t, t(USE_AS_STYLE), styles, {}))


@app_commands.context_menu(name=PAINT_AVATAR)
async def paint_avatar(interaction: Interaction, user: discord.User) -> None:
    """Ask for a style for the picture of a member."""
    # The avatar in this server, if they have one.
    avatar = user.display_avatar.replace(size=AVATAR_PX, format="png")
    await _ask_style(interaction, PAINT_AVATAR, Source(url=avatar.url))


async def _ask_style(interaction: Interaction, title: str, first: Source, *more: Source) -> None:
    """Open the form that asks for the style of one or several pictures."""

    async def begin(submitted: Interaction, chosen: StyleChoice) -> None:
        await begin_with(submitted, (first, *more), chosen.styles, chosen.strength, {})

    await ask_style(interaction, texts_of(interaction)(title), begin, asks_strength=True)


def pictures_of(message: discord.Message) -> Iterator[Source]:
    """A message's pictures: attached, stickers, in components, embedded, or forwarded.

    External pictures are only taken from Discord's proxy, never from a URL that a stranger chose.
    """
    found: list[Source] = []
    for part in _parts_of(message):
        found += _attached(part.attachments)
        found += [Source(url=each.url) for each in part.stickers if not _is_drawn(each)]
        for component in part.components:
            found += _in_components(component)
        found += embedded(part.embeds)
    by_path: dict[str, Source] = {}
    for source in found:  # an attachment can also be in a gallery, under another host
        path = urlsplit(source.url or "").path
        known = by_path.setdefault(path, source)
        if not known.alt_text:  # only the gallery has it
            by_path[path] = known.model_copy(update={"alt_text": source.alt_text})
    yield from by_path.values()


def _parts_of(
    message: discord.Message,
) -> tuple[discord.Message | discord.MessageSnapshot, ...]:
    """A message, and what was forwarded in it."""
    return (message, *message.message_snapshots)


def _is_drawn(sticker: discord.StickerItem) -> bool:
    """Whether a sticker is Lottie, that is JSON, and not a picture."""
    return sticker.format is discord.StickerFormatType.lottie


def _attached(attachments: Iterable[discord.Attachment]) -> Iterator[Source]:
    for attachment in attachments:
        kind = attachment.content_type or ""
        is_shown = kind.startswith(("image/", "video/"))
        if is_shown or attachment.filename.lower().endswith(PICTURE_SUFFIXES):
            yield Source.attachment(attachment)


def embedded(embeds: Iterable[discord.Embed]) -> Iterator[Source]:
    """The pictures of embeds; for a link to an animation (Tenor, Giphy) its video."""
    for embed in embeds:
        video = embed.video.proxy_url
        if video and urlsplit(video).path.lower().endswith(VIDEO_SUFFIXES):
            yield Source(url=video)
            continue  # the thumbnail is a still of it
        for picture in (embed.image, embed.thumbnail):
            if picture.proxy_url:
                yield Source(url=picture.proxy_url)


def _in_components(component: object) -> Iterator[Source]:
    match component:
        case discord.Container(children=children):
            for child in children:
                yield from _in_components(child)
        case discord.SectionComponent(accessory=accessory):
            yield from _in_components(accessory)
        case discord.ThumbnailComponent(media=media, description=said) if media.proxy_url:
            yield Source(url=media.proxy_url, alt_text=said or "")
        case discord.MediaGalleryComponent(items=items):
            for item in items:
                if item.media.proxy_url:
                    yield Source(url=item.media.proxy_url, alt_text=item.description or "")


FEATURE = Feature(commands=(paint_this, use_as_style, paint_avatar), buttons=(picture_button,))
