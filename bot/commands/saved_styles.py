"""`/style`: save and remove styles.

Values are validated: Discord allows any text in autocompletes.
"""

import unicodedata

import discord
from discord import app_commands

from bot.commands.admin.audit import post_last
from bot.intake.fair_use import FairUse
from bot.intake.request import PictureRole, Source, asker_of
from bot.intake.service import IntakeService
from bot.kit import Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.choices import CHOICES, folded, match_rank
from bot.ui.people import is_admin
from bot.ui.refusals import refusal_words
from bot.ui.words import plain
from bot.wire.acknowledging import acknowledge
from bot.wire.original_response import fill_response
from common import graphemes
from common.catalogue import load_catalogue
from jobs.management.styles import Replaced, Same, Saved, Scope, TooMany, UserStyle
from jobs.outcomes import BLOCKED

TYPED_LIMIT = 100  # longer than a name, so that our own sentence can say so

NEEDS_SERVER = _("A style for the whole server can be saved only in a server.")
NEEDS_ADMIN = _("Only members who manage this server may change its styles; you can save your own.")
NO_SUCH_STYLE = _(
    "There is no saved style “{name}” that you may remove; /styles with `whose` shows them."
)

style = app_commands.Group(name="style", description="Save pictures as styles of your own.")


def owner_of(interaction: Interaction, *, for_server: bool) -> tuple[Scope, int]:
    """The scope and ID of the owner of a style.

    Raises:
        UserError: It is to be the server's, but outside one, or the user does not manage it.
    """
    if not for_server:
        return "user", interaction.user.id
    if interaction.guild_id is None:
        raise UserError(NEEDS_SERVER)
    if not is_admin(interaction, interaction.client.settings):
        raise UserError(NEEDS_ADMIN)
    return "guild", interaction.guild_id


@style.command(name="save")
@app_commands.describe(
    name="What to call it.",
    picture="The picture to take the style from.",
    for_server="For everybody in this server (admins only); otherwise it is only yours.",
)
async def save(
    interaction: Interaction,
    name: app_commands.Range[str, 1, TYPED_LIMIT],
    picture: discord.Attachment,
    for_server: bool = False,
) -> None:
    """Save a picture as a style, to choose it as a preset."""
    t = texts_of(interaction)
    scope, owner_id = owner_of(interaction, for_server=for_server)
    cleaned = clean_name(name)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    client = interaction.client
    refusal = await client.queue.submissions.refusal_to_post(asker_of(interaction))
    if refusal is not None and refusal.limit == BLOCKED:
        raise UserError(refusal_words(t, refusal))
    intake = client.service(IntakeService)
    client.service(FairUse).check(interaction.user.id)
    taken = await intake.pictures.store_picture(
        Source.attachment(picture), PictureRole.STYLE, interaction.user.id
    )
    outcome = await client.queue.styles.save(
        scope, owner_id, cleaned, taken.value, interaction.user.id
    )
    words = [_outcome_words(t, outcome, plain(cleaned))]
    words += [f"-# {t.say(note)}" for note in taken.notes]
    if for_server and isinstance(outcome, Saved | Replaced):
        words += filter(None, [await post_last(interaction)])
    await fill_response(interaction, content="\n".join(words))


def _outcome_words(t: Texts, outcome: Saved | Replaced | Same | TooMany, name: str) -> str:
    match outcome:
        case Same():
            return t("Nothing was changed: “{name}” uses this picture already.", name=name)
        case Saved():
            return t("“{name}” was saved. Choose it as the preset in /paint.", name=name)
        case Replaced():
            return t("“{name}” now uses the new picture.", name=name)
        case TooMany(limit):
            return t(
                "There are {limit} saved styles already; please remove one with /style remove.",
                limit=limit,
            )


@style.command(name="remove")
@app_commands.describe(name="The style; choose from those that you may remove.")
async def remove(interaction: Interaction, name: app_commands.Range[str, 1, TYPED_LIMIT]) -> None:
    """Remove a saved style."""
    t = texts_of(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    wanted = name.casefold()
    for each in await _removable(interaction):
        if wanted in {f"#{each.id}", each.name.casefold()}:
            queue, user_id = interaction.client.queue, interaction.user.id
            guild_id = interaction.guild_id
            if not await queue.styles.remove(each.id, user_id=user_id, guild_id=guild_id):
                break  # removed meanwhile
            words = [t("“{name}” was removed.", name=plain(each.name))]
            if each.scope == "guild":
                words += filter(None, [await post_last(interaction)])
            await fill_response(interaction, content="\n".join(words))
            return
    raise UserError(NO_SUCH_STYLE, name=plain(name))


@remove.autocomplete("name")
async def removable_names(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Autocomplete: the styles that the user may remove."""
    t = texts_of(interaction)
    found = [each for each in await _removable(interaction) if folded(current) in folded(each.name)]
    found.sort(key=lambda each: match_rank(current, each.name))
    return [
        app_commands.Choice(
            name=each.name if each.scope == "user" else t("{name} (server)", name=each.name),
            value=f"#{each.id}",
        )
        for each in found[:CHOICES]
    ]


async def _removable(interaction: Interaction) -> list[UserStyle]:
    """The user's own styles, and the server's for those who manage it."""
    client = interaction.client
    styles = await client.queue.styles.visible_to(interaction.user.id, interaction.guild_id)
    admin = is_admin(interaction, client.settings)
    return [each for each in styles if each.scope == "user" or admin]


NAME_LIMIT = 40

EMPTY = _("That name has no letters or digits; please choose one that can be read.")
TOO_LONG = _("That name has {length} characters; please choose one with at most {limit}.")
TAKEN = _("“{name}” is the name of a painting in the catalogue; please choose another.")


def clean_name(typed: str) -> str:
    """A name without control characters and with single spaces.

    Raises:
        UserError: It is empty or too long, or is the name of a painting in the catalogue, which it
            would hide.
    """
    composed = unicodedata.normalize("NFC", typed)
    seen = "".join(_seen(composed, at) for at in range(len(composed)))
    name = " ".join(seen.split())
    if not any(character.isalnum() for character in name):
        raise UserError(EMPTY)
    if (length := graphemes.count(name)) > NAME_LIMIT:
        raise UserError(TOO_LONG, length=length, limit=NAME_LIMIT)
    same = name.casefold()
    if any(same in {each.id.casefold(), each.name.casefold()} for each in load_catalogue()):
        raise UserError(TAKEN, name=plain(name))
    return name


def _seen(text: str, at: int) -> str:
    """One character of a name; empty if it is invisible and joins nothing."""
    character, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if character.isspace():
        return " "
    if character in {graphemes.JOINER, graphemes.NON_JOINER}:  # in emoji, and in Persian, say
        joins = before + after
        return character if len(joins) == 2 and not any(map(str.isascii, joins)) else ""
    if graphemes.is_tag(character):
        is_flag = before == graphemes.BLACK_FLAG or graphemes.is_tag(before)
        return character if is_flag else ""
    # Category C: control, format (with bidi marks), unassigned.
    return "" if unicodedata.category(character).startswith("C") else character


FEATURE = Feature(commands=(style,))
