"""Changes limits: say what changed, tell the log channel, offer to undo it."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import discord

from bot.commands.admin.access import admin_guild, announce, lacking_in
from bot.commands.admin.limit_lines import UNUSABLE, loosens
from bot.kit import Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.components import card, own_button, row_of, say, show
from bot.ui.limit_words import limit_line
from bot.wire.acknowledging import acknowledge
from common.limits import LIMITS
from jobs.management.administration import (
    RESET_LIMITS,
    SET_LIMITS,
    UNDO_LIMITS,
    UnusableLimitError,
)
from jobs.management.audit import BEFORE, AuditEntry
from jobs.queue import JobQueue
from jobs.submission.limits import LoosensOperatorLimit

CHANGES = frozenset({SET_LIMITS, UNDO_LIMITS, RESET_LIMITS})
ENTRIES_AT_ONCE = 100
NONE_SET = _("This server has set no limits of its own.")
CHANGED_SINCE = _("The limits have been changed again since then; /limits log shows who did it.")


async def change_limits(
    interaction: Interaction, guild_id: int, changes: Mapping[str, Any], *, is_undo: bool = False
) -> None:
    """Set limits, or undo a change. The interaction is acknowledged.

    Raises:
        UserError: The change would loosen the operator's limits, or has an invalid value.
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
    if outcome is None:
        none_set = all(value is None for value in changes.values())
        not_set = t("Nothing was changed: this server has not set that.")
        said = not_set if none_set else t("Nothing was changed: it was so already.")
        await _offer_undo(interaction, guild_id, said, repeated=changes)
        return
    if isinstance(outcome, LoosensOperatorLimit):
        raise loosens(t, outcome.limit, outcome.operator_value, outcome.asked)
    said = await announce(
        interaction,
        guild_id,
        lambda t: "\n".join(
            [t("A change of limits was undone:") if is_undo else t("Limits changed:")]
            + [limit_line(t, name, getattr(outcome, name)) for name in LIMITS if name in changes]
        ),
    )
    gallery_id = changes.get("gallery_channel_id")
    if gallery_id is not None and (lacking := lacking_in(interaction, gallery_id)):
        said = f"{said}\n{lacking}"
    await _offer_undo(interaction, guild_id, said)


async def _offer_undo(
    interaction: Interaction,
    guild_id: int,
    said: str,
    *,
    repeated: Collection[str] | None = None,
) -> None:
    """Say what was changed, with a button to undo it.

    Args:
        interaction: Of the change.
        guild_id: The server.
        said: What was changed.
        repeated: The limits that a command without effect named, none for a reset of all. It may
            repeat one whose response was lost: the latest change can be undone if it was of these.
    """
    user_id = interaction.user.id
    last = await anext(_changes(interaction.client.queue, guild_id), None)
    if (
        last is None
        or last.user_id != user_id  # somebody else made a change in between
        or (repeated is not None and not _is_repeated(last, repeated))
    ):
        await say(interaction, said)
        return
    button = undo_button.of(texts_of(interaction), user_id, last.id)
    await show(interaction, card(said, row_of(button)))


def _is_repeated(last: AuditEntry, names: Collection[str]) -> bool:
    return last.action != UNDO_LIMITS and set(last.details) - {BEFORE} == set(names)


@own_button("limits-undo", _("Undo"), emoji="↩️")
async def undo_button(interaction: Interaction, _t: Texts, change_id: int) -> None:
    """Undoes the latest change of limits; checks again that the user is an admin."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction)
    before = await _values_before(interaction.client.queue, guild_id, change_id)
    await change_limits(interaction, guild_id, before, is_undo=True)


@own_button("limits-reset", _("Reset all"), style=discord.ButtonStyle.danger)
async def reset_button(interaction: Interaction, _t: Texts, _about: int) -> None:
    """Resets all limits of the server; checks again that the user is an admin."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction)
    if not await interaction.client.queue.limits.reset(guild_id, interaction.user.id):
        await _offer_undo(interaction, guild_id, texts_of(interaction)(NONE_SET), repeated=())
        return
    said = await announce(
        interaction, guild_id, lambda t: t("All limits of this server have been reset.")
    )
    await _offer_undo(interaction, guild_id, said)


async def _values_before(queue: JobQueue, guild_id: int, change_id: int) -> Mapping[str, Any]:
    """The values before a change of the limits that it set; None for the operator's.

    Raises:
        UserError: It is not the latest change.
    """
    changes = _changes(queue, guild_id)
    last = await anext(changes, None)
    if last is None or last.id != change_id:
        raise UserError(CHANGED_SINCE)
    is_reset = last.action == RESET_LIMITS
    in_order = [name for name in LIMITS if is_reset or name in last.details]
    wanted = set(in_order)
    if isinstance(known := last.details.get(BEFORE), dict):
        return {name: known.get(name) for name in in_order}
    # Older versions did not record them: take what was set before.
    found: dict[str, Any] = {}
    async for entry in changes:
        if entry.action == RESET_LIMITS or wanted <= set(found):
            break
        for name in wanted & set(entry.details):
            found.setdefault(name, entry.details[name])
    return {name: found.get(name) for name in in_order}


async def _changes(queue: JobQueue, guild_id: int) -> AsyncIterator[AuditEntry]:
    before: int | None = None
    while entries := await queue.audit.read(guild_id, limit=ENTRIES_AT_ONCE, before=before):
        for entry in entries:
            if entry.action in CHANGES:
                yield entry
        before = entries[-1].id


FEATURE = Feature(buttons=(reset_button, undo_button))
