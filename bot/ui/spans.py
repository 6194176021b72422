"""Spans of time as people type them: `12 h`, `3 days`, `2 Wochen`."""

import re
from datetime import timedelta

from discord import app_commands

from bot.kit import UserError
from bot.texts import Texts, _, languages
from bot.ui.choices import CHOICES, folded
from common.spans import UNITS, parse_span

NO_SPAN = _("“{typed}” is no span of time; please write one such as 12 hours, 3 days or 2 weeks.")
_HOUR, _DAY, _WEEK = UNITS.values()
USUAL = ("1h", "12h", "1d", "3d", "1w", "2w", "4w")


def span_words(t: Texts, span: timedelta) -> str:
    """A span in words: `3 days`."""
    if span % _WEEK == timedelta(0):
        return t.plural("{count} week", "{count} weeks", count=span // _WEEK)
    if span % _DAY == timedelta(0):
        return t.plural("{count} day", "{count} days", count=span // _DAY)
    return t.plural("{count} hour", "{count} hours", count=span // _HOUR)


def read_span(typed: str) -> timedelta:
    """The span that somebody typed, in any of the languages.

    Raises:
        UserError: if it is none, or a very long one.
    """
    span = parse_span(typed, _unit)
    if span is None:
        raise UserError(NO_SPAN, typed=typed[:50])
    return span


def span_choices(t: Texts, typed: str) -> list[app_commands.Choice[str]]:
    """Spans to choose from, those of a number that was typed among them."""
    number = re.match(r"\s*(\d{1,4})", typed)
    offered = [f"{int(number[1])}{unit}" for unit in UNITS] if number else list(USUAL)
    choices = []
    for each in offered:
        try:
            choices.append(app_commands.Choice(name=span_words(t, read_span(each)), value=each))
        except UserError:
            continue
    return choices[:CHOICES]


def _unit(word: str) -> timedelta | None:
    if word in UNITS:
        return UNITS[word]
    for t in languages().values():
        for unit in UNITS.values():
            said = {folded(span_words(t, count * unit).split()[-1]) for count in (1, 2)}
            if folded(word) in said:
                return unit
    return None
