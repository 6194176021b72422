"""Cancelling all that waits in a server, and taking that back."""

import discord

from bot.commands.admin.access import admin_guild
from bot.commands.admin.announcing import announce
from bot.kit import Feature, Interaction
from bot.texts import Texts, _
from bot.ui.buttons import own_button
from bot.ui.container import row_of, say, show, text_page
from bot.wire.acknowledging import acknowledge
from bot.wire.errors import UserError
from jobs.outcomes import TooLateToUndo

TOO_LATE = _("This was more than ten minutes ago and can no longer be undone.")


def clear_question(t: Texts, count: int) -> str:
    """What is asked before the queue is cleared."""
    return t.plural(
        "Cancel {count} waiting picture? Its owner is told. You can undo it for ten minutes.",
        "Cancel {count} waiting pictures? Their owners are told. You can undo it for ten minutes.",
        count=count,
    )


@own_button("queue-clear", _("Cancel them all"), style=discord.ButtonStyle.danger)
async def clear_button(interaction: Interaction, t: Texts, _about: int) -> None:
    """Cancels what waits in the server; the permission may be gone since."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction)
    cleared = await interaction.client.queue.clearings.clear(guild_id, interaction.user.id)
    count = len(cleared.job_ids)
    said = await announce(
        interaction,
        guild_id,
        lambda t: t.plural(
            "{count} waiting picture is cancelled.",
            "{count} waiting pictures are cancelled.",
            count=count,
        ),
    )
    if not count:
        await say(interaction, said)
        return
    until = discord.utils.format_dt(cleared.undo_until, "t")
    note = t("-# This can be undone until {time}.", time=until)
    button = undo_clear_button.of(t, interaction.user.id, cleared.id)
    await show(interaction, text_page(f"{said}\n{note}", row_of(button)))


@own_button("queue-clear-undo", _("Undo"), emoji="↩️")
async def undo_clear_button(interaction: Interaction, t: Texts, about: int) -> None:
    """Puts what was cancelled back to its places; the permission may be gone since."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction)
    outcome = await interaction.client.queue.clearings.undo(about, guild_id, interaction.user.id)
    if isinstance(outcome, TooLateToUndo):
        raise UserError(TOO_LATE)
    if outcome.job_ids:
        said = await announce(
            interaction,
            guild_id,
            lambda t: t.plural(
                "{count} picture waits again, at its old place.",
                "{count} pictures wait again, at their old places.",
                count=len(outcome.job_ids),
            ),
        )
    else:
        said = t("There is nothing left to be put back.")
    if outcome.lost:
        lost = t.plural(
            "{count} stays cancelled, because its owner has deleted its pictures.",
            "{count} stay cancelled, because their owners have deleted their pictures.",
            count=outcome.lost,
        )
        said = f"{said}\n{lost}"
    await say(interaction, said)


FEATURE = Feature(buttons=(clear_button, undo_clear_button))
