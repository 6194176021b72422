"""Lists the channels of a server that have defaults of their own, for its admins."""

import discord

from bot.kit import Interaction
from bot.texts import Texts
from bot.ui.default_words import default_words
from bot.ui.words import those_that_fit
from common.defaults import Defaults

CHARACTERS = 1500


async def channel_defaults_words(interaction: Interaction, t: Texts) -> str | None:
    """A line for each such channel that the user can read; None if there is none.

    Archived threads are not listed.
    """
    guild, admin = interaction.guild, interaction.user
    if guild is None or not isinstance(admin, discord.Member):
        return None
    there: list[discord.abc.GuildChannel | discord.Thread] = [*guild.channels, *guild.threads]
    seen = [
        each.id
        for each in there
        if each.permissions_for(admin).view_channel
        and not (isinstance(each, discord.Thread) and each.is_private())
    ]
    found = await interaction.client.queue.defaults.of_channels(seen)
    if not found:
        return None
    lines = [_line(t, channel_id, own) for channel_id, own in found.items()]
    headline = t("Channels with their own defaults, set with /settings:")
    return "\n".join((headline, those_that_fit(t, lines, CHARACTERS, between="\n")))


def _line(t: Texts, channel_id: int, own: Defaults) -> str:
    said = (default_words(t, *each) for each in own.model_dump(exclude_none=True).items())
    return f"<#{channel_id}>: {', '.join(filter(None, said))}"
