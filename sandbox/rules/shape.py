"""Types, lengths and ranges of fields: a small schema with Discord's code for each finding."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.rules.registry import Finding, Path

Schema = Mapping[str, "Kind"]


@dataclass(frozen=True)
class Kind(ABC):
    """What a field may hold. `required` fields must be there; `nullable` ones may be null."""

    required: bool = False
    nullable: bool = False

    @abstractmethod
    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """What is wrong with a value that is there."""


@dataclass(frozen=True)
class Text(Kind):
    """A string of some length; `trim` counts without blanks at its ends."""

    low: int = 0
    high: int | None = None
    trim: bool = False

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """Not a string, too short, too long."""
        if not isinstance(value, str):
            yield Finding(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return
        length = len(value.strip() if self.trim else value)
        high = self.high if self.high is not None else length
        if self.low <= length <= high:
            return
        if self.low and self.high is not None:
            message = f"Must be between {self.low} and {self.high} in length."
            yield Finding(path, "BASE_TYPE_BAD_LENGTH", message)
        elif length > high:
            yield Finding(path, "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
        else:
            yield Finding(path, "BASE_TYPE_MIN_LENGTH", f"Must be {self.low} or more in length.")


@dataclass(frozen=True)
class Integer(Kind):
    """A whole number in a range."""

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


@dataclass(frozen=True)
class Number(Kind):
    """Any number."""

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """Not a number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield Finding(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not float.')


@dataclass(frozen=True)
class Boolean(Kind):
    """True or false."""

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """Something else."""
        if not isinstance(value, bool):
            yield Finding(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")


@dataclass(frozen=True)
class OneOf(Kind):
    """One of some values."""

    values: Collection[Any] = ()

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """None of them."""
        if isinstance(value, bool | list | dict) or value not in self.values:
            listed = ", ".join(repr(v) for v in self.values)
            yield Finding(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")


@dataclass(frozen=True)
class Items(Kind):
    """A list of some length."""

    low: int = 0
    high: int | None = None
    of: Kind | None = None

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """Not a list, too short, too long, or an item is wrong."""
        if not isinstance(value, list):
            message = "Only iterables may be used in a ListType"
            yield Finding(path, "LIST_TYPE_CONVERT", message)
            return
        if self.high is not None and not self.low <= len(value) <= self.high:
            if self.low:
                message = f"Must be between {self.low} and {self.high} in length."
                yield Finding(path, "BASE_TYPE_BAD_LENGTH", message)
            else:
                message = f"Must be {self.high} or fewer in length."
                yield Finding(path, "BASE_TYPE_MAX_LENGTH", message)
        if self.of is not None:
            for index, item in enumerate(value):
                yield from self.of.findings((*path, index), item)


@dataclass(frozen=True)
class Snowflake(Kind):
    """An id, as text or number."""

    def findings(self, path: Path, value: Any) -> Iterator[Finding]:
        """Not an id."""
        is_id = isinstance(value, int | str) and not isinstance(value, bool)
        if not is_id or not str(value).isdigit():
            message = f'Value "{value}" is not snowflake.'
            yield Finding(path, "NUMBER_TYPE_COERCE", message)


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
            here = (*path, name)
            if name not in value:
                if kind.required:
                    yield Finding(here, "BASE_TYPE_REQUIRED", "This field is required")
            elif value[name] is None:
                if kind.required and not kind.nullable:
                    yield Finding(here, "BASE_TYPE_REQUIRED", "This field is required")
            else:
                yield from kind.findings(here, value[name])
