"""The small pictures by which styles are chosen, and the styles that are offered."""

import asyncio
from pathlib import Path

import discord

from bot.commands.thumbnails import Thumbnails
from bot.kit import Bot, Interaction
from bot.ui.words import at_hand_first
from bot.wire.in_time import read_in_time
from bot.wire.uploads import Upload
from common.catalogue import Painting
from common.catalogue.catalogue import scan_path, swatch_at_hand
from jobs.changing.styles import UserStyle
from jobs.outcomes import QueueUnavailableError


async def painting_picture(client: Bot, painting: Painting, name: str) -> discord.File | None:
    """The painting itself where its scan is on this machine, else its swatch; None: neither."""
    styles_dir = client.settings.styles_dir
    scan = scan_path(painting, styles_dir)
    if scan.is_file():
        png = await client.service(Thumbnails).small_file(scan)
        if png is not None:
            return Upload(png, f"{name}.png")
    swatch = swatch_at_hand(painting, styles_dir)
    data = None if swatch is None else await asyncio.to_thread(_read, swatch)
    return None if swatch is None or data is None else Upload(data, f"{name}{swatch.suffix}")


async def stored_picture(client: Bot, key: str, name: str) -> discord.File | None:
    """A stored picture, small; None where it is gone."""
    png = await client.service(Thumbnails).small(key)
    return None if png is None else Upload(png, f"{name}.png")


async def offered_paintings(client: Bot, count: int) -> list[tuple[Painting, discord.File | None]]:
    """Some paintings on offer, those at hand before the others, each with its picture if any."""
    return [
        (painting, await painting_picture(client, painting, painting.id))
        for painting in at_hand_first(client, count)
    ]


async def saved_styles(interaction: Interaction) -> list[UserStyle]:
    """The member's saved styles and the server's; none where the database is slow to say."""
    styles = interaction.client.queue.styles
    try:
        return await read_in_time(
            interaction, styles.visible_to(interaction.user.id, interaction.guild_id)
        )
    except QueueUnavailableError:
        return []  # the form does without them, which is better than no form


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
