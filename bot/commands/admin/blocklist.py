"""`/blocklist`: who may not paint in this server."""

import discord
from discord import app_commands

from bot.commands.admin.access import AdminGroup, admin_guild
from bot.commands.admin.announcing import announce
from bot.kit import Feature, Interaction
from bot.texts import _, texts_of
from bot.ui.container import Page, card, say, show
from bot.ui.paging import PageButton, PagePlace
from bot.ui.people import is_operator
from bot.wire.acknowledging import acknowledge
from bot.wire.errors import UserError

PAGE_SIZE = 40
NOT_YOURSELF = _("You cannot block yourself.")
NOT_OPERATOR = _("The operator of this bot cannot be blocked.")

blocklist = AdminGroup("blocklist", "Who may not paint in this server.")


@blocklist.command(name="add", description="Stop a member from painting here.")
@app_commands.describe(member="Whom to block.")
async def add(interaction: Interaction, member: discord.User) -> None:
    """Block a member."""
    guild_id = admin_guild(interaction)
    if member.id == interaction.user.id:
        raise UserError(NOT_YOURSELF)
    if is_operator(member.id, interaction.client.settings):
        raise UserError(NOT_OPERATOR)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    if not await interaction.client.queue.blocks.add(guild_id, member.id, interaction.user.id):
        t = texts_of(interaction)
        await say(interaction, t("<@{user_id}> is blocked already.", user_id=member.id))
        return
    said = await announce(
        interaction,
        guild_id,
        lambda t: t("<@{user_id}> is blocked from painting here.", user_id=member.id),
    )
    await say(interaction, said)


@blocklist.command(name="remove", description="Let a blocked member paint again.")
@app_commands.describe(member="Whom to let paint again.")
async def remove(interaction: Interaction, member: discord.User) -> None:
    """Unblock a member."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    if not await interaction.client.queue.blocks.remove(guild_id, member.id, interaction.user.id):
        t = texts_of(interaction)
        await say(interaction, t("<@{user_id}> is not blocked here.", user_id=member.id))
        return
    said = await announce(
        interaction,
        guild_id,
        lambda t: t("<@{user_id}> may paint here again.", user_id=member.id),
    )
    await say(interaction, said)


@blocklist.command(name="show", description="Who is blocked in this server.")
async def show_blocked(interaction: Interaction) -> None:
    """List the blocked members."""
    admin_guild(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    place = PagePlace(interaction.user.id)
    await show(interaction, await blocklist_page(interaction, place))


async def blocklist_page(interaction: Interaction, place: PagePlace) -> Page:
    """One page of the blocked members, the last blocked first; only for those who manage."""
    guild_id = admin_guild(interaction)
    t = texts_of(interaction)
    blocked = await interaction.client.queue.blocks.users(guild_id)
    first = place.page * PAGE_SIZE
    lines = [f"<@{user_id}>" for user_id in blocked[first : first + PAGE_SIZE]]
    words = "\n".join(lines) or t("Nobody is blocked in this server.")
    turner = BlocklistPage.turner(t, place, more=len(blocked) > first + PAGE_SIZE)
    return Page(card(t("## Blocklist"), words, turner))


class BlocklistPage(PageButton, kind="blocked"):
    """Turns the pages of `/blocklist show`."""

    async def render(self, interaction: Interaction, place: PagePlace) -> Page:
        """Make the page."""
        return await blocklist_page(interaction, place)


FEATURE = Feature(commands=(blocklist,), buttons=(BlocklistPage,))
