"""Wishes that another version wrote down, and this one cannot read: who asked is told."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from bot.kit import Bot
from bot.texts import _, texts_for
from bot.wire.original_response import find_answer, is_mine, say_instead, webhook_of
from jobs.model import Asker, Reply

log = logging.getLogger(__name__)

UNREADABLE = _(
    "This was saved by another version of the bot and can no longer be read; please ask for it "
    "again."
)
_REPLIES: Final = TypeAdapter(Reply)
_ASKERS: Final = TypeAdapter(Asker)


def asker_in(payload: Mapping[str, Any]) -> Asker | None:
    """Who asked, as far as that can be read."""
    try:
        return _ASKERS.validate_python(payload.get("asker"))
    except ValidationError:
        return None


async def tell_unreadable(client: Bot, payload: Mapping[str, Any], user_id: int) -> bool:
    """Tell who asked, as far as it can be read where the answer goes. Never raises.

    Returns:
        False where the wish is another application's, whose bot may be able to read it.
    """
    try:
        reply = _REPLIES.validate_python(payload.get("reply"))
    except ValidationError:
        return True
    if not is_mine(client, reply):
        return False
    content = payload.get("content")
    if isinstance(content, Mapping) and content.get("key") is not None:
        return True  # its question was put, and may have been answered
    webhook = webhook_of(client, reply)
    if await find_answer(client, webhook, reply.token_expires_at) != 0:
        await say_instead(client, user_id, reply, texts_for(reply.locale)(UNREADABLE))
    return True
