"""`/queue-admin`: pause, resume, clear, remove, move to the front."""

import discord
from discord import app_commands

from bot.commands.admin.access import (
    AdminGroup,
    admin_guild,
    announce,
    begin_as_admin,
    change,
    tell,
)
from bot.kit import Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.choices import CHOICES, JobNumber, job_choices
from bot.ui.components import PersistentItem, card, own_button, row_of, say, show
from bot.ui.people import is_admin
from bot.wire.acknowledging import acknowledge
from jobs.model import Job
from jobs.outcomes import AlreadyEnded, Cleared, TooLateToUndo

NO_SUCH_JOB = _("There is no waiting picture #{job_id} in this server; /queue shows them.")

TOO_LATE = _("This was more than ten minutes ago and can no longer be undone.")

STANDS_STILL = _(
    "This server's queue is not paused, but the operator of this bot has paused all servers; "
    "painting goes on when they resume."
)

queue_admin = AdminGroup("queue-admin", "Pause, resume and clear the queue of this server.")


@queue_admin.command(name="pause")
async def pause(interaction: Interaction) -> None:
    """Start no more pictures until you resume."""
    guild_id = await begin_as_admin(interaction)
    await change(
        interaction,
        guild_id,
        interaction.client.queue.pauses.pause(guild_id, interaction.user.id),
        lambda t: t(
            "The queue is paused. Waiting pictures keep their places until /queue-admin resume."
        ),
        texts_of(interaction)("The queue is already paused."),
    )


@queue_admin.command(name="resume")
async def resume(interaction: Interaction) -> None:
    """Go on painting after a pause."""
    guild_id = await begin_as_admin(interaction)
    queue = interaction.client.queue
    resumed = await queue.pauses.resume(guild_id, interaction.user.id)
    stands_still = (await queue.positions.overview(guild_id)).paused_everywhere
    if not resumed:
        said = STANDS_STILL if stands_still else _("The queue is not paused.")
        await say(interaction, texts_of(interaction)(said))
        return
    said = STANDS_STILL if stands_still else _("The queue is running again.")
    await tell(interaction, guild_id, lambda t: t(said))


@queue_admin.command(name="clear")
async def clear(interaction: Interaction) -> None:
    """Cancel everything that is waiting in this server."""
    guild_id = await begin_as_admin(interaction)
    await offer_to_clear(interaction, guild_id, clear_button, undo_clear_button)


@own_button("change-nothing", _("Change nothing"))
async def nothing_button(interaction: Interaction, t: Texts, _about: int) -> None:
    """Answers a question with no."""
    await acknowledge(interaction)
    await say(interaction, t("Nothing was changed."))


async def offer_to_clear(
    interaction: Interaction,
    guild_id: int | None,
    clear: type[PersistentItem],
    undo: type[PersistentItem],
) -> None:
    """Ask whether to cancel all that waits in a server, or (None) anywhere."""
    t, user_id = texts_of(interaction), interaction.user.id
    overview = await interaction.client.queue.positions.overview(guild_id)
    if not overview.waiting:
        await _say_nothing_waits(interaction, guild_id, undo)
        return
    question = t.plural(
        "Cancel {count} waiting picture? Its owner will be told. You can undo this for ten "
        "minutes.",
        "Cancel {count} waiting pictures? Their owners will be told. You can undo this for ten "
        "minutes.",
        count=overview.waiting,
    )
    if guild_id is None:
        question = f"{t('**In all servers and DMs:**')} {question}"
    row = row_of(clear.of(t, user_id, guild_id), nothing_button.of(t, user_id))
    await show(interaction, card(question, row))


async def clear_queue(
    interaction: Interaction, guild_id: int | None, undo: type[PersistentItem]
) -> None:
    """Cancel all that waits, and say so with a button that undoes it."""
    await acknowledge(interaction)
    cleared = await interaction.client.queue.clearings.clear(guild_id, interaction.user.id)
    if not cleared.job_ids:
        await _say_nothing_waits(interaction, guild_id, undo)
        return
    said = await announce(interaction, guild_id, lambda t: _cleared_words(t, cleared))
    await _show_undo(interaction, said, cleared, undo)


async def undo_clearing(interaction: Interaction, clear_id: int, guild_id: int | None) -> None:
    """Put cancelled pictures back in their places, and say how many."""
    await acknowledge(interaction)
    clearings, t = interaction.client.queue.clearings, texts_of(interaction)
    outcome = await clearings.undo(clear_id, guild_id, interaction.user.id)
    if isinstance(outcome, TooLateToUndo):
        raise UserError(TOO_LATE)
    said, count = t("There is nothing left to put back."), len(outcome.job_ids)
    if count:
        said = await announce(
            interaction,
            guild_id,
            lambda t: t.plural(
                "{count} picture is waiting again, in its old place.",
                "{count} pictures are waiting again, in their old places.",
                count=count,
            ),
        )
    if outcome.lost:
        said += "\n" + t.plural(
            "{count} stays cancelled, because its owner has deleted its pictures.",
            "{count} stay cancelled, because their owners have deleted their pictures.",
            count=outcome.lost,
        )
    await say(interaction, said)


