"""The original response to an interaction, reached by the interaction token."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import count
from typing import Any, TypeVar

import discord

from bot.kit import Bot
from bot.wire.faults import BACKOFF, MessageGone, TokenEnded, TryLater, Unclear, fault_of
from bot.wire.pending_edits import until_pressed
from bot.wire.uploads import repeatable
from jobs.model import Reply
from jobs.privacy.retention import TOKEN_SECONDS

log = logging.getLogger(__name__)

ORIGINAL: Any = "@original"  # discord.py's type wants an integer; Discord's API takes this as well
TRIES = 20
FILL_TRIES = 3
FILLING = "…"
MEANWHILE_SECONDS = 10.0
RESPONSE_ID = "response_id"
"""Key in `interaction.extras`: the ID of its response's message, if it is known."""
T = TypeVar("T")


def webhook_of(client: Bot, reply: Reply) -> discord.Webhook:
    """The webhook of an interaction's token; works after a restart too."""
    webhook = discord.Webhook.partial(reply.application_id, reply.interaction_token, client=client)
    webhook.type = discord.WebhookType.application  # the type that may send ephemeral messages
    webhook.proxy = client.http.proxy  # `Webhook.partial` does not set it
    return webhook


def token_works(client: Bot, reply: Reply) -> bool:
    """Whether an interaction's token has not expired, by its time."""
    return client.clock() < reply.token_expires_at.timestamp()


def is_mine(client: Bot, reply: Reply) -> bool:
    """Whether this application has to respond, where several share a database."""
    return reply.application_id in {0, client.application_id}


async def answer_ephemerally(client: Bot, user_id: int, reply: Reply, sentence: str) -> None:
    """Replace "thinking…" by an ephemeral sentence; if the token has expired, send a DM.

    Never raises.
    """
    webhook = webhook_of(client, reply)
    async with _dm_if_token_expired(client, user_id, reply, sentence):
        if reply.ephemeral:
            await with_retries(lambda: webhook.edit_message(ORIGINAL, content=sentence))
            return
        await replace_by_ephemeral(webhook, sentence)


async def replace_by_ephemeral(webhook: discord.Webhook, sentence: str) -> None:
    """Replace a public "thinking…" by an ephemeral sentence.

    Raises:
        Exception: of the last try.
    """
    # The first followup would fill the deferred response, publicly; so that is filled before.
    with contextlib.suppress(discord.NotFound):  # the user deleted it
        await with_retries(lambda: webhook.edit_message(ORIGINAL, content=FILLING))
    await with_retries(lambda: webhook.send(sentence, ephemeral=True, wait=True))
    with contextlib.suppress(discord.NotFound):
        await with_retries(lambda: webhook.delete_message(ORIGINAL))


async def show_waiting_notice(client: Bot, reply: Reply, sentence: str) -> bool:
    """Replace "thinking…" by what the command waits for. Returns whether it worked. Never raises.

    Not retried: a late one could overwrite the response itself.
    """
    webhook = webhook_of(client, reply)
    try:
        async with asyncio.timeout(MEANWHILE_SECONDS):
            await webhook.edit_message(ORIGINAL, content=sentence)
    except Exception as error:  # noqa: BLE001 - only a courtesy
        log.info("Could not tell that %s waits: %s", reply.interaction_id, error)
        return False
    return True


async def send_ephemeral_followup(client: Bot, user_id: int, reply: Reply, sentence: str) -> None:
    """Send an ephemeral followup and leave the response alone; by DM if the token has expired.

    Never raises.
    """
    webhook = webhook_of(client, reply)
    async with _dm_if_token_expired(client, user_id, reply, sentence):
        await with_retries(lambda: webhook.send(sentence, ephemeral=True, wait=True))


async def fill_response(
    interaction: discord.Interaction[Any], files: Sequence[discord.File] = (), **fields: Any
) -> None:
    """Edit the response to an acknowledged interaction, with retries: what it says may be done.

    A press of one of its buttons ends the retries.

    Raises:
        Exception: of the last try.
    """
    attachments = repeatable(files)
    try:
        await until_pressed(
            with_retries(
                lambda: interaction.edit_original_response(attachments=attachments(), **fields),
                FILL_TRIES,
            ),
            fields.get("view"),
            interaction_id=interaction.id,
            message_id=interaction.extras.get(RESPONSE_ID),
        )
    except discord.NotFound as error:
        if not isinstance(fault_of(error), MessageGone):
            raise
        log.info("The user dismissed the response to interaction %s", interaction.id)


async def edit_response(client: Bot, reply: Reply, **fields: Any) -> bool:
    """Replace "thinking…" by a message, with retries. Never raises.

    A press of one of its buttons ends the retries.

    Returns:
        False if it is too late, as the token has expired.
    """
    if not token_works(client, reply):
        return False
    webhook = webhook_of(client, reply)
    try:
        await until_pressed(
            with_retries(lambda: webhook.edit_message(ORIGINAL, **fields)),
            fields.get("view"),
            interaction_id=reply.interaction_id,
            message_id=reply.message_id,
        )
    except Exception as error:  # noqa: BLE001 - `fault_of` classifies every error
        fault = fault_of(error)
        log.info("Could not answer %s: %s", reply.interaction_id, fault)
        return not isinstance(fault, TokenEnded)
    return True


async def find_response_to(client: Bot, reply: Reply) -> int | None:
    """As `find_response`, of an earlier interaction."""
    return await find_response(webhook_of(client, reply)) if token_works(client, reply) else None


async def find_response(webhook: discord.Webhook) -> int | None:
    """The ID of an interaction's response; None if that cannot be known; 0 if there is none.

    There is none if Discord never got one, or if the user deleted it.
    """
    try:
        message = await with_retries(lambda: webhook.fetch_message(ORIGINAL))
    except Exception as error:  # noqa: BLE001 - `fault_of` classifies every error
        is_clear = not isinstance(fault_of(error), Unclear)
        return 0 if is_clear and isinstance(error, discord.NotFound) else None
    return message.id


async def with_retries(ask: Callable[[], Awaitable[T]], tries: int = TRIES) -> T:
    """Make a request, and retry it with backoff while its errors are transient.

    A rate limit that outlasts the interaction's token is not waited out.

    Args:
        ask: Makes the request.
        tries: The most retries.

    Raises:
        Exception: of the last try.
    """
    for failures in count():
        try:
            return await ask()
        except Exception as error:
            match fault_of(error):
                case TryLater(asked) if failures < tries and (asked or 0.0) < TOKEN_SECONDS:
                    pause = BACKOFF.seconds(failures, asked)
                case Unclear() if failures < tries:
                    pause = BACKOFF.seconds(failures)
                case _:
                    raise
        await asyncio.sleep(pause)
    raise AssertionError("unreachable")


@contextlib.asynccontextmanager
async def _dm_if_token_expired(
    client: Bot, user_id: int, reply: Reply, sentence: str
) -> AsyncIterator[None]:
    """If the block fails because the token has expired, send its sentence by DM."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - `fault_of` classifies every error
        fault = fault_of(error)
        if not isinstance(fault, TokenEnded | MessageGone):
            log.warning("Could not answer %s: %s", reply.interaction_id, fault)
            return
        try:
            user = await client.fetch_user(user_id)
            await user.send(sentence, nonce=f"atelier-s{reply.interaction_id % 10**12}")
        except Exception as problem:  # noqa: BLE001 - there is no other way to tell them
            log.info("Could not reach user %s: %s", user_id, problem)
