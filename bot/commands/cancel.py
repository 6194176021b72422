"""`/cancel`: stop one of your own unfinished jobs."""

from discord import app_commands

from bot.commands import job_access
from bot.kit import Feature, Interaction
from bot.texts import texts_of
from bot.ui.choices import CHOICES, JobNumber, job_choices
from bot.wire.acknowledging import acknowledge
from bot.wire.original_response import fill_response
from jobs.outcomes import (
    AlreadyEnded,
    Cancelled,
    CancelRequested,
    NoSuchJob,
    NotYours,
)


@app_commands.command(name="cancel")
@app_commands.describe(job="The picture; choose from your waiting ones.")
async def cancel(interaction: Interaction, job: JobNumber) -> None:
    """Cancel one of your unfinished pictures."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    said = await cancel_in_words(interaction, job)
    await fill_response(interaction, content=said)


@cancel.autocomplete("job")
async def own_jobs(interaction: Interaction, current: str) -> list[app_commands.Choice[int]]:
    """Autocomplete: the member's unfinished jobs."""
    t = texts_of(interaction)
    positions = interaction.client.queue.positions
    jobs = await positions.unfinished_of(interaction.user.id, limit=CHOICES)
    return job_choices(t, jobs, current)


async def cancel_in_words(interaction: Interaction, job_id: int) -> str:
    """Cancel a job for the user, and return a sentence on the outcome."""
    t = texts_of(interaction)
    job = await interaction.client.queue.jobs.get(job_id)
    match NoSuchJob() if job is None else await job_access.cancel(interaction, job):
        case Cancelled():
            return t("#{job_id} was cancelled.", job_id=job_id)
        case CancelRequested():
            return t("#{job_id} is being stopped.", job_id=job_id)
        case AlreadyEnded():
            return t("#{job_id} has already ended.", job_id=job_id)
        case NotYours() | NoSuchJob():  # not told apart, so that nobody learns which jobs exist
            return t("You have no picture #{job_id}; /queue shows those you have.", job_id=job_id)


FEATURE = Feature(commands=(cancel,))
