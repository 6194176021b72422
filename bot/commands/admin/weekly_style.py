"""`/style-of-the-week`: announced by one message, for one week."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import discord
from discord import app_commands

from bot.commands.admin.access import admin_guild, begin_as_admin
from bot.commands.admin.audit import post_last
from bot.commands.gallery import post_card
from bot.commands.paint import offered
from bot.commands.style_form import PhotoForm, check_style
from bot.commands.thumbnails import thumbnail_of
from bot.intake.own_defaults import texts_of_server
from bot.intake.request import RequestedStyle
from bot.intake.requested_styles import resolve
from bot.kit import DISCORD_FAILED, Bot, Feature, Interaction, Service, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.components import (
    Card,
    PersistentItem,
    card,
    gallery_of,
    own_button,
    persistent,
    row_of,
    show,
)
from bot.ui.reporting import open_modal
from bot.ui.words import plain, preset_words, style_words
from bot.wire.acknowledging import acknowledge, read_in_time
from bot.wire.faults import MessageGone, NoAccess, fault_of
from common.catalogue import load_catalogue
from common.logs import log_ids
from common.options import StyleInput
from jobs.management.weekly_styles import WeeklyStyle
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)

DAYS = 7
LOOK_SECONDS = 20.0
COLOR = 0x8E6BB0
NONE_RUNS = _("There is no style of the week at the moment; choose one with `style`.")
IS_OVER = _("This style of the week is over; /styles shows them all.")
ONLY_ITS_SERVERS = _(
    "That style is yours alone; please choose a painting, or a style saved for the server."
)


@app_commands.command(name="style-of-the-week")
@app_commands.describe(
    style="A painting, or a style saved for the server. Leave empty to see the current one.",
    days="How many days it lasts. Default: 7.",
)
@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.autocomplete(style=offered)
async def style_of_the_week(
    interaction: Interaction,
    style: app_commands.Range[str, 1, 100] | None = None,
    days: app_commands.Range[int, 1, 30] = DAYS,
) -> None:
    """Announce a style of the week, or end the current one."""
    guild_id = await begin_as_admin(interaction)
    if style is None:
        await _show_present(interaction, guild_id)
        return
    t, queue = texts_of(interaction), interaction.client.queue
    named = await resolve(queue, style, 1.0, interaction.user.id, guild_id)
    preset = await _preset_of(interaction, named, style)
    # The name may be that of a personal style of the admin, which others cannot see.
    chosen = await resolve(queue, preset, 1.0, interaction.user.id, guild_id)
    limits = await queue.limits.in_force(guild_id)
    channel_id = limits.gallery_channel_id or interaction.channel_id
    assert channel_id is not None
    for_all = await texts_of_server(interaction.client, guild_id, interaction.guild_locale)
    now = await queue.now()
    weekly = WeeklyStyle(
        guild_id=guild_id,
        style=preset,
        name=style_words(for_all, chosen),
        channel_id=channel_id,
        message_id=None,
        began_at=now,
        ends_at=now + timedelta(days=days),
        is_over=False,
    )
    page = await _page(interaction.client, for_all, weekly, chosen)
    keeper = interaction.client.service(WeeklyStyleKeeper)
    with keeper.announcing(interaction.id, weekly):
        # The current one is only replaced once the new message is posted, which may be refused.
        message = await post_card(interaction, channel_id, page, f"weekly-{interaction.id}"[-25:])
        weekly = replace(weekly, message_id=message.id)
        try:
            ended = await queue.weekly_styles.begin(weekly, interaction.user.id)
        except BaseException:
            with contextlib.suppress(*DISCORD_FAILED):
                await message.delete()
            raise
    if ended is not None:
        await keeper.end(ended)
    row = row_of(end_button.of(t, interaction.user.id))
    said = t("Here is the announcement: {link}", link=message.jump_url)
    await show(interaction, card(said, await post_last(interaction), row))


async def _preset_of(interaction: Interaction, chosen: StyleInput, typed: str) -> str:
    """The preset by which all members of the server can choose the style."""
    if chosen.preset is not None:
        return chosen.preset
    guild_id = interaction.guild_id
    styles = await interaction.client.queue.styles.visible_to(interaction.user.id, guild_id)
    wanted = typed.casefold()
    for each in styles:
        named = wanted in {each.preset, each.name.casefold()}
        if named and each.scope == "guild":
            return each.preset
    raise UserError(ONLY_ITS_SERVERS)


async def _page(client: Bot, t: Texts, weekly: WeeklyStyle, chosen: StyleInput) -> Card:
    painting = None if chosen.preset is None else load_catalogue().get(chosen.preset)
    about = None if painting is None else f"{plain(painting.artist)}, {painting.year}"
    pictured = painting or chosen.picture
    assert pictured is not None
    picture = await thumbnail_of(client, pictured, "style-of-the-week")
    until = discord.utils.format_dt(weekly.ends_at, "f")
    name = preset_words(t, weekly.style, weekly.name)
    return card(
        f"## 🎨 {t('Style of the week: {name}', name=plain(name))}",
        about,
        gallery_of([(picture, name, False)]),
        t("Until {time}. Press the button, add a photo, and show us what comes of it.", time=until),
        row_of(weekly_button.of(t, weekly.guild_id)),
        color=COLOR,
        files=[picture],
    )


async def _show_present(interaction: Interaction, guild_id: int) -> None:
    weekly = await interaction.client.queue.weekly_styles.of(guild_id)
    if weekly is None or weekly.is_over:
        raise UserError(NONE_RUNS)
    t = texts_of(interaction)
    count = await interaction.client.queue.weekly_styles.painted(weekly)
    words = t(
        "{name}, until {time}: {pictures}",
        name=plain(preset_words(t, weekly.style, weekly.name)),
        time=discord.utils.format_dt(weekly.ends_at, "f"),
        pictures=t.plural("{count} picture", "{count} pictures", count=count),
    )
    row = row_of(end_button.of(t, interaction.user.id))
    await show(interaction, card(words, row))


@own_button("weekly-end", _("End it now"))
async def end_button(interaction: Interaction, t: Texts, _about: int) -> None:
    """Ends the style of the week; checks again that the user is an admin."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction)
    ended = await interaction.client.queue.weekly_styles.end(guild_id, interaction.user.id)
    if ended is None:
        raise UserError(NONE_RUNS)
    await interaction.client.service(WeeklyStyleKeeper).mark_over(ended)
    note = await post_last(interaction)
    await show(interaction, card(t("The style of the week has ended."), note))


