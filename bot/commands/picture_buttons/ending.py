"""Buttons that end something: cancel a job, delete a picture."""

import contextlib

import discord

from bot.cards.job_buttons import Action
from bot.commands.job_access import FORGOTTEN, NOT_YOURS, known_job
from bot.commands.picture_buttons.removing import address_of, remove_message
from bot.commands.show import show_job
from bot.kit import Feature, Interaction
from bot.texts import _, texts_of
from bot.ui.people import is_admin, may_moderate, plain
from bot.wire.acknowledging import acknowledge
from bot.wire.errors import UserProblem
from jobs.model import Job
from jobs.outcomes import AlreadyEnded, Cancelled, CancelRequested, NoSuchJob, NotYours

TOO_LATE = _("This one has already ended, so there is nothing to cancel.")
STILL_THERE = _(
    "The picture is deleted, but I may not remove its message {link}; please delete it there "
    "yourself, or ask an admin to."
)


async def cancel(interaction: Interaction, job_id: int) -> None:
    """Stop a job that waits or is painted; its message then says so by itself, a copy does here."""
    await acknowledge(interaction)  # the queue may be slow
    job = await known_job(interaction, job_id)
    by_admin = _is_here(interaction, job) and is_admin(interaction, interaction.client.settings)
    outcome = await interaction.client.queue.jobs.cancel(
        job_id, interaction.user.id, by_admin=by_admin
    )
    match outcome:
        case Cancelled() | CancelRequested():
            if not _is_own_message(interaction, job):
                await show_job(interaction, job_id)
        case AlreadyEnded():
            raise UserProblem(TOO_LATE)
        case NotYours():
            raise UserProblem(NOT_YOURS, user=plain(job.user_name))
        case NoSuchJob():
            raise UserProblem(FORGOTTEN)


async def delete(interaction: Interaction, job_id: int) -> None:
    """Delete a picture, stored and shown; for its owner and for moderators.

    The button may stand under a copy that `/show` made, so the job's own message goes, too.
    """
    job = await known_job(interaction, job_id)
    client = interaction.client
    by_admin = _is_here(interaction, job) and may_moderate(interaction, client.settings)
    if job.user_id != interaction.user.id and not by_admin:
        raise UserProblem(NOT_YOURS, user=plain(job.user_name))
    await acknowledge(interaction)
    await client.queue.retention.delete_result(job_id, interaction.user.id, by_admin)
    removed = _is_own_message(interaction, job) or await remove_message(client, job)
    with contextlib.suppress(discord.NotFound):
        await interaction.delete_original_response()
    if not removed:
        t = texts_of(interaction)
        await interaction.followup.send(t(STILL_THERE, link=address_of(job)), ephemeral=True)


def _is_own_message(interaction: Interaction, job: Job) -> bool:
    """Whether the button was pressed under the job's own message, and not under a copy."""
    pressed = interaction.message
    return pressed is not None and pressed.id == job.reply.message_id


def _is_here(interaction: Interaction, job: Job) -> bool:
    """Whether the job is of the server in which the button was pressed."""
    return interaction.guild_id is not None and job.guild_id == interaction.guild_id


FEATURE = Feature(picture_actions={Action.DELETE: delete, Action.CANCEL: cancel})
