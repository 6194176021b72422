"""A server's gallery: members publish their pictures in a channel that an admin chose."""

import asyncio
import contextlib
from typing import Any

import discord
from discord import ui

from bot.cards.fit_upload import fitted_result
from bot.cards.job_buttons import Action
from bot.cards.job_card import gallery_card
from bot.commands.gallery_posts import GalleryKeeper
from bot.commands.job_access import check_pictures, kept_job, known_job
from bot.commands.show import check_posting
from bot.commands.style_form import PhotoForm
from bot.intake.fair_use import convenience
from bot.intake.own_defaults import must_hide, texts_of_server
from bot.intake.request import RequestedStyle
from bot.intake.stored import NOT_KEPT
from bot.kit import DISCORD_FAILED, Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.components import Card, card, own_button, row_of, show
from bot.ui.fields import Switches
from bot.ui.missing_permissions import missing_permissions
from bot.ui.people import ONLY_COMMANDS, has_only_commands, invitation
from bot.ui.reporting import ReportingModal, open_modal
from bot.wire.acknowledging import acknowledge, read_in_time
from bot.wire.faults import MessageGone, TryLater, fault_of, is_transient
from bot.wire.original_response import with_retries
from bot.wire.uploads import Upload, repeatable, upload_limit_bytes
from jobs.management.gallery import TAKEN_OUT, GalleryPost
from jobs.model import Job

TITLE_LIMIT = 100
TRIES = 3
ANSWER_SECONDS = 45.0
"""Enough for an upload on a slow line, but less than the time after which it is posted again."""
BY_NAME = "name"
NO_GALLERY = _(
    "This server has no gallery; its admins can choose a channel for it with /limits set and "
    "`gallery`."
)
BEING_POSTED = _("It is being posted right now; please wait a moment.")
WAS_TAKEN_OUT = _("A moderator has removed it from the gallery.")
NOT_PUBLISHED = _("This picture is no longer in the gallery.")
STILL_THERE = _("I could not delete it there just now; please try again, or ask a moderator to.")
MAY_NOT_WRITE = _("I am not allowed to post in <#{channel_id}>; please ask an admin to check that.")
LACKS_PERMISSIONS = _(
    "I am not allowed to post in <#{channel_id}>; please ask an admin to give me these permissions "
    "there: {permissions}."
)


async def open_form(interaction: Interaction, job_id: int) -> None:
    """Ask how to publish a picture, or say where it is published."""
    job = await kept_job(interaction, job_id)
    if job.result_key is None:
        raise UserError(NOT_KEPT)
    if interaction.guild_id is None:
        raise UserError(NO_GALLERY)
    gallery = interaction.client.queue.gallery
    post = await read_in_time(interaction, gallery.of(job_id, interaction.guild_id))
    t = texts_of(interaction)
    if post is not None and post.message_id is not None:
        await acknowledge(interaction, ephemeral=True, thinking=True)
        await _say_where(interaction, t, post)
        return
    await _channel_of(interaction)
    await open_modal(interaction, GalleryForm(t, job))


async def _channel_of(interaction: Interaction) -> int:
    """The server's gallery channel.

    Raises:
        UserError: It has none.
    """
    if interaction.guild_id is None:
        raise UserError(NO_GALLERY)
    limits = interaction.client.queue.limits
    in_force = await read_in_time(interaction, limits.in_force(interaction.guild_id))
    if in_force.gallery_channel_id is None:
        raise UserError(NO_GALLERY)
    return in_force.gallery_channel_id