@persistent(
    "weekly",
    r"(?P<guild>\d{1,20})",
    label=_("Paint with this"),
    emoji="🎨",
    style=discord.ButtonStyle.primary,
)
async def weekly_button(interaction: Interaction, t: Texts, item: PersistentItem) -> None:
    """Ask anybody for photographs to paint in the style of the week."""
    queue, guild_id = interaction.client.queue, int(item.parts["guild"])
    message_id = interaction.message.id if interaction.message else 0
    # Asked first: it may be recorded while the database is read.
    weekly = interaction.client.service(WeeklyStyleKeeper).announced_by(message_id, guild_id)
    recorded = await read_in_time(interaction, queue.weekly_styles.of(guild_id))
    if recorded is not None and recorded.message_id == message_id:
        weekly = recorded
    if weekly is None or weekly.ends_at <= await read_in_time(interaction, queue.now()):
        raise UserError(IS_OVER)
    await check_style(interaction, weekly.style)
    styles = (RequestedStyle(preset=weekly.style),)
    await open_modal(interaction, PhotoForm(t, t("Style of the week"), styles, {}))


class WeeklyStyleKeeper(Service):
    """Ends each style of the week in time, also after a restart, and updates its message."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._announcing: dict[int, WeeklyStyle] = {}
        """Styles whose message is being posted, by the interaction ID of the command."""

    @contextlib.contextmanager
    def announcing(self, interaction_id: int, weekly: WeeklyStyle) -> Iterator[None]:
        """Know a style of the week for the block, until its message is recorded.

        Members can press the button before Discord has told which message it made.
        """
        self._announcing[interaction_id] = weekly
        try:
            yield
        finally:
            del self._announcing[interaction_id]

    def announced_by(self, message_id: int, guild_id: int) -> WeeklyStyle | None:
        """The style of a message that is newer than the command that is announcing it."""
        newest_first = sorted(self._announcing, reverse=True)
        begun = (each for each in newest_first if self._announcing[each].guild_id == guild_id)
        return next((self._announcing[each] for each in begun if each < message_id), None)

    async def start(self) -> None:
        """Start polling."""
        self._run_every(LOOK_SECONDS, "weekly styles", self.end_those_due, when_ready=True)

    async def end_those_due(self) -> None:
        """End those whose days are over, unless the clock that says so is wrong."""
        queue = self._client.queue
        if self._client.traffic.ages_are_wrong(await queue.now()):
            return
        for weekly in await queue.weekly_styles.due():
            with log_ids(server=weekly.guild_id):
                await self.end(weekly)

    async def end(self, weekly: WeeklyStyle) -> None:
        """End one; its errors do not keep others from ending."""
        try:
            await self.mark_over(weekly)
        except QueueError as error:
            log.info("A style of the week has to wait: %s", error)
        except Exception:
            log.exception("A style of the week could not be ended")

    async def mark_over(self, weekly: WeeklyStyle) -> None:
        """Update its message with the number of pictures painted, and without the button."""
        client = self._client
        guild = client.get_guild(weekly.guild_id)
        locale = guild.preferred_locale if guild is not None else None
        t = await texts_of_server(client, weekly.guild_id, locale)
        count = await client.queue.weekly_styles.painted(weekly)
        words = t.plural(
            "It is over: {count} picture was painted in this style.",
            "It is over: {count} pictures were painted in this style.",
            count=count,
        )
        name = preset_words(t, weekly.style, weekly.name)
        headline = t("Style of the week: {name}", name=plain(name))
        layout = card(f"## 🎨 {headline}", words)
        if weekly.message_id is not None:
            channel = client.get_partial_messageable(weekly.channel_id, guild_id=weekly.guild_id)
            try:
                await channel.get_partial_message(weekly.message_id).edit(
                    view=layout, attachments=[]
                )
            except DISCORD_FAILED as error:
                if not isinstance(fault_of(error), MessageGone | NoAccess):
                    log.info("A style of the week cannot be ended yet: %s", error)
                    return
        await client.queue.weekly_styles.mark_ended(weekly)


FEATURE = Feature(
    commands=(style_of_the_week,),
    buttons=(end_button, weekly_button),
    services=(WeeklyStyleKeeper,),
)
