"""The numbers among the limits as lines of text: `Largest size: 2048`, to be changed in a form."""

import re
from collections.abc import Mapping
from typing import Any

from bot.texts import Texts, _
from bot.ui.words import QUALITIES
from bot.wire.errors import UserError
from common.limits import LIMITS, LimitKind, Limits

NUMBERS = {name: limit for name, limit in LIMITS.items() if not limit.kind.holds_ids}
UNKNOWN_LINE = _(
    "“{line}” names no limit. Please keep the names in the form, and change only what stands "
    "behind them."
)
NO_NUMBER = _("{limit}: “{value}” is no whole number.")
NO_QUALITY = _("{limit}: “{value}” is none of {qualities}.")


def limit_lines(t: Texts, limits: Limits) -> str:
    """A line for each number, as it is now."""
    return "\n".join(
        f"{t.say(limit.label)}: {_shown(t, getattr(limits, name))}"
        for name, limit in NUMBERS.items()
    )


def read_lines(t: Texts, text: str) -> Mapping[str, Any]:
    """The limits that the lines give; None where nothing stands behind the name.

    Raises:
        UserError: if a line names no limit, or gives what it cannot be.
    """
    names = {t.say(limit.label).casefold(): name for name, limit in NUMBERS.items()}
    found: dict[str, Any] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        label, _colon, value = line.rpartition(":")
        name = names.get(label.strip().casefold())
        if name is None:
            raise UserError(UNKNOWN_LINE, line=line[:100])
        found[name] = _read(t, name, value.strip()) if value.strip() else None
    return found


def _shown(t: Texts, value: Any) -> str:
    return t(QUALITIES[value]) if value in QUALITIES else str(value)


def _read(t: Texts, name: str, value: str) -> int | str:
    limit = NUMBERS[name].label
    if NUMBERS[name].kind is LimitKind.QUALITY:
        for quality, word in QUALITIES.items():
            if value.casefold() in {quality, t(word).casefold()}:
                return quality
        qualities = ", ".join(t(word) for word in QUALITIES.values())
        raise UserError(NO_QUALITY, limit=limit, value=value[:50], qualities=qualities)
    number = re.fullmatch(r"([0-9]{1,9})\s*(px|s)?", value)
    if number is None:
        raise UserError(NO_NUMBER, limit=limit, value=value[:50])
    return int(number[1])
