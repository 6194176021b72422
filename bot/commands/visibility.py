"""Who may see a picture that is not their own."""

import discord

from bot.kit import Interaction
from bot.ui.people import is_admin, is_operator
from jobs.model import Job


def may_see(interaction: Interaction, job: Job) -> bool:
    """Whether to show a job to the one who asks, in the place where they ask.

    One's own always; others' where they were posted for everybody to see, to those who can see
    that channel; the admins of a server see all of it.
    """
    if job.user_id == interaction.user.id:
        return True
    if is_operator(interaction.user.id, interaction.client.settings):
        return True
    if job.guild_id is None or job.guild_id != interaction.guild_id:
        return False
    if is_admin(interaction, interaction.client.settings):
        return True
    return not job.reply.ephemeral and _sees_channel(interaction, job.channel_id)


def _sees_channel(interaction: Interaction, channel_id: int | None) -> bool:
    """Whether the member may read where the picture was posted."""
    if channel_id is None:
        return False
    if channel_id == interaction.channel_id:
        return True
    member = interaction.user
    channel = interaction.client.get_channel(channel_id)
    if not isinstance(member, discord.Member) or channel is None:
        return False
    if isinstance(channel, discord.Thread) and channel.is_private():
        return False
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return False
    return channel.permissions_for(member).view_channel
