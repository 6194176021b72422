"""Sentences for people as data: in English here, in the reader's language where they are shown.

A template is the key of its translations; `bot.locales` finds it where `sentence(…)` or a
`ExplainedError` is called with it, so it stands there as it is, not put together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias, Union

from common.errors import AtelierError


@dataclass(frozen=True, slots=True)
class Sentence:
    """A template with `{name}` for each of the values, which may be sentences themselves."""

    template: str
    values: "dict[str, Value]" = field(default_factory=dict, hash=False)  # it has no hash

    def __str__(self) -> str:
        """In English. A row of another version may lack values: then the template must do."""
        try:
            return self.template.format_map(self.values)
        except (KeyError, IndexError, ValueError, AttributeError):
            return self.template

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What `dataclasses.asdict` made of a sentence."""
        values = {
            name: cls.from_plain(value) if isinstance(value, Mapping) else value
            for name, value in plain["values"].items()
        }
        return cls(plain["template"], values)


Value: TypeAlias = Union[int, float, str, Sentence]  # noqa: UP007 - `|` would name Sentence too soon


def sentence(template: str, /, **values: Value) -> Sentence:
    """A sentence, marked for translation."""
    return Sentence(template, values)


class ExplainedError(AtelierError):
    """An error that is explained to people in one sentence."""

    def __init__(self, template: str, /, **values: Value) -> None:
        self.sentence = Sentence(template, values)
        """What is wrong and what to do."""
        super().__init__(str(self.sentence))

    @classmethod
    def saying(cls, said: Sentence) -> Self:
        """A problem with a sentence that another one had."""
        return cls(said.template, **said.values)
