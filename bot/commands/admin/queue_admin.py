"""`/queue-admin`: pause, resume, clear, remove, move to the front."""

from discord import app_commands

from bot.commands.admin.access import AdminGroup, admin_guild
from bot.commands.admin.announcing import announce
from bot.commands.admin.clearing import clear_button, clear_question
from bot.kit import Feature, Interaction
from bot.texts import Texts, _, texts_of
from bot.ui.buttons import own_button
from bot.ui.choices import CHOICES, JobNumber, job_choices
from bot.ui.container import card, row_of, say, show, text_page
from bot.wire.acknowledging import acknowledge
from bot.wire.errors import UserError
from jobs.model import Job
from jobs.outcomes import AlreadyEnded

NO_SUCH_JOB = _("There is no waiting picture #{job_id} in this server; /queue shows them.")

queue_admin = AdminGroup("queue-admin", "Pause, resume and clear the queue of this server.")


@queue_admin.command(name="pause", description="Paint nothing more until you resume.")
async def pause(interaction: Interaction) -> None:
    """Pause the server's queue."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    if not await interaction.client.queue.pauses.pause(guild_id, interaction.user.id):
        await say(interaction, texts_of(interaction)("The queue is paused already."))
        return
    said = await announce(
        interaction,
        guild_id,
        lambda t: t("The queue is paused. What waits keeps its place until /queue-admin resume."),
    )
    await say(interaction, said)


@queue_admin.command(name="resume", description="Go on painting after a pause.")
async def resume(interaction: Interaction) -> None:
    """Resume the server's queue."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    if not await interaction.client.queue.pauses.resume(guild_id, interaction.user.id):
        await say(interaction, texts_of(interaction)("The queue is not paused."))
        return
    said = await announce(interaction, guild_id, lambda t: t("The queue goes on."))
    await say(interaction, said)


@queue_admin.command(name="clear", description="Cancel everything that waits in this server.")
async def clear(interaction: Interaction) -> None:
    """Ask first."""
    guild_id = admin_guild(interaction)
    t = texts_of(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    overview = await interaction.client.queue.standings.overview(guild_id)
    if not overview.waiting:
        await say(interaction, t("Nothing waits in this server."))
        return
    row = row_of(
        clear_button.of(t, interaction.user.id, guild_id), nothing_button.of(t, interaction.user.id)
    )
    await show(interaction, text_page(clear_question(t, overview.waiting), row))


@own_button("change-nothing", _("Change nothing"))
async def nothing_button(interaction: Interaction, t: Texts, _about: int) -> None:
    """Answers a question with no."""
    await interaction.response.edit_message(view=card(t("Nothing was changed.")))


async def _waiting_job(interaction: Interaction, guild_id: int, job_id: int) -> Job:
    job = await interaction.client.queue.jobs.get(job_id)
    if job is None or job.guild_id != guild_id or job.state.ended:
        raise UserError(NO_SUCH_JOB, job_id=job_id)
    return job


@queue_admin.command(name="remove", description="Cancel one picture of this server.")
@app_commands.describe(picture="The picture; those that wait are offered.")
async def remove(interaction: Interaction, picture: JobNumber) -> None:
    """Cancel a job."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    job = await _waiting_job(interaction, guild_id, picture)
    queue = interaction.client.queue
    if isinstance(await queue.jobs.remove(job.id, interaction.user.id), AlreadyEnded):
        raise UserError(NO_SUCH_JOB, job_id=picture)
    said = await announce(
        interaction,
        guild_id,
        lambda t: t("#{job_id} of <@{owner}> is cancelled.", job_id=job.id, owner=job.user_id),
    )
    await say(interaction, said)


@queue_admin.command(name="front", description="Paint one waiting picture next.")
@app_commands.describe(picture="The picture; those that wait are offered.")
async def front(interaction: Interaction, picture: JobNumber) -> None:
    """Move a job to the front."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    job = await _waiting_job(interaction, guild_id, picture)
    queue = interaction.client.queue
    if not await queue.jobs.move_to_front(job.id, interaction.user.id):
        raise UserError(NO_SUCH_JOB, job_id=picture)
    said = await announce(
        interaction,
        guild_id,
        lambda t: t("#{job_id} of <@{owner}> is painted next.", job_id=job.id, owner=job.user_id),
    )
    await say(interaction, said)


@remove.autocomplete("picture")
@front.autocomplete("picture")
async def waiting_jobs(interaction: Interaction, current: str) -> list[app_commands.Choice[int]]:
    """Offer what waits in the server, to its admins."""
    guild_id = admin_guild(interaction)
    t = texts_of(interaction)
    jobs = await interaction.client.queue.standings.waiting(guild_id, limit=CHOICES)
    return job_choices(t, jobs, current, with_user=True)


FEATURE = Feature(commands=(queue_admin,), buttons=(nothing_button,))
