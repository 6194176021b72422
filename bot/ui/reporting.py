"""Forms and components whose errors reach the user as a sentence."""

import secrets
from typing import Any

import discord
from discord import ui

from bot.texts import _
from bot.wire.errors import report

STALE_MODAL = _(
    "This form was open for too long, or I was restarted in the meantime; please start again."
)
_MODAL_PREFIX = "atelier:modal:"
_MODAL_SECONDS = 3600.0
_TAKEN = "taken"
"""Set in the extras of what was submitted where its form is known."""


class ReportingModal(ui.Modal):
    """A modal that reports what goes wrong in it, and is forgotten after a while.

    By its custom_id one that is not known any more gets an answer, too.
    """

    def __init__(self, *, title: str) -> None:
        super().__init__(
            title=title[:45],
            timeout=_MODAL_SECONDS,
            custom_id=f"{_MODAL_PREFIX}{secrets.token_hex(16)}",
        )

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Refuse what came before, and what comes during the end."""
        interaction.extras[_TAKEN] = True
        return bool(await interaction.client.may_serve(interaction))

    async def on_error(  # type: ignore[override]  # discord.py's modals narrow it too
        self, interaction: discord.Interaction[Any], error: Exception, /
    ) -> None:
        """Tell the user."""
        interaction.extras[_TAKEN] = True
        await report(interaction, error)


def is_stale_modal(interaction: discord.Interaction[Any]) -> bool:
    """Whether a form comes back that is not known: of an earlier run, too old, or sent before.

    To be asked after discord.py has handed it to its form.
    """
    if interaction.type is not discord.InteractionType.modal_submit:
        return False
    data: Any = interaction.data or {}
    custom_id = str(data.get("custom_id", ""))
    return custom_id.startswith(_MODAL_PREFIX) and _TAKEN not in interaction.extras