class GalleryForm(ReportingModal):
    """Asks for a title, and whether to show the member's name."""

    def __init__(self, t: Texts, job: Job) -> None:
        super().__init__(title=t("Post to gallery"))
        self._job_id = job.id
        self._title: ui.TextInput[Any] = ui.TextInput(
            custom_id="title", required=False, max_length=TITLE_LIMIT
        )
        self._switches = Switches({BY_NAME: t("With my name")}, on={BY_NAME})
        about = t("Leave empty to use the name of the style.")
        self.add_item(ui.Label(text=t("Title"), description=about, component=self._title))
        self.add_item(ui.Label(text=t("Options"), component=self._switches))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Post it. Checks again what may have changed since the modal was opened."""
        job = await kept_job(interaction, self._job_id)
        await check_posting(interaction, job.id)
        channel_id = await _channel_of(interaction)
        assert interaction.guild_id is not None
        await acknowledge(interaction, ephemeral=True, thinking=True)
        keeper = interaction.client.service(GalleryKeeper)
        await keeper.settle(job.id)
        with keeper.at_work(job.id, interaction.guild_id):
            post = await self._publish(interaction, job, interaction.guild_id, channel_id)
        await _say_where(interaction, texts_of(interaction), post)

    async def _publish(
        self, interaction: Interaction, job: Job, guild_id: int, channel_id: int
    ) -> GalleryPost:
        """Post it, unless it is in the gallery already."""
        gallery = interaction.client.queue.gallery
        there = await gallery.claim(job.id, guild_id, channel_id)
        if there is not None:
            return there
        by_name = BY_NAME in self._switches.values
        try:
            message = await _post(
                interaction, job, channel_id, title=self._title.value.strip(), by_name=by_name
            )
        except BaseException as error:
            # If Discord may have posted it without responding, `GalleryKeeper` finds it.
            if isinstance(error, Exception) and not isinstance(fault_of(error), TryLater):
                await gallery.forget(job.id, guild_id)
            raise
        await gallery.posted(job.id, guild_id, message.id)
        post = GalleryPost(job.id, guild_id, channel_id, message.id, message.created_at)
        await _check_kept(interaction, post, message)
        return post


async def _check_kept(
    interaction: Interaction, post: GalleryPost, message: discord.Message
) -> None:
    """Check that neither the picture nor its message was deleted while it was being posted.

    A deletion finds no message to remove, nor a post to mark, until the post is recorded, so this
    is checked afterwards.

    Raises:
        UserError: It was deleted.
    """
    queue = interaction.client.queue
    job = await queue.jobs.get(post.job_id)
    if job is None or job.pictures_deleted_at is not None:
        with contextlib.suppress(discord.NotFound):
            await with_retries(message.delete, TRIES)
        await queue.gallery.forget(post.job_id, post.guild_id)
        raise UserError(NOT_KEPT)
    try:
        await message.fetch()
    except DISCORD_FAILED as error:
        if isinstance(fault_of(error), MessageGone):
            await queue.gallery.keep_out(post.job_id, post.guild_id)
            raise UserError(WAS_TAKEN_OUT) from None


async def _post(
    interaction: Interaction, job: Job, channel_id: int, *, title: str, by_name: bool
) -> discord.Message:
    """Post a picture in the server's language."""
    client, guild_id = interaction.client, interaction.guild_id or 0
    t = await texts_of_server(client, guild_id, interaction.guild_locale)
    limit_bytes = upload_limit_bytes(client.get_guild(guild_id))
    async with convenience(interaction):
        attached = await fitted_result(t, client, job, limit_bytes)
        if attached is None:
            raise UserError(NOT_KEPT)
        hidden = job.reply.spoiler or await must_hide(interaction, guild_id, channel_id)
        layout = gallery_card(t, job, attached, title=title, by_name=by_name, spoiler=hidden)
        layout.files = tuple(Upload(each.data, each.filename) for each in attached.all)
        # Not the job's ID, since a job may be posted again.
        return await post_card(interaction, channel_id, layout, f"post-{interaction.id}")


async def post_card(
    interaction: Interaction, channel_id: int, layout: Card, nonce: str
) -> discord.Message:
    """Post a card in a channel of the server, exactly once.

    If a response gets lost, Discord returns the same message for a retry with the same nonce.

    Raises:
        UserError: The bot may not write there, or is not a member of the server.
    """
    if has_only_commands(interaction):
        raise UserError(ONLY_COMMANDS, link=invitation(interaction.application_id))
    channel = interaction.client.get_partial_messageable(channel_id, guild_id=interaction.guild_id)
    files = repeatable(layout.files)

    async def send() -> discord.Message:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await channel.send(view=layout, files=files(), nonce=nonce)

    try:
        return await with_retries(send, TRIES)
    except (discord.Forbidden, discord.NotFound) as error:
        if is_transient(error):
            raise
        where = str(channel_id)
        lacking = missing_permissions(texts_of(interaction), interaction.client, channel_id)
        if lacking:
            raise UserError(LACKS_PERMISSIONS, channel_id=where, permissions=lacking) from None
        raise UserError(MAY_NOT_WRITE, channel_id=where) from None


async def _say_where(interaction: Interaction, t: Texts, post: GalleryPost) -> None:
    """Say where a picture is published, with a button to remove it. Already acknowledged."""
    if post.message_id is None:
        raise UserError(BEING_POSTED)
    if post.message_id == TAKEN_OUT:
        raise UserError(WAS_TAKEN_OUT)
    words = t("It is in the gallery: {link}", link=post.address)
    button = take_out_button.of(t, interaction.user.id, post.job_id)
    await show(interaction, card(words, row_of(button)))


@own_button("gallery-out", _("Remove it"), emoji="↩️")
async def take_out_button(interaction: Interaction, t: Texts, job_id: int) -> None:
    """Removes a picture from the gallery, for its member."""
    job = await known_job(interaction, job_id)
    await acknowledge(interaction)
    if job.user_id == interaction.user.id and interaction.guild_id is not None:
        keeper = interaction.client.service(GalleryKeeper)
        if not await keeper.take_out_of(job.id, interaction.guild_id):
            raise UserError(STILL_THERE)
    await show(interaction, card(t("It is no longer in the gallery.")))


async def same_style(interaction: Interaction, job_id: int) -> None:
    """Ask for photographs to paint in the style of a picture in the gallery."""
    job = await known_job(interaction, job_id)
    of = interaction.client.queue.gallery.of(job_id, interaction.guild_id or 0)
    if await read_in_time(interaction, of) is None:
        raise UserError(NOT_PUBLISHED)
    if job.pictures_deleted_at is not None:
        raise UserError(NOT_KEPT)
    check_pictures(job)
    styles = tuple(RequestedStyle.again(style) for style in job.inputs.styles)
    t = texts_of(interaction)
    await open_modal(interaction, PhotoForm(t, t("Paint with this"), styles, {}, of_job_id=job.id))


FEATURE = Feature(
    buttons=(take_out_button,),
    picture_actions={Action.GALLERY: open_form, Action.SAME_STYLE: same_style},
)
