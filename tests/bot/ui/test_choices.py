"""Typed choices are recognized without case, accents and typographic marks."""

from datetime import timedelta

import pytest

from bot.commands.admin.limit_lines import NUMBERS, limit_lines, read_lines
from bot.texts import languages, texts_for
from bot.ui.choices import folded
from bot.ui.spans import read_span, span_choices
from common.limits import Limits


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("IMAGENES", "Imágenes"), ("grosse", "Größe"), ("d'un", "d’un"), ("24 h", "24\u00a0h")],
)
def test_folding_ignores_case_accents_and_typographic_marks(typed: str, meant: str) -> None:
    assert folded(typed) == folded(meant)


@pytest.mark.parametrize(
    ("typed", "days"),
    [("3 dias", 3), ("3 DÍAS", 3), ("1 dia", 1), ("2 Wochen", 14), ("1 semaine", 7)],
)
def test_a_span_is_read_in_all_languages(typed: str, days: int) -> None:
    assert read_span(typed) == timedelta(days=days)


@pytest.mark.parametrize(
    ("language", "typed", "offered"),
    [
        ("en", "3", ["3 hours", "3 days", "3 weeks"]),
        ("en", "3 d", ["3 days"]),
        ("en", "3 days", ["3 days"]),
        ("en", "7 da", ["1 week"]),
        ("en", "12H", ["12 hours"]),
        ("en", "week", ["1 week", "2 weeks", "4 weeks"]),
        ("en", "3 months", []),
        ("en", "1.5 days", []),
        ("en", "forever", []),
        ("de", "3 tag", ["3 Tage"]),
        ("de", "3 days", ["3 Tage"]),
        ("es-ES", "2 dias", ["2 días"]),
        ("fr", "2 sem", ["2 semaines"]),
    ],
)
def test_only_spans_matching_the_typed_text_are_offered(
    language: str, typed: str, offered: list[str]
) -> None:
    """Enter takes the first: `3 days` must not block somebody for three hours."""
    assert [each.name for each in span_choices(texts_for(language), typed)] == offered


@pytest.mark.parametrize(
    ("language", "line", "name", "value"),
    [
        ("es", "Imagenes de un miembro en 24 horas: 7", "max_per_day", 7),
        ("fr", "Images d'un membre en 24 heures : 7", "max_per_day", 7),
        ("fr", "Meilleure qualite: ebauche", "max_quality", "draft"),
        ("de", "MAXIMALE GRÖSSE: 512", "max_size_px", 512),
    ],
)
def test_limit_name_is_recognized_ignoring_case_and_accents(
    language: str, line: str, name: str, value: int | str
) -> None:
    read = read_lines(texts_for(language), line, Limits())
    assert (read.values, read.problems) == ({name: value}, {})


@pytest.mark.parametrize("language", languages())
def test_unedited_limit_form_is_read_back_unchanged(language: str) -> None:
    t, limits = texts_for(language), Limits()
    read = read_lines(t, limit_lines(t, limits), limits)
    assert read.problems == {}
    assert read.values == {name: getattr(limits, name) for name in NUMBERS}
