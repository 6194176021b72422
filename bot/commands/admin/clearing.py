"""Cancelling all that waits in a server, and taking that back."""

import discord

from bot.commands.admin.access import admin_guild
from bot.commands.admin.announcing import announce
from bot.kit import Feature, Interaction
from bot.texts import Texts, _
from bot.ui.buttons import OwnButton
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


class ClearButton(
    OwnButton, kind="queue-clear", label=_("Cancel them all"), style=discord.ButtonStyle.danger
):
    """Cancels what waits in the server."""

    async def press(self, interaction: Interaction, t: Texts) -> None:
        """Clear. The permission may be gone since the question."""
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
        button = UndoClearButton(t, interaction.user.id, cleared.id)
        await show(interaction, text_page(f"{said}\n{note}", row_of(button)))


class UndoClearButton(OwnButton, kind="queue-clear-undo", label=_("Undo"), emoji="↩️"):
    """Puts what was cancelled back to its places."""

    async def press(self, interaction: Interaction, t: Texts) -> None:
        """Put it back. The permission may be gone since the clearing."""
        guild_id = admin_guild(interaction)
        await acknowledge(interaction)
        outcome = await interaction.client.queue.clearings.undo(
            int(self.about or 0), guild_id, interaction.user.id
        )
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


FEATURE = Feature(buttons=(ClearButton, UndoClearButton))
