"""`/limits`: show, set, the form of all, reset."""

from collections.abc import Mapping
from typing import Any

import discord
from discord import app_commands

from bot.commands.admin.access import AdminGroup, admin_guild, begin_as_admin
from bot.commands.admin.audit import audit_page
from bot.commands.admin.channel_defaults import channel_defaults_words
from bot.commands.admin.limit_changes import NONE_SET, change_limits, reset_button
from bot.commands.admin.limit_form import change_button, open_form
from bot.commands.admin.queue_admin import nothing_button
from bot.kit import Feature, Interaction, UserError
from bot.texts import _, languages, texts_of
from bot.ui.choices import folded
from bot.ui.components import card, row_of, say, show
from bot.ui.limit_words import limits_words
from bot.ui.paging import PagePlace
from bot.ui.people import ONLY_COMMANDS, has_only_commands, invitation
from bot.wire.acknowledging import acknowledge
from common.limits import LIMITS
from common.options import QUALITIES

NOTHING_GIVEN = _("Please give at least one limit to change; /limits show lists them.")
UNKNOWN_LIMIT = _("There is no such limit; /limits show lists them.")

SIZE, COOLDOWN = LIMITS["max_size_px"], LIMITS["cooldown_seconds"]
CLIP_SIZE, CLIP_SECONDS = LIMITS["max_clip_size_px"], LIMITS["max_clip_seconds"]
CLIP_RATE = LIMITS["max_clip_frames_per_second"]
WAITING_MEMBER, WAITING_SERVER = LIMITS["max_waiting_per_user"], LIMITS["max_waiting_per_server"]
PER_DAY, DAYS_KEPT = LIMITS["max_per_day"], LIMITS["retention_days"]

limits = AdminGroup("limits", "What members of this server may ask for.")


@limits.command(name="show")
async def show_limits(interaction: Interaction) -> None:
    """The limits in force, and which of them this server has set."""
    guild_id = await begin_as_admin(interaction)
    t = texts_of(interaction)
    limits_of = interaction.client.queue.limits
    own = await limits_of.of_server(guild_id)
    words = limits_words(t, await limits_of.in_force(guild_id), own)
    note = t(
        "-# Limits that this server has not set come from the bot's operator. Who is blocked: "
        "/blocklist show."
    )
    words = t("## Limits") + f"\n{words}\n{note}"
    if has_only_commands(interaction):
        words += "\n" + t(ONLY_COMMANDS, link=invitation(interaction.application_id))
    channels = await channel_defaults_words(interaction, t)
    row = row_of(change_button.of(t, interaction.user.id))
    await show(interaction, card(words, channels, row))


@limits.command(name="set")
@app_commands.describe(
    size="How long the longest side of a picture may be, in pixels.",
    quality="The best quality a member may ask for.",
    waiting_member="How many pictures one member may have waiting.",
    waiting_server="How many pictures may wait in the whole server.",
    per_day="How many pictures one member may start in 24 hours.",
    cooldown="Seconds between two pictures of one member.",
    days_kept="How many days pictures are kept.",
    clip_size="How long the longest side of a moving picture may be, in pixels.",
    clip_seconds="How many seconds of an animation or a video are painted.",
    clip_rate="How many frames per second of it are painted.",
    log_channel="Where changes are reported.",
    gallery="Where members may publish their pictures.",
)
@app_commands.choices(
    quality=[app_commands.Choice(name=quality.capitalize(), value=quality) for quality in QUALITIES]
)
async def set_limits(
    interaction: Interaction,
    *,
    size: app_commands.Range[int, SIZE.least, SIZE.most] | None = None,
    quality: str | None = None,
    waiting_member: app_commands.Range[int, WAITING_MEMBER.least, WAITING_MEMBER.most]
    | None = None,
    waiting_server: app_commands.Range[int, WAITING_SERVER.least, WAITING_SERVER.most]
    | None = None,
    per_day: app_commands.Range[int, PER_DAY.least, PER_DAY.most] | None = None,
    cooldown: app_commands.Range[int, COOLDOWN.least, COOLDOWN.most] | None = None,
    days_kept: app_commands.Range[int, DAYS_KEPT.least, DAYS_KEPT.most] | None = None,
    clip_size: app_commands.Range[int, CLIP_SIZE.least, CLIP_SIZE.most] | None = None,
    clip_seconds: app_commands.Range[int, CLIP_SECONDS.least, CLIP_SECONDS.most] | None = None,
    clip_rate: app_commands.Range[int, CLIP_RATE.least, CLIP_RATE.most] | None = None,
    log_channel: discord.TextChannel | None = None,
    gallery: discord.TextChannel | None = None,
) -> None:
    """Change limits; stricter than the operator's, not looser."""
    guild_id = admin_guild(interaction)
    asked: Mapping[str, Any] = {
        "max_size_px": size,
        "max_quality": quality,
        "max_waiting_per_user": waiting_member,
        "max_waiting_per_server": waiting_server,
        "max_per_day": per_day,
        "cooldown_seconds": cooldown,
        "retention_days": days_kept,
        "max_clip_size_px": clip_size,
        "max_clip_seconds": clip_seconds,
        "max_clip_frames_per_second": clip_rate,
        "log_channel_id": log_channel.id if log_channel else None,
        "gallery_channel_id": gallery.id if gallery else None,
    }
    changes = {name: value for name, value in asked.items() if value is not None}
    if not changes:
        raise UserError(NOTHING_GIVEN)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    await change_limits(interaction, guild_id, changes)


@limits.command(name="change")
async def change(interaction: Interaction) -> None:
    """All limits in one form: numbers, roles and channels."""
    await open_form(interaction)


@limits.command(name="reset")
@app_commands.describe(limit="Only this one; leave empty for all.")
async def reset(interaction: Interaction, limit: str | None = None) -> None:
    """Go back to the operator's limits."""
    guild_id = admin_guild(interaction)
    t = texts_of(interaction)
    name = None if limit is None else _limit_named(limit)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    if name is not None:
        await change_limits(interaction, guild_id, {name: None})
        return
    if not await interaction.client.queue.limits.of_server(guild_id):
        await say(interaction, t(NONE_SET))
        return
    user_id = interaction.user.id
    question = t("Reset all limits of this server, roles and channels included?")
    row = row_of(reset_button.of(t, user_id), nothing_button.of(t, user_id))
    await show(interaction, card(question, row))


def _limit_named(typed: str) -> str:
    """Find a limit by its name, or by its label as `/limits show` lists it.

    Raises:
        UserError: There is none.
    """
    for name, limit in LIMITS.items():
        said = {folded(t.say(limit.label)) for t in languages().values()}
        if typed == name or folded(typed.strip()) in said:
            return name
    raise UserError(UNKNOWN_LIMIT)


@reset.autocomplete("limit")
async def limit_names(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Autocomplete: the limits by their labels in the user's language."""
    t = texts_of(interaction)
    return [
        app_commands.Choice(name=label, value=name)
        for name, label in ((name, t.say(limit.label)) for name, limit in LIMITS.items())
        if folded(current) in folded(label)
    ]


@limits.command(name="log")
async def show_log(interaction: Interaction) -> None:
    """Who changed what in this server, newest first."""
    await begin_as_admin(interaction)
    await show(interaction, await audit_page(interaction, PagePlace(interaction.user.id)))


FEATURE = Feature(commands=(limits,))
