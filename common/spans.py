"""Durations as people type them: `12 h`, `3 days`."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta

LONGEST = timedelta(days=3650)
UNITS: Mapping[str, timedelta] = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_ENGLISH = {"h": ("hour", "hours"), "d": ("day", "days"), "w": ("week", "weeks")}
_WORDS = {word: UNITS[unit] for unit, words in _ENGLISH.items() for word in (unit, *words)}


def english_unit(word: str) -> timedelta | None:
    """The unit of a lower-case English word, or None."""
    return _WORDS.get(word)


def parse_span(
    typed: str, unit_of: Callable[[str], timedelta | None] = english_unit
) -> timedelta | None:
    """Parse a duration; None if it is none, or too long.

    Args:
        typed: a whole number and a unit.
        unit_of: returns the unit of a lower-case word.
    """
    found = re.fullmatch(r"\s*(\d{1,4})\s*([^\W\d]+)\.?\s*", typed)
    unit = None if found is None else unit_of(found[2].casefold())
    if found is None or unit is None or not int(found[1]):
        return None
    span = int(found[1]) * unit
    return span if span <= LONGEST else None
