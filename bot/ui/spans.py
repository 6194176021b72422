"""Time spans as people type them: `12 h`, `3 days`, `2 Wochen`."""

import re
from datetime import timedelta

from discord import app_commands

from bot.kit import UserError
from bot.texts import Texts, _, languages
from bot.ui.choices import CHOICES, folded
from common.spans import UNITS, parse_span

NO_SPAN = _(
    "“{typed}” is not a length of time; please write one such as 12 hours, 3 days or 2 weeks."
)
_HOUR, _DAY, _WEEK = UNITS.values()
USUAL = ("1h", "12h", "1d", "3d", "1w", "2w", "4w")


def span_words(t: Texts, span: timedelta) -> str:
    """A time span in words: `3 days`."""
    if span % _WEEK == timedelta(0):
        return t.plural("{count} week", "{count} weeks", count=span // _WEEK)
    if span % _DAY == timedelta(0):
        return t.plural("{count} day", "{count} days", count=span // _DAY)
    return t.plural("{count} hour", "{count} hours", count=span // _HOUR)


def read_span(typed: str) -> timedelta:
    """Parse a time span in any of the languages.

    Raises:
        UserError: It cannot be parsed, or is too long.
    """
    span = parse_span(typed, _unit)
    if span is None:
        raise UserError(NO_SPAN, typed=typed[:50])
    return span


def span_choices(t: Texts, typed: str) -> list[app_commands.Choice[str]]:
    """Time spans to choose from, with those of a number that was typed.

    Only those that match everything typed, as Enter takes the first: `3 days` must not be three
    hours.
    """
    wanted = folded(typed).strip()
    number = re.fullmatch(r"(\d{1,4})\s*(\D.*)?", wanted)
    meant = parse_span(wanted, _unit)
    choices = []
    for each in [f"{int(number[1])}{unit}" for unit in UNITS] if number else USUAL:
        try:
            span = read_span(each)
        except UserError:
            continue
        words = span_words(t, span)
        if number:
            names = (each[-1], *_names(t, UNITS[each[-1]]))
            fits = any(name.startswith(number[2] or "") for name in names)
        else:
            fits = wanted in folded(words)
        if fits or span == meant:
            choices.append(app_commands.Choice(name=words, value=each))
    return choices[:CHOICES]


def _names(t: Texts, unit: timedelta) -> set[str]:
    """The names of a unit, singular and plural."""
    return {folded(span_words(t, count * unit).split()[-1]) for count in (1, 2)}


def _unit(word: str) -> timedelta | None:
    if word in UNITS:
        return UNITS[word]
    for t in languages().values():
        for unit in UNITS.values():
            if folded(word) in _names(t, unit):
                return unit
    return None
