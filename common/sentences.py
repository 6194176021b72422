"""Sentences for users as data: in English here, translated where they are shown.

A template is the key of its translations. `bot.locales` finds it as the literal argument of
`sentence(…)` or an `ExplainedError`, so it must not be composed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias, Union

from common.errors import AtelierError


@dataclass(frozen=True, slots=True)
class Sentence:
    """A template with a `{name}` for each value; values may be sentences."""

    template: str
    values: "dict[str, Value]" = field(default_factory=dict, hash=False)  # it has no hash

    def __str__(self) -> str:
        """In English. If values are missing (in a row of another version), the template itself."""
        try:
            return self.template.format_map(self.values)
        except (KeyError, IndexError, ValueError, AttributeError):
            return self.template

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Build a sentence from the result of `dataclasses.asdict`."""
        values = {
            name: cls.from_plain(value) if isinstance(value, Mapping) else value
            for name, value in plain["values"].items()
        }
        return cls(plain["template"], values)


Value: TypeAlias = Union[int, float, str, Sentence]  # noqa: UP007 - `|` would name Sentence too soon


def sentence(template: str, /, **values: Value) -> Sentence:
    """A sentence whose template is marked for translation."""
    return Sentence(template, values)


class ExplainedError(AtelierError):
    """An error with a sentence for users."""

    def __init__(self, template: str, /, **values: Value) -> None:
        self.sentence = Sentence(template, values)
        """What is wrong, and what to do."""
        super().__init__(str(self.sentence))

    @classmethod
    def saying(cls, said: Sentence) -> Self:
        """An error with an existing sentence."""
        return cls(said.template, **said.values)
