"""Sentences of the queue and the engine for members are translated into every language."""

import ast
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bot.locales.extract import COMMAND_LINE, OTHERS, kinds_of_explained
from bot.locales.update import known_languages
from bot.texts import texts_for

ROOT = Path(__file__).resolve().parents[3]


@cache
def error_names() -> set[str]:
    return kinds_of_explained()


@cache
def sentence_calls() -> list[tuple[str, ast.Call]]:
    """Every call that makes a sentence, with its place in the source."""
    return [*_sentence_calls()]


def _sentence_calls() -> Iterator[tuple[str, ast.Call]]:
    command_line_files = {pattern.rpartition("/")[2] for pattern in COMMAND_LINE}
    for package in OTHERS:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Name(id=name)) if name in {"sentence", *error_names()}:
                        if path.name not in command_line_files:
                            yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def template_of(call: ast.Call) -> str | None:
    match call.args:
        case [ast.Constant(value=str(template))]:
            return template
    return None


def test_error_classes_with_sentences_are_discovered() -> None:
    known = {
        "PaintSettingsError",
        "PaintingFailedError",
        "WeightsError",
        "StyleMissingError",
        "FetchError",
    }
    assert known | {"OutputError", "PictureError"} < error_names()


def test_every_sentence_template_is_a_literal() -> None:
    assert [place for place, call in sentence_calls() if template_of(call) is None] == []


def test_every_sentence_gets_exactly_its_placeholders() -> None:
    for place, call in sentence_calls():
        names = {name for _, name, _, _ in string.Formatter().parse(template_of(call) or "")}
        assert names - {None} == {keyword.arg for keyword in call.keywords}, place


@pytest.mark.parametrize("language", known_languages())
def test_every_sentence_is_translated(language: str) -> None:
    messages = texts_for(language).messages
    places = [
        place for place, call in sentence_calls() if (None, template_of(call)) not in messages
    ]
    assert places == []
    assert len(sentence_calls()) > 50
