"""`/queue`: one's own jobs with their places, and the queue of the server."""

from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands, ui

from bot.commands.cancelling import cancel_job
from bot.kit import Feature, Interaction
from bot.texts import Texts, texts_of
from bot.ui.buttons import OwnButton, template
from bot.ui.paging import Page, show
from bot.ui.words import job_line, standing_words
from bot.wire.acknowledging import acknowledge
from jobs.model import Job, JobState, Standing
from jobs.order.standings import QueueOverview

OWN_SHOWN = 8  # each takes 3 of the 40 components of a message
OTHERS_SHOWN = 10


@app_commands.command(
    name="queue", description="Your waiting pictures with their places, and the server's queue."
)
async def queue(interaction: Interaction) -> None:
    """Show the queue."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    await show(interaction, await queue_page(interaction))


async def queue_page(interaction: Interaction, note: str | None = None) -> Page:
    """The queue as it stands for the one who asks."""
    t = texts_of(interaction)
    queue = interaction.client.queue
    own = await queue.jobs.of_user(
        interaction.user.id, states=(JobState.QUEUED, JobState.RUNNING), limit=OWN_SHOWN + 1
    )
    own.reverse()
    everybody: Sequence[Job] = ()
    if interaction.guild_id is not None:
        everybody = await queue.standings.waiting(interaction.guild_id, limit=OTHERS_SHOWN)
    standings = await queue.standings.get_many([job.id for job in (*own, *everybody)])
    overview = await queue.standings.overview(interaction.guild_id)
    container: ui.Container[Any] = ui.Container()
    container.add_item(ui.TextDisplay(_headline(t, overview, note)))
    container.add_item(ui.Separator())
    _add_own(container, t, own, standings, interaction.user.id)
    if interaction.guild_id is not None:
        container.add_item(ui.Separator())
        container.add_item(ui.TextDisplay(_server_words(t, everybody, standings, overview)))
    row: ui.ActionRow[Any] = ui.ActionRow()
    row.add_item(QueueRefreshButton(t, interaction.user.id))
    container.add_item(row)
    layout = ui.LayoutView(timeout=None)
    layout.add_item(container)
    return Page(layout)


def _headline(t: Texts, overview: QueueOverview, note: str | None) -> str:
    lines = [t("## Queue")]
    if note:
        lines.append(note)
    if overview.paused:
        lines.append(t("⏸️ The queue is paused by an admin; what waits keeps its place."))
    if not overview.engines_alive:
        lines.append(t("No engine is running; what waits is painted when one is back."))
    return "\n".join(lines)


def _add_own(
    container: "ui.Container[Any]",
    t: Texts,
    own: Sequence[Job],
    standings: dict[int, Standing],
    user_id: int,
) -> None:
    if not own:
        container.add_item(
            ui.TextDisplay(t("None of your pictures is waiting. Start one with /paint."))
        )
        return
    container.add_item(ui.TextDisplay(t("**Your pictures**")))
    for job in own[:OWN_SHOWN]:
        standing = standing_words(t, job, standings.get(job.id))
        container.add_item(
            ui.Section(
                ui.TextDisplay(f"{job_line(t, job)}\n{standing}"),
                accessory=QueueCancelButton(t, user_id, job.id),
            )
        )
    if len(own) > OWN_SHOWN:
        container.add_item(ui.TextDisplay(t("… and more; /cancel reaches them all.")))


def _server_words(
    t: Texts, everybody: Sequence[Job], standings: dict[int, Standing], overview: QueueOverview
) -> str:
    lines = [
        t(
            "**This server:** {waiting} waiting, {running} being painted",
            waiting=overview.waiting,
            running=overview.running,
        )
    ]
    for job in everybody:
        standing = standing_words(t, job, standings.get(job.id))
        lines.append(f"#{job.id} · <@{job.user_id}> · {standing}")
    if overview.waiting > len(everybody):
        lines.append("…")
    return "\n".join(lines)


class QueueRefreshButton(OwnButton, template=template("queue:refresh")):
    """Shows the queue as it stands now."""

    kind = "queue:refresh"
    emoji = "🔄"

    def label(self, t: Texts) -> str:
        """What stands on the button."""
        return t("Refresh")

    async def press(self, interaction: Interaction, t: Texts) -> None:  # noqa: ARG002 - as all
        """Show it anew."""
        await acknowledge(interaction)
        await show(interaction, await queue_page(interaction))


class QueueCancelButton(OwnButton, template=template("queue:cancel")):
    """Cancels one of the jobs in the list, and shows the list anew."""

    kind = "queue:cancel"
    style = discord.ButtonStyle.danger

    def label(self, t: Texts) -> str:
        """What stands on the button."""
        return t("Cancel")

    async def press(self, interaction: Interaction, t: Texts) -> None:
        """Cancel the job."""
        await acknowledge(interaction)
        said = await cancel_job(interaction, t, int(self.about or 0))
        await show(interaction, await queue_page(interaction, note=said))


FEATURE = Feature(commands=(queue,), buttons=(QueueCancelButton, QueueRefreshButton))