def _cleared_words(t: Texts, cleared: Cleared) -> str:
    """How many were cancelled."""
    return t.plural(
        "{count} waiting picture was cancelled.",
        "{count} waiting pictures were cancelled.",
        count=len(cleared.job_ids),
    )


async def _show_undo(
    interaction: Interaction, said: str, cleared: Cleared, undo: type[PersistentItem]
) -> None:
    """Say what was cancelled, with a button that undoes it for a while."""
    t = texts_of(interaction)
    until = discord.utils.format_dt(cleared.undo_until, "t")
    note = t("-# This can be undone until {time}.", time=until)
    button = undo.of(t, interaction.user.id, cleared.id)
    await show(interaction, card(f"{said}\n{note}", row_of(button)))


async def _say_nothing_waits(
    interaction: Interaction, guild_id: int | None, undo: type[PersistentItem]
) -> None:
    """Say that nothing is waiting; with an undo button, as an earlier response may be lost."""
    t = texts_of(interaction)
    said = t("Nothing is waiting in this server.")
    if guild_id is None:
        said = t("Nothing is waiting anywhere.")
    cleared = await interaction.client.queue.clearings.last(guild_id, interaction.user.id)
    if cleared is None:
        await say(interaction, said)
    else:
        await _show_undo(interaction, f"{said}\n{_cleared_words(t, cleared)}", cleared, undo)


@own_button("queue-clear", _("Cancel them all"), style=discord.ButtonStyle.danger)
async def clear_button(interaction: Interaction, _t: Texts, _about: int) -> None:
    """Cancels what is waiting in the server; checks again that the user is an admin."""
    await clear_queue(interaction, admin_guild(interaction), undo_clear_button)


@own_button("queue-clear-undo", _("Undo"), emoji="↩️")
async def undo_clear_button(interaction: Interaction, _t: Texts, clear_id: int) -> None:
    """Puts cancelled pictures back in their places; checks again that the user is an admin."""
    await undo_clearing(interaction, clear_id, admin_guild(interaction))


async def _waiting_job(interaction: Interaction, guild_id: int, job_id: int) -> Job:
    job = await interaction.client.queue.jobs.get(job_id)
    if job is None or job.guild_id != guild_id or job.state.ended:
        raise UserError(NO_SUCH_JOB, job_id=job_id)
    return job


@queue_admin.command(name="remove")
@app_commands.describe(picture="The picture; choose from those that are waiting.")
async def remove(interaction: Interaction, picture: JobNumber) -> None:
    """Cancel one picture of this server."""
    guild_id = await begin_as_admin(interaction)
    job = await _waiting_job(interaction, guild_id, picture)
    queue = interaction.client.queue
    if isinstance(await queue.jobs.remove(job.id, interaction.user.id), AlreadyEnded):
        raise UserError(NO_SUCH_JOB, job_id=picture)
    await tell(
        interaction,
        guild_id,
        lambda t: t("#{job_id} by <@{owner}> was cancelled.", job_id=job.id, owner=job.user_id),
    )


@queue_admin.command(name="front")
@app_commands.describe(picture="The picture; choose from those that are waiting.")
async def front(interaction: Interaction, picture: JobNumber) -> None:
    """Paint one waiting picture next."""
    guild_id = await begin_as_admin(interaction)
    job = await _waiting_job(interaction, guild_id, picture)
    queue = interaction.client.queue
    if not await queue.jobs.move_to_front(job.id, interaction.user.id):
        raise UserError(NO_SUCH_JOB, job_id=picture)
    await tell(
        interaction,
        guild_id,
        lambda t: t(
            "#{job_id} by <@{owner}> will be painted next.", job_id=job.id, owner=job.user_id
        ),
    )


@remove.autocomplete("picture")
@front.autocomplete("picture")
async def waiting_jobs(interaction: Interaction, current: str) -> list[app_commands.Choice[int]]:
    """Autocomplete: what is waiting in the server, for admins; a server can open the command."""
    guild_id = interaction.guild_id
    if guild_id is None or not is_admin(interaction, interaction.client.settings):
        return []
    t = texts_of(interaction)
    jobs = await interaction.client.queue.positions.waiting(guild_id, limit=CHOICES)
    return job_choices(t, jobs, current, with_user=True)


FEATURE = Feature(
    commands=(queue_admin,), buttons=(clear_button, undo_clear_button, nothing_button)
)
