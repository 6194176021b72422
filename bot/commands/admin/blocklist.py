"""`/blocklist`: who may not paint in this server, why, and until when."""

from datetime import datetime

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
from bot.ui.components import Card, PersistentItem, card, own_button, row_of, say, show
from bot.ui.paging import PagePlace, page_button, pages_for, turner
from bot.ui.people import is_operator
from bot.ui.spans import read_span, span_choices
from bot.ui.words import plain
from bot.wire.acknowledging import acknowledge
from jobs.management.administration import REASON_LIMIT, Block
from jobs.outcomes import Cancelled, CancelRequested

PAGE_SIZE = 12
REASON_SHOWN = 220
"""Characters, with escaped markup: a message takes 4,000, and a page of the longest reasons has to
fit."""
NOT_BOTS = _("<@{user_id}> is a bot; bots cannot paint, so there is nothing to block.")
NOT_YOURSELF = _("You cannot block yourself.")
NOT_OPERATOR = _("The operator of this bot cannot be blocked.")

blocklist = AdminGroup("blocklist", "Who is not allowed to paint in this server.")


@blocklist.command(name="add")
@app_commands.describe(
    member="Who to block.",
    reason="Why; they see this when they are refused.",
    lasts="For how long, such as 3 days. Default: until somebody unblocks them.",
)
async def add(
    interaction: Interaction,
    member: discord.User,
    reason: app_commands.Range[str, 1, REASON_LIMIT] | None = None,
    lasts: app_commands.Range[str, 1, 30] | None = None,
) -> None:
    """Stop a member from painting here."""
    guild_id = admin_guild(interaction)
    if member.id == interaction.user.id:
        raise UserError(NOT_YOURSELF)
    await block(
        interaction,
        member,
        guild_id,
        reason=reason,
        lasts=lasts,
        cancel_button=cancel_theirs_button,
    )


async def block(
    interaction: Interaction,
    user: discord.User,
    guild_id: int | None,
    *,
    reason: str | None,
    lasts: str | None,
    cancel_button: type[PersistentItem],
) -> None:
    """Block somebody in a server, or (None) everywhere, and offer to cancel their pictures."""
    if is_operator(user.id, interaction.client.settings):
        raise UserError(NOT_OPERATOR)
    if user.bot:
        raise UserError(NOT_BOTS, user_id=str(user.id))
    span = None if lasts is None else read_span(lasts)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    t, queue, by_user_id = texts_of(interaction), interaction.client.queue, interaction.user.id
    until = None if span is None else await queue.now() + span
    said = t("<@{user_id}> is already blocked.", user_id=user.id)
    if await queue.blocks.add(guild_id, user.id, by_user_id, reason=reason, until=until):
        everywhere = guild_id is None
        said = await announce(
            interaction,
            guild_id,
            lambda t: _blocked_words(t, user.id, reason, until, everywhere=everywhere),
        )
    unfinished = await queue.positions.unfinished_of(user.id, guild_id, limit=None)
    if not unfinished:
        await say(interaction, said)
        return
    note = t.plural(
        "{count} picture of theirs is still waiting or being painted.",
        "{count} pictures of theirs are still waiting or being painted.",
        count=len(unfinished),
    )
    button = cancel_button.of(t, by_user_id, user.id)
    await show(interaction, card(f"{said}\n{note}", row_of(button)))


@own_button("block-cancel", _("Cancel these too"), style=discord.ButtonStyle.danger)
async def cancel_theirs_button(interaction: Interaction, _t: Texts, member_id: int) -> None:
    """Cancels a member's unfinished pictures in this server."""
    await cancel_unfinished(interaction, member_id, admin_guild(interaction))


