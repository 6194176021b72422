"""`/operator`: what the bot's operator decides for all servers and direct messages."""

import discord
from discord import app_commands

from bot.commands.admin.access import AdminGroup, change
from bot.commands.admin.audit import audit_line
from bot.commands.admin.blocklist import block, block_line, cancel_unfinished, spans
from bot.commands.admin.queue_admin import clear_queue, offer_to_clear, undo_clearing
from bot.kit import Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.components import card, own_button, show
from bot.ui.people import is_operator
from bot.ui.words import those_that_fit
from bot.wire.acknowledging import acknowledge
from jobs.management.administration import REASON_LIMIT

ONLY_OPERATORS = _("Only the operator of this bot may do that.")
SHOWN = 25
CHANGES_LIMIT, NAMES_LIMIT = 2300, 1500
"""Characters; a message takes 4,000."""


def check_operator(interaction: Interaction) -> None:
    """Let only operators through.

    Raises:
        UserError: It is somebody else.
    """
    if not is_operator(interaction.user.id, interaction.client.settings):
        raise UserError(ONLY_OPERATORS)


operator = AdminGroup("operator", "For the operator of this bot: all servers together.")


async def _begin(interaction: Interaction) -> Texts:
    """Acknowledge an operator's command; returns the language of the response."""
    check_operator(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    return texts_of(interaction)


@operator.command(name="block")
@app_commands.describe(
    user="Who to block.",
    reason="Why; they see this when they are refused.",
    lasts="For how long, such as 3 days. Default: until somebody unblocks them.",
)
@app_commands.autocomplete(lasts=spans)
async def block_everywhere(
    interaction: Interaction,
    user: discord.User,
    reason: app_commands.Range[str, 1, REASON_LIMIT] | None = None,
    lasts: app_commands.Range[str, 1, 30] | None = None,
) -> None:
    """Stop somebody from painting anywhere."""
    check_operator(interaction)
    await block(
        interaction,
        user,
        None,
        reason=reason,
        lasts=lasts,
        cancel_button=cancel_everywhere_button,
    )


@own_button("block-cancel-all", _("Cancel these too"), style=discord.ButtonStyle.danger)
async def cancel_everywhere_button(interaction: Interaction, _t: Texts, user_id: int) -> None:
    """Cancels somebody's unfinished pictures everywhere."""
    check_operator(interaction)
    await cancel_unfinished(interaction, user_id, None)


@operator.command(name="unblock")
@app_commands.describe(user="Who to let paint again.")
async def unblock(interaction: Interaction, user: discord.User) -> None:
    """Let somebody paint again."""
    t = await _begin(interaction)
    await change(
        interaction,
        None,
        interaction.client.queue.blocks.remove(None, user.id, interaction.user.id),
        lambda t: t("<@{user_id}> may paint again; servers can still block them.", user_id=user.id),
        t("<@{user_id}> was not blocked everywhere.", user_id=user.id),
    )


@operator.command(name="pause")
async def pause(interaction: Interaction) -> None:
    """Start no more pictures anywhere until you resume."""
    t = await _begin(interaction)
    await change(
        interaction,
        None,
        interaction.client.queue.pauses.pause(None, interaction.user.id),
        lambda t: t("No more pictures are started anywhere until /operator resume."),
        t("The queue is already paused."),
    )


@operator.command(name="resume")
async def resume(interaction: Interaction) -> None:
    """Go on painting after a pause."""
    t = await _begin(interaction)
    await change(
        interaction,
        None,
        interaction.client.queue.pauses.resume(None, interaction.user.id),
        lambda t: t("The queue is running again, except in servers that are paused themselves."),
        t("The queue is not paused."),
    )


@operator.command(name="clear")
async def clear(interaction: Interaction) -> None:
    """Cancel everything that is waiting anywhere."""
    await _begin(interaction)
    await offer_to_clear(interaction, None, clear_everywhere_button, undo_everywhere_button)


@operator.command(name="log")
async def show_log(interaction: Interaction) -> None:
    """What was decided for all servers; who is blocked."""
    t = await _begin(interaction)
    queue = interaction.client.queue
    lines = [audit_line(t, entry) for entry in await queue.audit.read(None, limit=SHOWN)]
    blocked = [block_line(t, each) for each in await queue.blocks.all(None)]
    changes = those_that_fit(t, lines, CHANGES_LIMIT, between="\n")
    names = those_that_fit(t, blocked, NAMES_LIMIT, between=", ")
    words = t("Blocked everywhere: {names}", names=names or t("nobody"))
    await show(
        interaction,
        card(t("## Log of changes"), changes or t("Nothing has been changed so far."), words),
    )


@own_button("clear-everywhere", _("Cancel them all"), style=discord.ButtonStyle.danger)
async def clear_everywhere_button(interaction: Interaction, _t: Texts, _about: int) -> None:
    """Cancels everything that is waiting anywhere."""
    check_operator(interaction)
    await clear_queue(interaction, None, undo_everywhere_button)


@own_button("clear-everywhere-undo", _("Undo"), emoji="↩️")
async def undo_everywhere_button(interaction: Interaction, _t: Texts, clear_id: int) -> None:
    """Puts cancelled pictures back in their places."""
    check_operator(interaction)
    await undo_clearing(interaction, clear_id, None)


FEATURE = Feature(
    commands=(operator,),
    buttons=(clear_everywhere_button, undo_everywhere_button, cancel_everywhere_button),
)
