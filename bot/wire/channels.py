"""Opens archived threads again."""

import discord


async def reopen_thread(client: discord.Client, channel_id: int) -> bool:
    """Open an archived thread again, as a new message in it would.

    Returns:
        Whether it is open now; a locked one stays closed, also where the bot could open it.

    Raises:
        discord.HTTPException, OSError: It cannot be opened.
    """
    thread = await client.fetch_channel(channel_id)
    if not isinstance(thread, discord.Thread) or thread.locked:
        return False
    if thread.archived:
        await thread.edit(archived=False)
    return True
