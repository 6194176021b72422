"""Modals whose errors reach the user as a sentence."""

import secrets
from typing import Any

import discord
from discord import ui

from bot.texts import _
from bot.wire.acknowledging import respond
from bot.wire.errors import report

STALE_MODAL = _(
    "This form was open for too long, or I was restarted in the meantime; please start again."
)
_MODAL_PREFIX = "atelier:modal:"
_MODAL_SECONDS = 3600.0
_TAKEN = "taken"
"""Key in `interaction.extras`: discord.py found the modal that was submitted."""


class ReportingModal(ui.Modal):
    """A modal whose errors reach the user; it expires after a while.

    The prefix of its custom_id lets an expired one be answered, too.
    """

    def __init__(self, *, title: str) -> None:
        super().__init__(
            title=title[:45],
            timeout=_MODAL_SECONDS,
            custom_id=f"{_MODAL_PREFIX}{secrets.token_hex(16)}",
        )

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Refuse repeated deliveries, and everything during a shutdown."""
        interaction.extras[_TAKEN] = True
        return bool(await interaction.client.may_serve(interaction))

    async def on_error(  # type: ignore[override]  # discord.py's modals narrow it too
        self, interaction: discord.Interaction[Any], error: Exception, /
    ) -> None:
        """Tell the user what went wrong."""
        interaction.extras[_TAKEN] = True
        await report(interaction, error)


async def open_modal(interaction: discord.Interaction[Any], modal: ReportingModal) -> None:
    """Answer an interaction with a modal, with retries.

    discord.py would know the modal only once Discord has confirmed it; it may be submitted sooner,
    and the confirmation may be lost.
    """
    interaction.client._connection.store_view(modal)  # noqa: SLF001 - there is no public way
    await respond(interaction, lambda: interaction.response.send_modal(modal))


def is_stale_modal(interaction: discord.Interaction[Any]) -> bool:
    """Whether a modal is unknown: of an earlier run, expired, or submitted before.

    Call this after discord.py has dispatched it.
    """
    if interaction.type is not discord.InteractionType.modal_submit:
        return False
    data: Any = interaction.data or {}
    custom_id = str(data.get("custom_id", ""))
    return custom_id.startswith(_MODAL_PREFIX) and _TAKEN not in interaction.extras
