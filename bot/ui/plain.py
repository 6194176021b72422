"""Text from outside, made fit to stand in a message."""

import discord

_GAP = "\u200b"  # which nobody sees; Discord finds nothing to make of what it parts
_NO_LINK = f":{_GAP}//"


def shorten(text: str, limit: int) -> str:
    """A text of at most `limit` characters; what is cut off becomes an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plain(text: str, limit: int = 80) -> str:
    """A name or text from outside as it may stand in a message: one short line of bare words.

    No markup, no mentions, no links, no timestamps.
    """
    short = shorten(" ".join(text.splitlines()), limit)
    escaped = discord.utils.escape_markdown(short, ignore_links=False)
    return discord.utils.escape_mentions(escaped.replace("<", f"<{_GAP}").replace("://", _NO_LINK))
