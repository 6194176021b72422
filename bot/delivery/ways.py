"""The ways to a user: by the interaction's token, by the bot's own, by direct message."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.delivery.originals import ORIGINAL
from jobs.model import Job

if TYPE_CHECKING:
    from bot.client import AtelierClient

DM_HISTORY = 50


@dataclass(frozen=True)
class Shown:
    """The user can see it."""

    how: str
    message_id: int
    channel_id: int
    edited_at: datetime | None = None  # None: just sent


Way = Callable[[Mapping[str, Any], list[discord.File]], Awaitable[Shown]]


@dataclass(frozen=True)
class Route:
    """One way to a message, and how large its files may be."""

    way: Way
    limit_bytes: int
    is_dm: bool = False


class Ways:
    """Makes the ways. Each takes what to set of the message, and raises what Discord says."""

    def __init__(self, client: "AtelierClient") -> None:
        self._client = client

    def by_token(self, job: Job) -> Way:
        """Edit the answer by the interaction's token."""

        async def way(fields: Mapping[str, Any], files: list[discord.File]) -> Shown:
            target = job.target
            webhook = discord.Webhook.partial(
                target.application_id, target.interaction_token, client=self._client
            )
            message = await webhook.edit_message(ORIGINAL, attachments=files, **fields)
            return Shown("token", message.id, message.channel.id, message.edited_at)

        return way

    def by_bot(self, job: Job) -> Way:
        """Edit the message by the bot's own token."""

        async def way(fields: Mapping[str, Any], files: list[discord.File]) -> Shown:
            target = job.target
            assert target.channel_id is not None
            assert target.message_id is not None
            channel = self._client.get_partial_messageable(
                target.channel_id, guild_id=target.guild_id
            )
            message = channel.get_partial_message(target.message_id)
            edited = await message.edit(attachments=files, **fields)
            return Shown("bot", edited.id, target.channel_id, edited.edited_at)

        return way

    def by_dm(self, job: Job, *, search: bool) -> Way:
        """Send it to the user; with `search`, only if their DMs do not hold it yet."""

        async def way(fields: Mapping[str, Any], files: list[discord.File]) -> Shown:
            dm = await self._client.create_dm(discord.Object(job.user_id))
            if search:
                sent = await _find(dm, job.id)
                if sent is not None:
                    return Shown("dm", sent.id, dm.id)
            given = {name: value for name, value in fields.items() if value}
            message = await dm.send(files=files, nonce=f"atelier-{job.id}", **given)
            return Shown("dm", message.id, dm.id)

        return way

    async def is_last(self, job: Job, shown: Shown, *, by_token: bool) -> bool:
        """Whether nobody has edited the message since it was shown so."""
        target = job.target
        message: discord.Message
        if by_token:
            webhook = discord.Webhook.partial(
                target.application_id, target.interaction_token, client=self._client
            )
            message = await webhook.fetch_message(ORIGINAL)
        else:
            channel = self._client.get_partial_messageable(shown.channel_id)
            message = await channel.fetch_message(shown.message_id)
        return message.edited_at == shown.edited_at


async def _find(dm: discord.DMChannel, job_id: int) -> discord.Message | None:
    """The message with a job's buttons that an earlier run sent, if it did."""
    ending = f":{job_id}"
    async for message in dm.history(limit=DM_HISTORY):
        layout = ui.LayoutView.from_message(message)
        ids = (getattr(item, "custom_id", None) or "" for item in layout.walk_children())
        if any(id_.startswith("atelier:job:") and id_.endswith(ending) for id_ in ids):
            return message
    return None
