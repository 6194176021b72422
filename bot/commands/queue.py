"""`/queue`: your own jobs with their places, and the server's queue."""

from collections.abc import Mapping, Sequence
from typing import Any

import discord
from discord import app_commands, ui

from bot.commands.cancel import cancel_in_words
from bot.intake.request import asker_of
from bot.kit import Feature, Interaction
from bot.texts import Texts, _, texts_of
from bot.ui.components import Card, card, own_button, row_of, show
from bot.ui.words import job_line, plain, position_words
from bot.wire.acknowledging import acknowledge
from jobs.model import Job, QueuePosition
from jobs.outcomes import Usage
from jobs.scheduling.positions import QueueOverview

OWN_SHOWN = 8  # each takes 3 of a message's 40 components
OTHERS_SHOWN = 10


@app_commands.command(name="queue")
async def queue(interaction: Interaction) -> None:
    """Your waiting pictures with their places, and the server's queue."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    await show(interaction, await queue_page(interaction))


async def queue_page(interaction: Interaction, note: str | None = None) -> Card:
    """The queue for the user, as it is now."""
    t = texts_of(interaction)
    queue = interaction.client.queue
    own = await queue.positions.unfinished_of(interaction.user.id, limit=OWN_SHOWN + 1)
    everybody: Sequence[Job] = ()
    if interaction.guild_id is not None:
        everybody = await queue.positions.waiting(interaction.guild_id, limit=OTHERS_SHOWN)
    positions = await queue.positions.get_many([job.id for job in (*own, *everybody)])
    overview = await queue.positions.overview(interaction.guild_id)
    parts: list[str | ui.Item[Any]] = [
        _headline(t, overview, note),
        ui.Separator(),
        *_own_parts(interaction, t, own, positions),
        _usage_words(t, *await queue.submissions.usage(asker_of(interaction))),
    ]
    if interaction.guild_id is not None:
        parts += [ui.Separator(), _server_words(t, everybody, positions, overview)]
    return card(*parts, row_of(queue_refresh_button.of(t, interaction.user.id)))


def _headline(t: Texts, overview: QueueOverview, note: str | None) -> str:
    lines = [t("## Queue")]
    if note:
        lines.append(note)
    if overview.paused_everywhere:
        lines.append(
            t(
                "⏸️ The operator of this bot has paused the queue of all servers; waiting "
                "pictures keep their places."
            )
        )
    elif overview.paused:
        lines.append(t("⏸️ An admin has paused the queue; waiting pictures keep their places."))
    if overview.engine_starting:
        lines.append(t("The painter is starting; waiting pictures will be painted in a moment."))
    elif not overview.engines_alive:
        lines.append(
            t("The painter is not running; waiting pictures will be painted when it is back.")
        )
    return "\n".join(lines)


def _own_parts(
    interaction: Interaction, t: Texts, own: Sequence[Job], positions: Mapping[int, QueuePosition]
) -> list[str | ui.Item[Any]]:
    """The user's own jobs, each with a button to cancel it."""
    user_id = interaction.user.id
    if not own:
        return [t("None of your pictures is waiting. Start one with /paint.")]
    parts: list[str | ui.Item[Any]] = [t("**Your pictures**")]
    for job in own[:OWN_SHOWN]:
        line = " · ".join(filter(None, (job_line(t, job), _where(interaction, t, job))))
        words = f"{line}\n{position_words(t, job, positions.get(job.id))}"
        label = t("Cancel #{job_id}", job_id=job.id)  # there may be eight of them
        button = queue_cancel_button.button(label, user_id, job.id)
        parts.append(ui.Section(words, accessory=button))
    if len(own) > OWN_SHOWN:
        parts.append(t("… and more; /cancel finds them all."))
    return parts


def _where(interaction: Interaction, t: Texts, job: Job) -> str | None:
    """Where a job was asked for, if elsewhere: it counts there, and may be paused there."""
    if job.guild_id == interaction.guild_id:
        return None
    if job.guild_id is None:
        return t("in DMs")
    guild = interaction.client.get_guild(job.guild_id)
    if guild is None or guild.unavailable:
        return t("in another server")
    return t("in {server}", server=plain(guild.name))


def _usage_words(t: Texts, waiting: Usage, today: Usage) -> str:
    """What the limits leave; each version counts as one picture."""
    counts = t(
        "Places taken: {taken} of {places} · pictures in 24 hours: {today} of {daily} · "
        "each version counts",
        taken=min(waiting.current, waiting.allowed),  # versions can exceed the places
        places=waiting.allowed,
        today=today.current,
        daily=today.allowed,
    )
    return f"-# {counts}"


def _server_words(
    t: Texts,
    everybody: Sequence[Job],
    positions: Mapping[int, QueuePosition],
    overview: QueueOverview,
) -> str:
    lines = [
        t(
            "**This server:** {waiting} waiting, {running} being painted",
            waiting=overview.waiting,
            running=overview.running,
        )
    ]
    for job in everybody:
        position = position_words(t, job, positions.get(job.id))
        lines.append(f"#{job.id} · <@{job.user_id}> · {position}")
    if overview.waiting > len(everybody):
        lines.append("…")
    return "\n".join(lines)


@own_button("queue:refresh", _("Refresh"), emoji="🔄")
async def queue_refresh_button(interaction: Interaction, _t: Texts, _about: int) -> None:
    """Shows the queue as it is now."""
    await acknowledge(interaction)
    await show(interaction, await queue_page(interaction))


@own_button("queue:cancel", "", style=discord.ButtonStyle.danger)
async def queue_cancel_button(interaction: Interaction, _t: Texts, job_id: int) -> None:
    """Cancels one of the listed jobs, and refreshes the list."""
    await acknowledge(interaction)
    said = await cancel_in_words(interaction, job_id)
    await show(interaction, await queue_page(interaction, note=said))


FEATURE = Feature(commands=(queue,), buttons=(queue_cancel_button, queue_refresh_button))
