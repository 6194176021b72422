"""“Describe…”: set a picture's alt text, and whether it is a spoiler."""

from dataclasses import replace
from typing import Any

import discord
from discord import ui

from bot.cards.descriptions import described, descriptions
from bot.commands.job_access import kept_job
from bot.intake.own_defaults import defaults_there
from bot.kit import Bot, Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.components import own_button
from bot.ui.fields import Switches
from bot.ui.people import role_ids
from bot.ui.reporting import ReportingModal, open_modal
from bot.ui.words import message_address
from bot.wire.acknowledging import acknowledge
from bot.wire.channels import channel_of
from bot.wire.faults import MessageGone, TokenEnded, fault_of
from bot.wire.original_response import ORIGINAL, fill_response, token_works, webhook_of
from bot.wire.uploads import ALT_TEXT_LIMIT
from common.graphemes import cut
from jobs.model import Job

HIDDEN = "hidden"
KEPT = _("Saved: {link}")
KEPT_FOR_LATER = _(
    "Saved for the next time it is shown; I can no longer change its message here, because "
    "more than 15 minutes have passed."
)
GONE = _("Its message is no longer there.")


@own_button("describe", _("Describe…"), emoji="🏷️")
async def describe_button(interaction: Interaction, t: Texts, job_id: int) -> None:
    """Opens the modal, for the picture's owner."""
    job = await kept_job(interaction, job_id)
    await open_modal(interaction, DescribeForm(t, job))


class DescribeForm(ReportingModal):
    """Asks for the alt text and the spoiler, filled with the current ones."""

    def __init__(self, t: Texts, job: Job) -> None:
        super().__init__(title=t("Describe picture #{job_id}", job_id=job.id))
        self._job_id = job.id
        self._text: ui.TextInput[Any] = ui.TextInput(
            custom_id="alt",
            style=discord.TextStyle.paragraph,
            required=False,
            max_length=ALT_TEXT_LIMIT,
            default=cut(described(t, job), ALT_TEXT_LIMIT),
        )
        hide = {HIDDEN: t("Hide it until somebody clicks on it")}
        self._switches = Switches(hide, on={HIDDEN} if job.reply.spoiler else ())
        self.add_item(
            ui.Label(
                text=t("What the picture shows"),
                description=t("Read aloud to people who cannot see the picture."),
                component=self._text,
            )
        )
        self.add_item(ui.Label(text=t("Options"), component=self._switches))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Store them, and edit the message."""
        client: Bot = interaction.client
        await acknowledge(interaction, ephemeral=True, thinking=True)
        t = texts_of(interaction)
        words = " ".join(self._text.value.split())
        job = await kept_job(interaction, self._job_id)
        changed = await client.queue.deliveries.set_alt_text_and_spoiler(
            job.id,
            alt_text="" if words == described(t, job) else words,
            spoiler=HIDDEN in self._switches.values or await _must_hide(interaction, job),
        )
        if changed is None:
            raise UserError(GONE)
        said = await _change_message(t, client, changed)
        await fill_response(interaction, content=said)


async def _must_hide(interaction: Interaction, job: Job) -> bool:
    """Whether admins want the picture hidden, whatever its member chooses."""
    if job.guild_id is None:
        return False
    there = await defaults_there(interaction, job.guild_id, job.channel_id)
    if interaction.guild_id != job.guild_id and there.spoiler_role_ids:
        return job.reply.spoiler  # the member's roles in that server are not known here
    return bool(there.for_roles(role_ids(interaction)).always_spoiler)


async def _change_message(t: Texts, client: Bot, job: Job) -> str:
    """Edit only the pictures of a job's message; returns the outcome in words."""
    try:
        message = await _by_token(t, client, job) or await _by_bot(t, client, job)
    except discord.HTTPException as error:
        if isinstance(fault_of(error), MessageGone):
            raise UserError(GONE) from None
        raise
    if message is None:
        return t(KEPT_FOR_LATER)
    # A message fetched by token does not know its server.
    there = replace(job.reply, channel_id=message.channel.id, message_id=message.id)
    return t(KEPT, link=message_address(replace(job, reply=there)))


async def _by_token(t: Texts, client: Bot, job: Job) -> discord.Message | None:
    """Edit the response by token; None if it is not the job's message, or it is too late."""
    reply = job.reply
    if job.came_by_dm or not token_works(client, reply):
        return None
    webhook = webhook_of(client, reply)
    try:
        message: discord.Message = await webhook.fetch_message(ORIGINAL)
        await webhook.edit_message(ORIGINAL, view=_relabelled(t, message, job))
    except discord.HTTPException as error:
        if isinstance(fault_of(error), TokenEnded):
            return None
        raise
    return message


async def _by_bot(t: Texts, client: Bot, job: Job) -> discord.Message | None:
    """Edit the message by the bot's own token; None if it is not reachable."""
    reply = job.reply
    is_reached = job.came_by_dm or reply.is_public
    if not is_reached or reply.message_id is None:
        return None
    message = await channel_of(client, job).fetch_message(reply.message_id)
    await message.edit(view=_relabelled(t, message, job))
    return message


def _relabelled(t: Texts, message: discord.Message, job: Job) -> ui.LayoutView:
    """A message's components with new alt texts on its pictures."""
    layout = ui.LayoutView.from_message(message, timeout=None)
    for gallery in layout.walk_children():
        if not isinstance(gallery, ui.MediaGallery):
            continue
        said = descriptions(t, job, len(gallery.items))
        for item, words in zip(gallery.items, said, strict=True):
            item.description = cut(words, ALT_TEXT_LIMIT)
            item.spoiler = job.reply.spoiler
            item.media = f"attachment://{item.media.url.partition('?')[0].rpartition('/')[2]}"
    return layout


FEATURE = Feature(buttons=(describe_button,))
