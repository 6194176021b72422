"""The limits in words, for lists, forms and the log."""

from collections.abc import Iterable
from typing import Any

from bot.texts import Texts
from bot.ui.words import QUALITIES
from common.limits import LIMITS, LimitKind, Limits


def limit_value(t: Texts, name: str, value: Any) -> str:
    """The value of a limit in words."""
    limit = LIMITS[name]
    if value is None or (isinstance(value, tuple | list) and not value):
        return t.say(limit.nothing)
    match limit.kind:
        case LimitKind.SIZE:
            words = f"{value} px"
        case LimitKind.QUALITY:
            words = t(QUALITIES.get(str(value), str(value)))
        case LimitKind.SECONDS:
            words = t("{seconds} s", seconds=value)
        case LimitKind.ROLES if isinstance(value, tuple | list):
            words = ", ".join(f"<@&{role_id}>" for role_id in value)
        case LimitKind.CHANNELS if isinstance(value, tuple | list):
            words = ", ".join(f"<#{channel_id}>" for channel_id in value)
        case LimitKind.CHANNEL:
            words = f"<#{value}>"
        case _:
            words = str(value)
    return words


def limit_line(t: Texts, name: str, value: Any) -> str:
    """One limit: `Largest size: 1024 px`."""
    return t("{limit}: {value}", limit=t.say(LIMITS[name].label), value=limit_value(t, name, value))


def limits_words(t: Texts, limits: Limits, own: Iterable[str]) -> str:
    """All limits; those that the server has set in bold, which nobody hears, and in words."""
    set_here = set(own)
    lines = []
    for name in LIMITS:
        line = limit_line(t, name, getattr(limits, name))
        if name in set_here:
            line = t("**{limit}** (set by this server)", limit=line)
        lines.append(line)
    return "\n".join(lines)
