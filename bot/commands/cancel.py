"""`/cancel`: stop one of one's own jobs, chosen from those that wait or are painted."""

from discord import app_commands

from bot.commands.cancelling import cancel_job
from bot.kit import Feature, Interaction
from bot.texts import texts_of
from bot.ui.words import job_choice
from bot.wire.acknowledging import acknowledge
from jobs.model import JobState

CHOICES = 25
MAX_JOB_ID = 2**53


@app_commands.command(name="cancel", description="Stop one of your pictures that is not finished.")
@app_commands.describe(job="The picture; your waiting ones are offered.")
async def cancel(interaction: Interaction, job: app_commands.Range[int, 1, MAX_JOB_ID]) -> None:
    """Stop a job."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    said = await cancel_job(interaction, texts_of(interaction), job)
    await interaction.edit_original_response(content=said)


@cancel.autocomplete("job")
async def own_jobs(interaction: Interaction, current: str) -> list[app_commands.Choice[int]]:
    """Offer the member's jobs that can still be stopped."""
    t = texts_of(interaction)
    jobs = await interaction.client.queue.jobs.of_user(
        interaction.user.id, states=(JobState.QUEUED, JobState.RUNNING), limit=CHOICES
    )
    named = ((job_choice(t, job), job.id) for job in jobs)
    return [
        app_commands.Choice(name=name, value=job_id)
        for name, job_id in named
        if str(current).casefold().lstrip("#") in name.casefold()
    ]


FEATURE = Feature(commands=(cancel,))
