"""The registry of rules, and the validator that runs them and builds the error response.

A rule belongs to a subject (a message, a component, a command, …) and checks one `FormBody`. It
yields findings: a path into the request, Discord's error code, and a sentence. `judge` runs every
rule of a subject, records the violations, and raises Discord's error.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.errors import ApiError, invalid_form
from sandbox.model import Files, Interaction, Json, Message
from sandbox.world import TrafficLine, Violation, World

DOCS = "https://docs.discord.com/developers/"
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Finding:
    """One violation of a rule at one place."""

    path: Path
    code: str
    message: str
    answer: ApiError | None = None
    """Replaces the form error by another error."""
    advice: bool = False
    """Discord accepts it although it must be a mistake, such as a file that nobody will see."""


@dataclass(eq=False)
class FormBody:
    """What a rule checks: the value at `path` of a request, and its context."""

    world: World
    value: Any
    path: Path = ()
    files: Files = field(default_factory=dict)
    existing: Message | None = None
    interaction: Interaction | None = None
    v2: bool = False
    upload_limit_bytes: int = 10 * 1024 * 1024

    def at(self, value: Any, *steps: str | int) -> "FormBody":
        """The same form for a part of the value."""
        return replace(self, value=value, path=(*self.path, *steps))

    def wrong(self, code: str, message: str, *steps: str | int) -> Finding:
        """A finding that is refused."""
        return Finding((*self.path, *steps), code, message)

    def advice(self, message: str, *steps: str | int) -> Finding:
        """A finding that Discord accepts, but that must be a mistake."""
        return Finding((*self.path, *steps), "", message, advice=True)


Check = Callable[[FormBody], Iterable[Finding]]


@dataclass(frozen=True)
class Rule:
    """A named check, and the documentation for it."""

    name: str
    documentation: str
    check: Check


_RULES: dict[str, dict[str, Rule]] = {}


def rule(subject: str, documentation: str) -> Callable[[Check], Check]:
    """Register a check under its function's name for a subject."""

    def register(check: Check) -> Check:
        name = check.__name__.replace("_", "-")
        _RULES.setdefault(subject, {})[name] = Rule(name, DOCS + documentation, check)
        return check

    return register


def all_rules() -> list[Rule]:
    """Every rule, by subject."""
    return [r for rules in _RULES.values() for r in rules.values()]


def judge(subject: str, form: FormBody, line: TrafficLine | None) -> None:
    """Run a subject's rules; record every finding; raise the error if one is refused."""
    judge_all(subject, [form], line)


def judge_all(subject: str, forms: Iterable[FormBody], line: TrafficLine | None) -> None:
    """Validate several forms, so that one error has the findings of all."""
    found = [f for form in forms for f in _recorded(subject, form, line)]
    refusing = [finding for finding in found if not finding.advice]
    for finding in refusing:
        if finding.answer is not None:
            raise finding.answer
    if refusing:
        raise invalid_form(error_tree(refusing))


def _recorded(subject: str, form: FormBody, line: TrafficLine | None) -> Iterator[Finding]:
    for broken in _RULES.get(subject, {}).values():
        for finding in broken.check(form):
            violation = Violation(
                broken.name,
                ".".join(str(step) for step in finding.path),
                finding.message,
                line.title if line else "",
                broken.documentation,
                not finding.advice,
            )
            form.world.violations.append(violation)
            if line is not None:
                line.violations.append(violation)
            yield finding


def error_tree(findings: Iterable[Finding]) -> Json:
    """Findings as Discord's nested error object.

    https://docs.discord.com/developers/reference#error-messages
    """
    tree: Json = {}
    for finding in findings:
        node = tree
        for step in finding.path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": finding.code, "message": finding.message})
    return tree
