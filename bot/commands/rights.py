"""Who may look at a picture, post it for others, delete it: one table, as in docs/security.md.

A user has one role towards a picture, and the picture one origin as seen from where they are.
`TABLE` says for each origin which roles have which right; nothing else in the bot decides it.
"""

from collections.abc import Mapping
from enum import StrEnum

import discord

from bot.kit import Interaction
from bot.ui.people import can_read, is_admin, is_operator
from jobs.model import Job


class AskerRole(StrEnum):
    """What a user is to a picture; the first that applies."""

    OWNER = "owner"
    """Asked for it."""
    OPERATOR = "operator"
    """Operates the bot."""
    ADMIN = "admin"
    """Manages the picture's server, and is in it now."""
    MODERATOR = "moderator"
    """May manage messages in the picture's channel."""
    MEMBER = "member"
    """Anybody else."""


class Origin(StrEnum):
    """Where a picture was shown, as seen from where the user is now."""

    PUBLIC = "public"
    """In a channel that the user can read, or in the thread where they are."""
    HIDDEN_CHANNEL = "hidden channel"
    """In a channel of this server that they cannot read."""
    PRIVATE_THREAD = "private thread"
    """In a private thread of this server, while they are outside it."""
    PRIVATE = "private"
    """In this server, ephemerally."""
    USER_INSTALLED = "user-installed"
    """By the user-installed app, where the bot is not a member."""
    DIRECT_MESSAGE = "direct message"
    """In the member's direct messages with the bot."""
    OTHER_SERVER = "other server"
    """In another server."""
    MODERATED = "moderated away"
    """Anywhere; its message was deleted in Discord."""


class Right(StrEnum):
    """What a user may do with a picture."""

    LOOK = "look"
    """See it, ephemerally."""
    POST = "post"
    """Show it to others where they are."""
    DELETE = "delete"
    """Delete it and its message; cancel it while it is unfinished."""


_OWNER = frozenset({AskerRole.OWNER})
_RUNNING_IT = _OWNER | {AskerRole.OPERATOR}
_MANAGING = _RUNNING_IT | {AskerRole.ADMIN}
_MODERATING = _MANAGING | {AskerRole.MODERATOR}
_EVERYBODY = frozenset(AskerRole)

TABLE: Mapping[Origin, Mapping[Right, frozenset[AskerRole]]] = {
    origin: {Right.LOOK: look, Right.POST: post, Right.DELETE: delete}
    for origin, look, post, delete in (
        (Origin.PUBLIC, _EVERYBODY, _EVERYBODY, _MODERATING),
        (Origin.HIDDEN_CHANNEL, _MANAGING, _OWNER, _MANAGING),
        (Origin.PRIVATE_THREAD, _MANAGING, _OWNER, _MODERATING),
        (Origin.PRIVATE, _MANAGING, _OWNER, _MANAGING),
        (Origin.USER_INSTALLED, _RUNNING_IT, _OWNER, _MODERATING),
        (Origin.DIRECT_MESSAGE, _RUNNING_IT, _OWNER, _RUNNING_IT),
        (Origin.OTHER_SERVER, _RUNNING_IT, _OWNER, _RUNNING_IT),
        (Origin.MODERATED, _MANAGING, frozenset[AskerRole](), _MODERATING),
    )
}


def may(right: Right, interaction: Interaction, job: Job) -> bool:
    """Whether the interaction's user has a right to a picture."""
    return role_of(interaction, job) in TABLE[origin_of(interaction, job)][right]


def by_admins_right(right: Right, interaction: Interaction, job: Job) -> bool:
    """Whether they have it only as an admin, moderator or operator, so that it is logged."""
    role = role_of(interaction, job)
    rights = TABLE[origin_of(interaction, job)][right]
    return role is not AskerRole.OWNER and role in rights and AskerRole.MEMBER not in rights


def role_of(interaction: Interaction, job: Job) -> AskerRole:
    """The role of the interaction's user towards a picture."""
    settings = interaction.client.settings
    if job.user_id == interaction.user.id:
        return AskerRole.OWNER
    if is_operator(interaction.user.id, settings):
        return AskerRole.OPERATOR
    if job.guild_id is None or job.guild_id != interaction.guild_id:
        return AskerRole.MEMBER
    if is_admin(interaction, settings):
        return AskerRole.ADMIN
    if _permissions(interaction, job.channel_id).manage_messages:
        return AskerRole.MODERATOR
    return AskerRole.MEMBER


def origin_of(interaction: Interaction, job: Job) -> Origin:
    """Where a picture was shown, as seen from the interaction."""
    if job.message_removed_at is not None:
        return Origin.MODERATED
    if job.guild_id is None:
        return Origin.DIRECT_MESSAGE if job.reply.bot_in_channel else Origin.USER_INSTALLED
    if job.guild_id != interaction.guild_id:
        return Origin.OTHER_SERVER
    if job.reply.ephemeral:
        return Origin.PRIVATE
    if not job.reply.bot_in_channel and not job.reply.only_commands:
        return Origin.USER_INSTALLED
    return _origin_by_channel(interaction, job.channel_id)


def _origin_by_channel(interaction: Interaction, channel_id: int | None) -> Origin:
    """The origin of a picture that was public in a channel of this server."""
    if channel_id is not None and channel_id == interaction.channel_id:
        return Origin.PUBLIC
    channel = _channel(interaction, channel_id)
    if isinstance(channel, discord.Thread) and channel.is_private():
        return Origin.PRIVATE_THREAD
    seen = channel is not None and can_read(_permissions(interaction, channel_id), channel)
    return Origin.PUBLIC if seen else Origin.HIDDEN_CHANNEL


def _permissions(interaction: Interaction, channel_id: int | None) -> discord.Permissions:
    """The user's permissions in a channel of the interaction's server.

    An interaction's own permissions are for the channel where it was made, which may be another
    one.
    """
    if channel_id is not None and channel_id == interaction.channel_id:
        return interaction.permissions
    member, channel = interaction.user, _channel(interaction, channel_id)
    if not isinstance(member, discord.Member) or channel is None:
        return discord.Permissions.none()
    return channel.permissions_for(member)


def _channel(
    interaction: Interaction, channel_id: int | None
) -> discord.abc.GuildChannel | discord.Thread | None:
    channel = None if channel_id is None else interaction.client.get_channel(channel_id)
    return channel if isinstance(channel, discord.abc.GuildChannel | discord.Thread) else None
