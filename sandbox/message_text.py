"""A message as plain text, as a reader sees it in Discord."""

import re

from sandbox.model import Json, Message

MARKS = re.compile(r"\*\*|__|`|^-# |^#{1,3} ", re.MULTILINE)
RELATIVE = re.compile(r"<t:(\d+)(?::[a-zA-Z])?>")


def span(seconds: float) -> str:
    """A relative time in words: `in 42 s`, `3 min ago`."""
    size = abs(seconds)
    words = f"{size:.0f} s" if size < 90 else f"{size / 60:.0f} min"
    return f"in {words}" if seconds >= 0 else f"{words} ago"


def plain(text: str, now: float) -> str:
    """Text without Discord's markup, with its timestamps as relative times."""
    text = RELATIVE.sub(lambda match: span(int(match.group(1)) - now), text)
    return MARKS.sub("", text).strip()


def one_line(message: Message, now: float) -> str:
    """The whole message on one line, for a progress report."""
    if message.loading:
        return "… is thinking"
    lines = [line.strip() for line in plain(message.text, now).splitlines() if line.strip()]
    pictures = [f"[{f.filename}, {len(f.data) // 1024} KiB]" for f in message.attachments]
    return " | ".join([*lines, *pictures])


def _button(component: Json) -> str:
    label = component.get("label") or component.get("emoji", {}).get("name", "?")
    return f"({label})" if component.get("disabled") else f"[{label}]"


def readable(message: Message, author: str, now: float) -> str:
    """The message as text, with its files and buttons."""
    lines = plain(message.text, now).splitlines()
    for stored in message.attachments:
        size = f"{stored.width} × {stored.height} px, " if stored.width else ""
        lines.append(f"📎 {stored.filename} ({size}{len(stored.data)} bytes)")
    if message.buttons:
        lines.append(" ".join(_button(b) for b in message.buttons))
    return "\n".join([f"{author}:", *(f"  {line}" for line in lines)]) + "\n"
