"""The registry of rules, and the judge that runs them and words the refusal.

A rule belongs to a subject (a message, a component, a command, …) and looks at one `Form`. It
yields faults: a path into the request, Discord's code for the kind of fault, and a sentence.
The judge runs every rule of a subject, records what was broken, and raises Discord's answer.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.errors import ApiError
from sandbox.model import Interaction, Json, Message
from sandbox.world import TrafficLine, Violation, World

DOCS = "https://docs.discord.com/developers/"
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    """One broken rule at one place.

    `answer` replaces the form error by an answer of its own; `advice` marks what Discord lets
    pass although it cannot be meant, such as a file that nobody will see.
    """

    path: Path
    code: str
    message: str
    answer: ApiError | None = None
    advice: bool = False


@dataclass
class Form:
    """What a rule looks at: the value at `path` of a request, and what it is meant for."""

    world: World
    value: Any
    path: Path = ()
    payload: Json = field(default_factory=dict)
    files: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    existing: Message | None = None
    interaction: Interaction | None = None
    v2: bool = False
    upload_limit_bytes: int = 10 * 1024 * 1024

    def at(self, value: Any, *steps: str | int) -> "Form":
        """The same form, looking at a part of it."""
        return replace(self, value=value, path=(*self.path, *steps))


Check = Callable[[Form], Iterable[Fault]]


@dataclass(frozen=True)
class Rule:
    """A named check and where the documentation says so."""

    name: str
    subject: str
    documentation: str
    check: Check


_RULES: dict[str, dict[str, Rule]] = {}


def rule(subject: str, documentation: str) -> Callable[[Check], Check]:
    """Register a check under its function's name for a subject."""

    def register(check: Check) -> Check:
        name = check.__name__.replace("_", "-")
        _RULES.setdefault(subject, {})[name] = Rule(name, subject, DOCS + documentation, check)
        return check

    return register


def all_rules() -> list[Rule]:
    """Every rule, by subject."""
    return [r for rules in _RULES.values() for r in rules.values()]


def find_faults(subject: str, form: Form) -> Iterator[tuple[Rule, Fault]]:
    """Run a subject's rules and yield what they find."""
    for one in _RULES.get(subject, {}).values():
        for fault in one.check(form):
            yield one, fault


def judge(subject: str, form: Form, line: TrafficLine | None) -> None:
    """Run a subject's rules; record every fault; raise the answer when one refuses."""
    judge_all(subject, [form], line)


def judge_all(subject: str, forms: Iterable[Form], line: TrafficLine | None) -> None:
    """Judge several forms at once, so that one answer names the faults of all."""
    found = [pair for form in forms for pair in _recorded(subject, form, line)]
    refusing = [fault for fault in found if not fault.advice]
    for fault in refusing:
        if fault.answer is not None:
            raise fault.answer
    if refusing:
        raise ApiError(400, 50035, "Invalid Form Body", errors=error_tree(refusing))


def _recorded(subject: str, form: Form, line: TrafficLine | None) -> Iterator[Fault]:
    for one, fault in find_faults(subject, form):
        violation = Violation(
            one.name,
            ".".join(str(step) for step in fault.path),
            fault.message,
            line.title if line else "",
            one.documentation,
            not fault.advice,
            form.world.clock.now(),
        )
        form.world.violations.append(violation)
        if line is not None:
            line.violations.append(violation)
        yield fault


def error_tree(faults: Iterable[Fault]) -> Json:
    """Faults as the nested object that Discord answers.

    https://docs.discord.com/developers/reference#error-messages
    """
    tree: Json = {}
    for fault in faults:
        node = tree
        for step in fault.path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": fault.code, "message": fault.message})
    return tree
