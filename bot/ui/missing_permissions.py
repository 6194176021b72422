"""The permissions that the bot lacks where it is to post."""

import discord

from bot.texts import Texts, _

NAMES = {
    "view_channel": _("View Channel"),
    "send_messages": _("Send Messages"),
    "send_messages_in_threads": _("Send Messages in Threads"),
    "embed_links": _("Embed Links"),
    "attach_files": _("Attach Files"),
    "read_message_history": _("Read Message History"),
}
"""What posting needs, as Discord names it."""


def missing_permissions(
    t: Texts, client: discord.Client, channel_id: int, *, only_text: bool = False
) -> str:
    """Names the permissions that the bot lacks in a channel; empty if none, as far as is cached.

    Without permission to see the channel or to write in it there are no others, so that one is
    named alone.

    Args:
        t: The reader's language.
        client: The bot.
        channel_id: Of the channel.
        only_text: Whether it posts no pictures there, nor looks for what it posted.
    """
    channel = client.get_channel(channel_id)
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread) or client.user is None:
        return ""
    member = channel.guild.get_member(client.user.id)
    if member is None:
        return ""
    writing = "send_messages"
    if isinstance(channel, discord.Thread):
        writing = "send_messages_in_threads"
    held = channel.permissions_for(member)
    for first in ("view_channel", writing):
        if not getattr(held, first):
            return t(NAMES[first])
    if only_text:
        return ""
    further = ("embed_links", "attach_files", "read_message_history")
    return ", ".join(t(NAMES[name]) for name in further if not getattr(held, name))
