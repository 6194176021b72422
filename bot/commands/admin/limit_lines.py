"""The numeric limits as lines of text, to be edited in a modal: `Largest size: 2048`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bot.kit import UserError
from bot.texts import Texts, _, languages
from bot.ui.choices import folded
from bot.ui.limit_words import limit_value
from bot.ui.words import QUALITIES
from common.limits import LIMITS, LimitKind, Limits

NUMBERS = {name: limit for name, limit in LIMITS.items() if not limit.kind.holds_ids}
UNKNOWN_LINE = _(
    "“{line}” does not name a limit. Please keep the names in the form, and change only what "
    "comes after them."
)
NO_NUMBER = _("{limit}: “{value}” is not a whole number.")
NO_QUALITY = _("{limit}: “{value}” is not one of {qualities}.")
TWICE = _("{limit} appears in two lines; please keep only one of them.")
LOOSENS = _(
    "{limit}: the operator of this bot allows {allowed}, and {asked} would loosen that; please "
    "choose a stricter value."
)
UNUSABLE = _("{limit}: that is not a value it can have; please choose another.")


@dataclass(frozen=True)
class ReadLines:
    """The parsed lines."""

    values: Mapping[str, Any]
    """The limits by name; None if there is no value after the name."""
    problems: Mapping[int, str]
    """What is invalid, by line number, from 1."""


def limit_lines(t: Texts, limits: Limits) -> str:
    """One line for each number, with its current value."""
    values = {name: getattr(limits, name) for name in NUMBERS}
    return "\n".join(
        t(
            "{limit}: {value}",
            limit=t.say(NUMBERS[name].label),
            value=t(QUALITIES[value]) if value in QUALITIES else value,
        )
        for name, value in values.items()
    )


def read_lines(t: Texts, text: str, operator: Limits) -> ReadLines:
    """Parse all lines, and collect all problems.

    Args:
        t: The language of the problems; names may be in any language.
        text: What was typed.
        operator: Limits that may not be loosened.
    """
    names = {  # in all languages; the user's last, so that it wins
        folded(each.say(limit.label)): name
        for each in (*languages().values(), t)
        for name, limit in NUMBERS.items()
    }
    values: dict[str, Any] = {}
    problems: dict[int, str] = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line:
            continue
        try:
            name, value = _read_line(t, names, line)
            _check(t, name, value, values, operator)
            values[name] = value
        except UserError as problem:
            problems[number] = t.say(problem.sentence)
    return ReadLines(values, problems)


def _read_line(t: Texts, names: Mapping[str, str], line: str) -> tuple[str, int | str | None]:
    """The limit in a line, and its value."""
    label, _colon, value = line.partition(":")
    name = names.get(folded(" ".join(label.split())))
    if name is None:
        raise UserError(UNKNOWN_LINE, line=line[:100])
    return name, _read(t, name, value.strip()) if value.strip() else None


def _check(
    t: Texts, name: str, value: int | str | None, before: Mapping[str, Any], operator: Limits
) -> None:
    if name in before:
        raise UserError(TWICE, limit=NUMBERS[name].label)
    if value is None:
        return
    limit, allowed = LIMITS[name], getattr(operator, name)
    try:
        limit.checked(value)
    except ValidationError:
        raise UserError(UNUSABLE, limit=limit.label) from None
    if limit.is_looser(value, than=allowed):
        raise loosens(t, name, allowed, value)


def loosens(t: Texts, name: str, allowed: Any, asked: Any) -> UserError:
    """The error that a value allows more than the operator does."""
    return UserError(
        LOOSENS,
        limit=LIMITS[name].label,
        allowed=limit_value(t, name, allowed),
        asked=limit_value(t, name, asked),
    )


def _read(t: Texts, name: str, value: str) -> int | str:
    limit = NUMBERS[name].label
    if NUMBERS[name].kind is LimitKind.QUALITY:
        for quality, word in QUALITIES.items():
            said = {quality, *(folded(each(word)) for each in languages().values())}
            if folded(value) in said:
                return quality
        qualities = ", ".join(t(word) for word in QUALITIES.values())
        raise UserError(NO_QUALITY, limit=limit, value=value[:50], qualities=qualities)
    number = re.fullmatch(r"([0-9]{1,9})\s*(px|s)?", value)
    if number is None:
        raise UserError(NO_NUMBER, limit=limit, value=value[:50])
    return int(number[1])
