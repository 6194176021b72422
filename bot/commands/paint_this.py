"""The menus on a message with a picture, “Paint this” and “Use as style”, and on a member."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import discord
from discord import app_commands

from bot.commands.style_form import Chosen, PhotoForm, StyleForm
from bot.commands.style_pictures import saved_styles
from bot.intake.own_defaults import OwnDefaults, options_by, reply_by
from bot.intake.request import PaintRequest, Source, StyleWish, asker_of
from bot.intake.service import IntakeService
from bot.intake.wishes import new_seed, suiting
from bot.kit import Feature, Interaction
from bot.texts import _, texts_of
from bot.wire.errors import UserError
from common.options import PaintOptions

NO_PICTURE = _("That message has no picture; please choose one that has, or use /paint.")
FILM_SUFFIXES = (".mp4", ".mov", ".webm", ".mkv")
PICTURE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic",
    ".heif", *FILM_SUFFIXES,
)  # fmt: skip


PAINT_THIS, USE_AS_STYLE = _("Paint this"), _("Use as style")
PAINT_AVATAR = _("Paint the avatar")
AVATAR_PX = 1024


@app_commands.context_menu(name=PAINT_THIS)
async def paint_this(interaction: Interaction, message: discord.Message) -> None:
    """Ask for a style for the picture of a message."""
    await _ask_style(interaction, PAINT_THIS, _first_picture(message))


@app_commands.context_menu(name=USE_AS_STYLE)
async def use_as_style(interaction: Interaction, message: discord.Message) -> None:
    """Ask for photographs to paint in the style of a message's picture."""
    t, styles = texts_of(interaction), (StyleWish(picture=_first_picture(message)),)
    await interaction.response.send_modal(PhotoForm(t, t(USE_AS_STYLE), styles, {}))


@app_commands.context_menu(name=PAINT_AVATAR)
async def paint_avatar(interaction: Interaction, user: discord.User) -> None:
    """Ask for a style for the picture of a member."""
    # Of a server's own avatar of theirs, if they have one.
    avatar = user.display_avatar.replace(size=AVATAR_PX, format="png")
    await _ask_style(interaction, PAINT_AVATAR, Source(url=avatar.url))


def _first_picture(message: discord.Message) -> Source:
    source = next(pictures_of(message), None)
    if source is None:
        raise UserError(NO_PICTURE)
    return source


async def _ask_style(interaction: Interaction, title: str, source: Source) -> None:
    """Open the form that asks for a style for a picture."""

    async def begin(submitted: Interaction, chosen: Chosen) -> None:
        own = await submitted.client.service(OwnDefaults).of(submitted)
        request = PaintRequest(
            asker=asker_of(submitted),
            reply=reply_by(submitted, own),
            content=source,
            styles=chosen.styles,
            options=PaintOptions(
                seed=new_seed(),
                **options_by(own)
                | suiting(chosen.styles)
                | ({} if chosen.strength is None else {"strength": chosen.strength}),
            ),
            named=() if chosen.strength is None else ("strength",),
        )
        await submitted.client.service(IntakeService).begin(submitted, request)

    t = texts_of(interaction)
    saved = await saved_styles(interaction)
    form = StyleForm(t, interaction.client, t(title), begin, saved=saved, asks_strength=True)
    await interaction.response.send_modal(form)


def pictures_of(message: discord.Message) -> Iterator[Source]:
    """The pictures of a message: attached, in a gallery, embedded, or forwarded.

    Pictures from elsewhere are only taken from Discord's own proxy, never from an address that
    a stranger chose.
    """
    yield from _attached(message.attachments)
    for snapshot in message.message_snapshots:
        yield from _attached(snapshot.attachments)
        yield from embedded(snapshot.embeds)
    for component in message.components:
        yield from _in_galleries(component)
    yield from embedded(message.embeds)


def _attached(attachments: Iterable[discord.Attachment]) -> Iterator[Source]:
    for attachment in attachments:
        kind = attachment.content_type or ""
        is_shown = kind.startswith(("image/", "video/"))
        if is_shown or attachment.filename.lower().endswith(PICTURE_SUFFIXES):
            yield Source.attachment(attachment)


def embedded(embeds: Iterable[discord.Embed]) -> Iterator[Source]:
    """The pictures of embeds; of a link to an animation (Tenor, Giphy) the film that it is."""
    for embed in embeds:
        film = embed.video.proxy_url
        if film and urlsplit(film).path.lower().endswith(FILM_SUFFIXES):
            yield Source(url=film)
        for picture in (embed.image, embed.thumbnail):
            if picture.proxy_url:
                yield Source(url=picture.proxy_url)


def _in_galleries(component: object) -> Iterator[Source]:
    match component:
        case discord.Container(children=children):
            for child in children:
                yield from _in_galleries(child)
        case discord.MediaGalleryComponent(items=items):
            for item in items:
                if item.media.proxy_url:
                    yield Source(url=item.media.proxy_url)


FEATURE = Feature(commands=(paint_this, use_as_style, paint_avatar))
