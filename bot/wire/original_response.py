"""The message that answers an interaction, reached by the interaction's token."""

import asyncio
import logging
from datetime import datetime
from typing import Any

import discord

from bot.kit import Bot
from bot.wire.faults import BACKOFF, MessageGone, TokenEnded, TryLater, Unclear, fault_of
from jobs.model import Reply

log = logging.getLogger(__name__)

ORIGINAL: Any = "@original"  # discord.py's type wants a number; Discord takes this name, too
TRIES = 20


class Originals:
    """Says a sentence in the place of a deferred answer, through Discord's bad moments."""

    def __init__(self, client: Bot) -> None:
        self._client = client

    def webhook(self, application_id: int, token: str) -> discord.Webhook:
        """The interaction as discord.py's webhook; works after a restart too."""
        webhook = discord.Webhook.partial(application_id, token, client=self._client)
        webhook.type = discord.WebhookType.application  # which may send what only the user sees
        return webhook

    async def say(self, user_id: int, reply: Reply, sentence: str) -> None:
        """Replace "thinking…" by a sentence; by DM where the token has ended. Never raises."""
        webhook = self.webhook(reply.application_id, reply.interaction_token)
        for attempt in range(TRIES):
            try:
                await webhook.edit_message(ORIGINAL, content=sentence)
            except Exception as error:  # noqa: BLE001 - every fault has its answer
                match fault_of(error):
                    case TryLater(seconds):
                        await asyncio.sleep(BACKOFF.seconds(attempt, seconds))
                    case Unclear():
                        await asyncio.sleep(BACKOFF.seconds(attempt))
                    case TokenEnded() | MessageGone():
                        await self._say_by_dm(user_id, reply, sentence)
                        return
                    case fault:
                        log.warning("Could not answer %s: %s", reply.interaction_id, fault)
                        return
            else:
                return
        log.warning("Gave up answering %s", reply.interaction_id)

    async def find(self, application_id: int, token: str, expires_at: datetime) -> int | None:
        """The id of an interaction's answer; None if that cannot be known; 0 if there is none.

        There is none if Discord has heard of none so far, or if the user deleted it.
        """
        if self._client.clock() >= expires_at.timestamp():
            return None
        webhook = self.webhook(application_id, token)
        for attempt in range(TRIES):
            try:
                message = await webhook.fetch_message(ORIGINAL)
            except Exception as error:  # noqa: BLE001 - every fault has its answer
                match fault_of(error):
                    case TryLater(seconds):
                        await asyncio.sleep(BACKOFF.seconds(attempt, seconds))
                    case Unclear():
                        await asyncio.sleep(BACKOFF.seconds(attempt))
                    case _ if isinstance(error, discord.NotFound):
                        return 0
                    case _:
                        return None
            else:
                return message.id
        return None

    async def _say_by_dm(self, user_id: int, reply: Reply, sentence: str) -> None:
        try:
            user = await self._client.fetch_user(user_id)
            await user.send(sentence, nonce=f"atelier-s{reply.interaction_id % 10**12}")
        except Exception as error:  # noqa: BLE001 - there is nobody left to tell
            log.info("Could not reach user %s: %s", user_id, error)
