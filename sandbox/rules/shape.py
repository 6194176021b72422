"""Types, lengths and ranges of fields: a small schema with Discord's error codes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sandbox.rules.registry import Finding, Path

Schema = Mapping[str, "Kind"]


@dataclass(frozen=True)
class Kind(ABC):
    """What a field may contain. `required` fields must be present."""

    required: bool = False

    @abstractmethod
    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """What is wrong with a value that is present."""


def _length_findings(path: Path, length: int, low: int, high: int | None) -> Iterator[Finding]:
    if low <= length and (high is None or length <= high):
        return
    if low and high is not None:
        message = f"Must be between {low} and {high} in length."
        yield Finding(path, "BASE_TYPE_BAD_LENGTH", message)
    elif high is not None:
        yield Finding(path, "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
    else:
        yield Finding(path, "BASE_TYPE_MIN_LENGTH", f"Must be {low} or more in length.")


@dataclass(frozen=True)
class Text(Kind):
    """A string with a length; `trim` counts it without whitespace at its ends."""

    low: int = 0
    high: int | None = None
    trim: bool = False

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """Not a string, too short, too long."""
        if not isinstance(value, str):
            yield Finding(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return
        length = len(value.strip() if self.trim else value)
        yield from _length_findings(path, length, self.low, self.high)


@dataclass(frozen=True)
class Integer(Kind):
    """An integer in a range."""

    low: int | None = None
    high: int | None = None

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """Not a whole number, too small, too large."""
        if isinstance(value, bool) or not isinstance(value, int):
            yield Finding(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        elif self.low is not None and value < self.low:
            message = f"int value should be greater than or equal to {self.low}."
            yield Finding(path, "NUMBER_TYPE_MIN", message)
        elif self.high is not None and value > self.high:
            message = f"int value should be less than or equal to {self.high}."
            yield Finding(path, "NUMBER_TYPE_MAX", message)


@dataclass(frozen=True, kw_only=True)
class Accepted(Kind):
    """A value that a predicate accepts; else this error code and message."""

    accepts: Callable[[Any], bool]
    code: str
    message: str

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """Something else."""
        if not self.accepts(value):
            yield Finding(path, self.code, self.message.format(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and str(value).isdigit()


_number = partial(Accepted, code="NUMBER_TYPE_COERCE")
Number = partial(_number, accepts=_is_number, message='Value "{}" is not float.')
"""Any number."""
Snowflake = partial(_number, accepts=_is_id, message='Value "{}" is not snowflake.')
"""An ID, as string or number."""
Boolean = partial(
    Accepted,
    accepts=lambda value: isinstance(value, bool),
    code="BOOLEAN_TYPE_CONVERT",
    message="Must be either true or false.",
)


@dataclass(frozen=True)
class OneOf(Kind):
    """One of a set of values."""

    values: Collection[Any] = ()

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """None of them."""
        if isinstance(value, bool | list | dict) or value not in self.values:
            listed = ", ".join(repr(v) for v in self.values)
            yield Finding(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")


@dataclass(frozen=True)
class Items(Kind):
    """A list with a length."""

    low: int = 0
    high: int | None = None
    of: Kind | None = None

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """Not a list, too short, too long, or an item is wrong."""
        if not isinstance(value, list):
            message = "Only iterables may be used in a ListType"
            yield Finding(path, "LIST_TYPE_CONVERT", message)
            return
        yield from _length_findings(path, len(value), self.low, self.high)
        if self.of is not None:
            for index, item in enumerate(value):
                yield from self.of.findings((*path, index), item)


@dataclass(frozen=True)
class Object(Kind):
    """An object whose known fields follow a schema."""

    schema: Schema | None = None

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """Not an object, a required field missing, a field wrong."""
        if not isinstance(value, dict):
            message = "Only dictionaries may be used in a DictType"
            yield Finding(path, "DICT_TYPE_CONVERT", message)
            return
        for name, kind in (self.schema or {}).items():
            if value.get(name) is not None:
                yield from kind.findings((*path, name), value[name])
            elif kind.required:
                message = "This field is required"
                yield Finding((*path, name), "BASE_TYPE_REQUIRED", message)