async def cancel_unfinished(interaction: Interaction, member_id: int, guild_id: int | None) -> None:
    """Cancel a member's unfinished pictures in a server, or (None) everywhere."""
    await acknowledge(interaction)
    queue = interaction.client.queue
    unfinished = await queue.positions.unfinished_of(member_id, guild_id, limit=None)
    # The last first, so that none of them moves up and is started meanwhile.
    outcomes = [
        await queue.jobs.remove(job.id, interaction.user.id) for job in reversed(unfinished)
    ]
    count = sum(isinstance(each, Cancelled | CancelRequested) for each in outcomes)

    def words(t: Texts) -> str:
        return t.plural(
            "{count} picture by <@{user_id}> was cancelled.",
            "{count} pictures by <@{user_id}> were cancelled.",
            count=count,
            user_id=member_id,
        )

    if count:
        await tell(interaction, guild_id, words)
    else:
        await say(interaction, words(texts_of(interaction)))


def _blocked_words(
    t: Texts, user_id: int, reason: str | None, until: datetime | None, *, everywhere: bool
) -> str:
    """Who is blocked, in this server or everywhere, until when and why."""
    time = "" if until is None else discord.utils.format_dt(until, "f")
    match everywhere, time:
        case False, "":
            said = t("<@{user_id}> is blocked from painting here.", user_id=user_id)
        case False, _:
            said = t(
                "<@{user_id}> is blocked from painting here until {time}.",
                user_id=user_id,
                time=time,
            )
        case _, "":
            said = t("<@{user_id}> is blocked from painting everywhere.", user_id=user_id)
        case _:
            said = t(
                "<@{user_id}> is blocked from painting everywhere until {time}.",
                user_id=user_id,
                time=time,
            )
    if reason is not None:
        said += " " + t("Reason: {reason}", reason=plain(reason, REASON_LIMIT))
    return said


@add.autocomplete("lasts")
async def spans(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Autocomplete: how long a block may last."""
    return span_choices(texts_of(interaction), current)


@blocklist.command(name="remove")
@app_commands.describe(member="Who to let paint again.")
async def remove(interaction: Interaction, member: discord.User) -> None:
    """Let a blocked member paint again."""
    guild_id = await begin_as_admin(interaction)
    await change(
        interaction,
        guild_id,
        interaction.client.queue.blocks.remove(guild_id, member.id, interaction.user.id),
        lambda t: t("<@{user_id}> may paint here again.", user_id=member.id),
        texts_of(interaction)("<@{user_id}> is not blocked here.", user_id=member.id),
    )


@blocklist.command(name="show")
async def show_blocked(interaction: Interaction) -> None:
    """Who is blocked in this server."""
    await begin_as_admin(interaction)
    place = PagePlace(interaction.user.id)
    await show(interaction, await blocklist_page(interaction, place))


async def blocklist_page(interaction: Interaction, place: PagePlace) -> Card:
    """One page of the blocked members, newest first; only for those who manage the server."""
    guild_id = admin_guild(interaction)
    t = texts_of(interaction)
    blocked = await interaction.client.queue.blocks.all(guild_id)
    first = place.page * PAGE_SIZE
    lines = [block_line(t, block) for block in blocked[first : first + PAGE_SIZE]]
    words = "\n".join(lines) or t("Nobody is blocked in this server.")
    more, pages = len(blocked) > first + PAGE_SIZE, pages_for(len(blocked), PAGE_SIZE)
    turning = turner(blocklist_turner, t, place, more=more, pages=pages)
    return card(t("## Blocklist"), words, *turning)


def block_line(t: Texts, block: Block) -> str:
    """Who is blocked, until when and why, in one line."""
    parts = [f"<@{block.user_id}>"]
    if block.until is not None:
        parts.append(t("until {time}", time=discord.utils.format_dt(block.until, "f")))
    if block.reason:
        reason = plain(block.reason, REASON_LIMIT)
        # Each character may have been escaped.
        parts.append(
            reason if len(reason) <= REASON_SHOWN else plain(block.reason, REASON_LIMIT // 2)
        )
    return " · ".join(parts)


blocklist_turner = page_button("blocked", blocklist_page)


FEATURE = Feature(commands=(blocklist,), buttons=(blocklist_turner, cancel_theirs_button))
