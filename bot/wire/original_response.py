"""The message that answers an interaction, reached by the interaction's token."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

import discord

from bot.kit import Bot
from bot.wire.faults import BACKOFF, MessageGone, TokenEnded, TryLater, Unclear, fault_of
from jobs.model import Reply

log = logging.getLogger(__name__)

ORIGINAL: Any = "@original"  # discord.py's type wants a number; Discord takes this name, too
TRIES = 20
FILLING = "…"
MEANWHILE_SECONDS = 10.0
T = TypeVar("T")


def webhook_of(client: Bot, reply: Reply) -> discord.Webhook:
    """An interaction as discord.py's webhook; works after a restart too."""
    webhook = discord.Webhook.partial(reply.application_id, reply.interaction_token, client=client)
    webhook.type = discord.WebhookType.application  # which may send what only the user sees
    webhook.proxy = client.http.proxy  # which discord.py leaves out here
    return webhook


def is_mine(client: Bot, reply: Reply) -> bool:
    """Whether an answer is this application's to give, where several share a database."""
    return reply.application_id in {0, client.application_id}


async def say_instead(client: Bot, user_id: int, reply: Reply, sentence: str) -> None:
    """Replace "thinking…" by a sentence that only the user sees, wherever others saw that.

    By DM where the token has ended. Never raises.
    """
    webhook = webhook_of(client, reply)
    async with _else_by_dm(client, user_id, reply, sentence):
        if reply.ephemeral:
            await insist(lambda: webhook.edit_message(ORIGINAL, content=sentence))
            return
        await say_alone(webhook, sentence)


async def say_alone(webhook: discord.Webhook, sentence: str) -> None:
    """Replace "thinking…", which all see, by a sentence that only the user sees.

    Raises:
        Exception: as the last try did.
    """
    # The first follow-up would become the answer, and as public; so it is filled before.
    with contextlib.suppress(discord.NotFound):  # they deleted it
        await insist(lambda: webhook.edit_message(ORIGINAL, content=FILLING))
    await insist(lambda: webhook.send(sentence, ephemeral=True, wait=True))
    with contextlib.suppress(discord.NotFound):
        await insist(lambda: webhook.delete_message(ORIGINAL))


async def say_meanwhile(client: Bot, reply: Reply, sentence: str) -> bool:
    """Say in the place of "thinking…" what is waited for; whether that was heard. Never raises.

    One try: what is said later has to stand above it.
    """
    webhook = webhook_of(client, reply)
    try:
        async with asyncio.timeout(MEANWHILE_SECONDS):
            await webhook.edit_message(ORIGINAL, content=sentence)
    except Exception as error:  # noqa: BLE001 - it was a courtesy
        log.info("Could not tell that %s waits: %s", reply.interaction_id, error)
        return False
    return True


async def say_beside(client: Bot, user_id: int, reply: Reply, sentence: str) -> None:
    """Say something that only the user sees, and leave the answer as it is.

    By DM where the token has ended. Never raises.
    """
    webhook = webhook_of(client, reply)
    async with _else_by_dm(client, user_id, reply, sentence):
        await insist(lambda: webhook.send(sentence, ephemeral=True, wait=True))


async def show_in_answer(client: Bot, reply: Reply, **fields: Any) -> bool:
    """Put something in the place of "thinking…", through Discord's bad moments. Never raises.

    Returns:
        False where it is too late, as the token has ended.
    """
    if client.clock() >= reply.token_expires_at.timestamp():
        return False
    webhook = webhook_of(client, reply)
    try:
        await insist(lambda: webhook.edit_message(ORIGINAL, **fields))
    except Exception as error:  # noqa: BLE001 - every fault has its answer
        fault = fault_of(error)
        log.info("Could not answer %s: %s", reply.interaction_id, fault)
        return not isinstance(fault, TokenEnded)
    return True


async def find_answer(
    client: Bot, webhook: discord.Webhook, expires_at: datetime | None = None
) -> int | None:
    """The id of an interaction's answer; None if that cannot be known; 0 if there is none.

    There is none if Discord has heard of none so far, or if the user deleted it.

    Args:
        client: The bot, by whose clock the token ends.
        webhook: Of the interaction.
        expires_at: When that is; None of an interaction that has just come.
    """
    if expires_at is not None and client.clock() >= expires_at.timestamp():
        return None
    try:
        message = await insist(lambda: webhook.fetch_message(ORIGINAL))
    except Exception as error:  # noqa: BLE001 - every fault has its answer
        is_clear = not isinstance(fault_of(error), Unclear)
        return 0 if is_clear and isinstance(error, discord.NotFound) else None
    return message.id


async def insist(ask: Callable[[], Awaitable[T]], tries: int = TRIES) -> T:
    """Ask Discord, and again through its bad moments.

    Args:
        ask: Makes the request.
        tries: How often it is made again at most.

    Raises:
        Exception: as the last try did.
    """
    for failures in count():
        try:
            return await ask()
        except Exception as error:
            match fault_of(error):
                case TryLater(asked) if failures < tries:
                    pause = BACKOFF.seconds(failures, asked)
                case Unclear() if failures < tries:
                    pause = BACKOFF.seconds(failures)
                case _:
                    raise
        await asyncio.sleep(pause)
    raise AssertionError("unreachable")


@contextlib.asynccontextmanager
async def _else_by_dm(
    client: Bot, user_id: int, reply: Reply, sentence: str
) -> AsyncIterator[None]:
    """Say a sentence by DM where the token has ended by which it was to be said."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - every fault has its answer
        fault = fault_of(error)
        if not isinstance(fault, TokenEnded | MessageGone):
            log.warning("Could not answer %s: %s", reply.interaction_id, fault)
            return
        try:
            user = await client.fetch_user(user_id)
            await user.send(sentence, nonce=f"atelier-s{reply.interaction_id % 10**12}")
        except Exception as problem:  # noqa: BLE001 - there is nobody left to tell
            log.info("Could not reach user %s: %s", user_id, problem)
