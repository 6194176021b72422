"""Requests stored by another version that this one cannot parse: their users are told."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from bot.kit import Bot
from bot.texts import _, texts_for
from bot.wire.original_response import answer_ephemerally, find_response_to, is_mine
from jobs.model import Asker, Reply

UNREADABLE = _(
    "This was saved by another version of the bot and can no longer be read; please ask for it "
    "again."
)
_REPLIES: Final = TypeAdapter(Reply)
_ASKERS: Final = TypeAdapter(Asker)


def asker_in(payload: Mapping[str, Any]) -> Asker | None:
    """Who asked, if that part can be parsed."""
    try:
        return _ASKERS.validate_python(payload.get("asker"))
    except ValidationError:
        return None


async def tell_unreadable(client: Bot, payload: Mapping[str, Any], user_id: int) -> bool:
    """Tell the user of a request, if its reply can be parsed. Never raises.

    Returns:
        False if the request is another application's, whose bot may be able to parse it.
    """
    try:
        reply = _REPLIES.validate_python(payload.get("reply"))
    except ValidationError:
        return True
    if not is_mine(client, reply):
        return False
    content = payload.get("content")
    if isinstance(content, Mapping) and content.get("key") is not None:
        return True  # its question was asked, and may have been answered
    if await find_response_to(client, reply) != 0:
        await answer_ephemerally(client, user_id, reply, texts_for(reply.locale)(UNREADABLE))
    return True
