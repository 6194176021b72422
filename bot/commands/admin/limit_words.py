"""The limits in words, for lists, forms and the log."""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.texts import Texts, _
from bot.ui.words import QUALITIES
from jobs.entering.limits import Limits

LABELS: Mapping[str, str] = {
    "max_size_px": _("Largest size"),
    "max_quality": _("Best quality"),
    "max_waiting_per_user": _("Waiting pictures of one member"),
    "max_waiting_per_server": _("Waiting pictures of the server"),
    "max_per_day": _("Pictures of one member in 24 hours"),
    "cooldown_seconds": _("Pause between two pictures of one member"),
    "retention_days": _("Days that pictures are kept"),
    "painter_role_ids": _("Roles that may paint"),
    "exempt_role_ids": _("Roles that are free of the server's limits"),
    "priority_role_ids": _("Roles that are painted first"),
    "channel_ids": _("Channels in which to paint"),
    "log_channel_id": _("Channel that tells of changes"),
}
NONE = _("none")
NOBODY_NAMED = {
    "painter_role_ids": _("everybody"),
    "channel_ids": _("all"),
    "log_channel_id": _("no channel"),
}


def limit_value(t: Texts, name: str, value: Any) -> str:
    """The value of a limit as it is shown."""
    if value is None or (isinstance(value, tuple | list) and not value):
        return t(NOBODY_NAMED.get(name, NONE))
    if isinstance(value, tuple | list):
        kind = "#" if name == "channel_ids" else "@&"
        return ", ".join(f"<{kind}{each}>" for each in value)
    forms: Mapping[str, str] = {
        "max_size_px": f"{value} px",
        "max_quality": t(QUALITIES.get(str(value), str(value))),
        "cooldown_seconds": t("{seconds} s", seconds=value),
        "log_channel_id": f"<#{value}>",
    }
    return forms.get(name, str(value))


def limit_line(t: Texts, name: str, value: Any) -> str:
    """One limit: `Largest size: 1024 px`."""
    return t("{limit}: {value}", limit=t(LABELS[name]), value=limit_value(t, name, value))


def limits_words(t: Texts, limits: Limits, own: Iterable[str]) -> str:
    """All limits, those that the server's admins set in bold."""
    set_here = set(own)
    lines = []
    for name in LABELS:
        line = limit_line(t, name, getattr(limits, name))
        lines.append(f"**{line}**" if name in set_here else line)
    return "\n".join(lines)
