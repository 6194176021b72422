"""Changing limits: say what came of it, tell the log channel, offer to take it back."""

from collections.abc import Mapping
from typing import Any

import discord

from bot.commands.admin.access import admin_guild
from bot.commands.admin.announcing import announce
from bot.commands.admin.limit_lines import UNUSABLE, loosens
from bot.commands.admin.undo import last_change, values_before
from bot.kit import Feature, Interaction
from bot.texts import Texts, _, texts_of
from bot.ui.buttons import own_button
from bot.ui.container import row_of, say, show, text_page
from bot.ui.limit_words import limit_line
from bot.wire.acknowledging import acknowledge
from bot.wire.errors import UserError
from common.limits import LIMITS
from jobs.changing.administration import UnusableLimitError
from jobs.entering.limits import LoosensOperatorLimit


async def change_limits(
    interaction: Interaction, guild_id: int, changes: Mapping[str, Any], *, is_undo: bool = False
) -> None:
    """Set limits, or take a change back. The interaction is acknowledged.

    Raises:
        UserError: if the change would loosen what the operator allows, or is none that can be.
    """
    t = texts_of(interaction)
    if not changes:
        await say(interaction, t("Nothing was changed."))
        return
    try:
        outcome = await interaction.client.queue.limits.set(
            guild_id, changes, interaction.user.id, is_undo=is_undo
        )
    except UnusableLimitError as error:
        known = LIMITS.get(error.limit)
        raise UserError(UNUSABLE, limit=known.label if known else error.limit) from None
    if isinstance(outcome, LoosensOperatorLimit):
        raise loosens(t, outcome.limit, outcome.operator_value, outcome.asked)
    said = await announce(
        interaction,
        guild_id,
        lambda t: "\n".join(
            [t("A change of limits is taken back:") if is_undo else t("Limits are changed:")]
            + [limit_line(t, name, getattr(outcome, name)) for name in LIMITS if name in changes]
        ),
    )
    await _offer_undo(interaction, guild_id, said)


async def _offer_undo(interaction: Interaction, guild_id: int, said: str) -> None:
    """Say what was changed, with a button to take it back."""
    user_id = interaction.user.id
    change_id = await last_change(interaction.client.queue, guild_id, user_id)
    if change_id is None:  # somebody else was faster
        await say(interaction, said)
        return
    button = undo_button.of(texts_of(interaction), user_id, change_id)
    await show(interaction, text_page(said, row_of(button)))


@own_button("limits-undo", _("Undo"), emoji="↩️")
async def undo_button(interaction: Interaction, _t: Texts, about: int) -> None:
    """Takes the last change of limits back; the permission may be gone since."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction)
    before = await values_before(interaction.client.queue, guild_id, about)
    await change_limits(interaction, guild_id, before, is_undo=True)


@own_button("limits-reset", _("Reset all"), style=discord.ButtonStyle.danger)
async def reset_button(interaction: Interaction, _t: Texts, _about: int) -> None:
    """Resets all limits of the server; the permission may be gone since."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction)
    await interaction.client.queue.limits.reset(guild_id, interaction.user.id)
    said = await announce(
        interaction, guild_id, lambda t: t("All limits of this server are reset.")
    )
    await _offer_undo(interaction, guild_id, said)


FEATURE = Feature(buttons=(reset_button, undo_button))
