"""Sentences with a relative time, which Discord shows as “in 2 minutes” or “2 minutes ago”.

The words before it must have no tense: a noun and a colon, or a participle.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.locales.extract import ROOT
from bot.locales.update import known_languages, read
from bot.texts import LOCALES_DIR
from tests.bot.locales.test_translations import catalog_of, translated_forms

PARTICIPLES = {"en": "expected", "de": "erwartet", "fr": "prévue", "es": "prevista"}
RELATIVE_TIME = re.compile(r"<t:\{\w+\}:R>")
VERBS = {
    "en": "am is are was were will can could may must expect expects should",
    "de": "bin ist sind war wird werden kann können darf muss rechne erwarte soll",
    "fr": "suis est sont sera seront peut pourra pourront doit prévois attends",
    "es": "soy es está son será serán puede podrá podrán debe espero calculo",
}


def is_relative_time(node: ast.AST) -> bool:
    """Whether an expression makes a relative time."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    return any(
        getattr(call.func, "id", "") == "relative"
        or (getattr(call.func, "attr", "") == "format_dt" and ast.unparse(call).endswith("'R')"))
        for call in calls
    )


def templates_with_times() -> Iterator[tuple[str, str]]:
    """The sentences with a relative time as value, and its placeholder."""
    for path in sorted((ROOT / "bot").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call) or getattr(call.func, "id", "") not in {"t", "_"}:
                continue
            for keyword in call.keywords:
                if is_relative_time(keyword.value):
                    template = call.args[0]
                    assert isinstance(template, ast.Constant), f"{path}: {ast.unparse(call)}"
                    yield str(template.value), str(keyword.arg)


def mark_times(sentence: str, names: dict[str, set[str]], source: str) -> str:
    """The sentence with `⏱` for each relative time."""
    for name in names.get(source, ()):
        sentence = sentence.replace("{" + name + "}", "⏱")
    return RELATIVE_TIME.sub("⏱", sentence)


def sentences_of(language: str) -> list[tuple[str, str]]:
    """Each sentence of a language with its English source."""
    if language == "en":
        catalog = read(LOCALES_DIR / "de" / "atelier.po", "de")
        sources = [each for message in catalog if message.id for each in translated_forms(message)]
        return [(source, source) for source, _said in sources]
    return [
        each for message in catalog_of(language) if message.id for each in translated_forms(message)
    ]


@pytest.mark.parametrize("language", ["en", *known_languages()])
def test_no_tense_precedes_a_countdown(language: str) -> None:
    names: dict[str, set[str]] = {}
    for template, name in templates_with_times():
        names.setdefault(template, set()).add(name)
    checked = 0
    for source, translation in sentences_of(language):
        shown = mark_times(translation, names, source)
        for before in re.findall(r"([^.;!?(]*)⏱", shown):
            checked += 1
            words = set(re.findall(r"\w+", before.casefold()))
            assert not words & set(VERBS[language].split()), translation
            alone = before.strip() == PARTICIPLES[language]
            assert alone or before.rstrip().endswith(":"), translation
    assert checked == 4
    assert names.keys() == {"expected {when}"}


def test_every_language_has_participles_and_verbs() -> None:
    assert {"en", *known_languages()} == set(PARTICIPLES) == set(VERBS)


def test_only_known_list_lines_show_a_relative_time_outside_a_sentence() -> None:
    """Lists show a past time before or after the entry, without words."""
    alone: list[str] = []
    for path in sorted(Path(ROOT / "bot").rglob("*.py")):
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        strings = [
            node for node in nodes if isinstance(node, ast.JoinedStr) and is_relative_time(node)
        ]
        alone += map(ast.unparse, strings)
    assert sorted(alone) == [
        "f'{job_line(t, job)} · {relative(job.ended_at or job.created_at)}'",
        "f'{relative(entry.at)} {said}'",
    ]
