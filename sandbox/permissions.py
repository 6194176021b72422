"""The permission bits in use.

https://docs.discord.com/developers/topics/permissions#permissions-bitwise-permission-flags
"""

from sandbox.model import Channel, Guild, User

ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5
ADD_REACTIONS = 1 << 6
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
USE_APPLICATION_COMMANDS = 1 << 31
SEND_MESSAGES_IN_THREADS = 1 << 38

EVERYONE = (
    VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | ADD_REACTIONS
    | USE_APPLICATION_COMMANDS
    | SEND_MESSAGES_IN_THREADS
)
ADMIN_ROLE = EVERYONE | MANAGE_GUILD | MANAGE_MESSAGES
BOT_ROLE = EVERYONE
ALL = (1 << 53) - 1


def permissions_of(guild: Guild, user: User) -> int:
    """The user's permissions in the guild's channels."""
    if user.id == guild.owner_id:
        return ALL
    bits = 0
    for role in guild.roles:
        if role.id == guild.id or role.id in user.role_ids:
            bits |= role.permissions
    return ALL if bits & ADMINISTRATOR else bits


def app_permissions(guild: Guild, bot: User, channel: Channel) -> int:
    """The bot's permissions in a channel."""
    if channel.guild_id is None or not channel.has_bot:
        return BOT_ROLE & ~channel.bot_denied
    return permissions_of(guild, bot) & ~channel.bot_denied
