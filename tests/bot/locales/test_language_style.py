"""The style of each translation: form of address, terms, punctuation and number formats."""

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from bot.app.features import FEATURES
from bot.cards.job_buttons import LOOKS
from bot.locales.update import known_languages
from bot.texts import texts_for
from bot.ui.components import PersistentItem
from common.sentences import sentence
from tests.bot.locales.test_translations import BOT, catalog_of, translated_forms

NO_BREAK = "\u00a0"
# https://docs.discord.com/developers/components/reference: more is cut off on a phone.
LABEL_CHARACTERS = 38
LABEL_CHARACTERS_WITH_EMOJI = 34
CODE = re.compile(r"`[^`]*`|\{[^}]*\}|<[^>]*>|https?://\S+|\b[A-Z_]{4,}\b|\*\*")
WRONG_ADDRESS = {
    "de": r"\b(Ihnen|Ihr|Ihrem|Ihren)\b|\b[Bb]itte \w+en Sie\b",
    "fr": r"\b([Vv]ous|[Vv]otre|[Vv]os)\b",
    "es": r"\b([Uu]sted(es)?|[Vv]osotros|[Vv]uestr[oa]s?)\b|\w(áis|éis)\b",
}
WRONG_TERMS = {
    "de": r"\b(Engine|Scan|Job|[Vv]erdeckt?)\b",
    "fr": r"\b([Mm]oteurs?|[Ss]can|[Jj]ob|[Mm]asquée?s?)\b",
    "es": r"\b([Mm]otor(es)?|[Ee]scaneo|[Tt]rabajo|en movimiento)\b",
}
"""Words for concepts that have another term in the catalogue."""
WRONG_PUNCTUATION = {
    "de": r"[\"']\w|\w…|“\w|\d(%|px)",
    "fr": (
        r"\b([Dd]e les? (?!\w+(er|ir|re)\b)|[Àà] les?|[Qq]ue ils?|[Ss]i ils?)\b"
        r"|(?<!-)\b([Dd]e|[Nn]e|[Qq]ue|[Jj]e|[Mm]e|[Ll]e|[Ll]a) (?=[aeiouéèêàâîôœ])"
        rf"|\w'\w|[^{NO_BREAK}\s(][;:!?](?!\w)|\s(?<!{NO_BREAK})[;:!?]|«(?!{NO_BREAK})"
        rf"|(?<!{NO_BREAK})»|“|”"
    ),
    "es": r"\b([Dd]e el|[Aa] el)\b|“|”|\s[;:!?]|^[^¿]*\w\?$|\w'\w",
}
ELIDED = re.compile(
    r"\b(de|que|le|la|ne|je|se|si)\s\{(user|server|name|painter|styles?)\}", re.IGNORECASE
)
"""French words that are elided before a vowel, with which a name may begin: “qu’Ada”."""
ENGLISH = re.compile(r"\b(the|and|your|please|with|this|is|are|of|for|picture)\b", re.IGNORECASE)


def translations(language: str) -> Iterator[str]:
    """Every translation without its code and placeholders."""
    for message in catalog_of(language):
        if message.id and message.context is None:
            yield from (
                CODE.sub("X", translation) for _source, translation in translated_forms(message)
            )


def matches(language: str, pattern: str) -> list[str]:
    return [
        translation for translation in translations(language) if re.search(pattern, translation)
    ]


@pytest.mark.parametrize("language", known_languages())
def test_members_are_addressed_informally(language: str) -> None:
    assert matches(language, WRONG_ADDRESS[language]) == []


@pytest.mark.parametrize("language", known_languages())
def test_translations_use_one_term_per_concept(language: str) -> None:
    assert matches(language, WRONG_TERMS[language]) == []


@pytest.mark.parametrize("language", known_languages())
def test_punctuation_and_contractions_follow_the_language(language: str) -> None:
    assert matches(language, WRONG_PUNCTUATION[language]) == []


def test_no_name_follows_an_elidable_word_in_french() -> None:
    translated = [
        each
        for message in catalog_of("fr")
        if message.id
        for _source, each in translated_forms(message)
    ]
    assert [each for each in translated if ELIDED.search(each)] == []


@pytest.mark.parametrize("language", known_languages())
def test_translations_contain_no_english(language: str) -> None:
    assert [
        translation for translation in translations(language) if ENGLISH.search(translation)
    ] == []


@pytest.mark.parametrize("language", ["en", *known_languages()])
def test_no_button_is_cut_off_on_a_phone(language: str) -> None:
    t = texts_for(language)
    shown = [(look.label, look.emoji) for look in LOOKS.values()]
    shown += [
        (button.label, "?")
        for feature in FEATURES
        for button in feature.buttons
        if issubclass(button, PersistentItem) and button.label
    ]
    assert len(shown) > 30
    for label, emoji in shown:
        limit = LABEL_CHARACTERS_WITH_EMOJI if emoji else LABEL_CHARACTERS
        assert len(t(label)) <= limit, t(label)


@pytest.mark.parametrize(
    ("language", "number", "share", "day"),
    [
        ("en", "2.5 s", "65%", "Nov 9"),
        ("de", "2,5 s", f"65{NO_BREAK}%", "9. Nov."),
        ("fr", "2,5 s", f"65{NO_BREAK}%", "9 nov."),
        ("es", "2,5 s", f"65{NO_BREAK}%", "9 nov"),
    ],
)
def test_numbers_and_dates_follow_the_language(
    language: str, number: str, share: str, day: str
) -> None:
    t = texts_for(language)
    assert f"{t.number(2.5, '.1f')} s" == number
    assert t.percent(0.65) == share
    assert t.day(date(2026, 11, 9)) == day
    assert number in t("{count} frames, {seconds:.1f} s", count=4, seconds=2.5)
    assert number in t.say(
        sentence("The file breaks off; I used the {seconds:.1f} s before that.", seconds=2.5)
    )


DIAGRAM = BOT / "commands" / "admin" / "plot.py"
"""Drawn by a process without translations, which gets the decimal mark as an argument."""
PACKAGES = ("cards", "commands", "delivery", "intake", "ui")


def unlocalized_number_formats() -> Iterator[str]:
    for package in PACKAGES:
        for path in sorted({*(BOT / package).rglob("*.py")} - {DIAGRAM}):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
                    spec = ast.unparse(node.format_spec).strip("f'\"")
                    if re.search(r"[efg%]$", spec):
                        yield f"{path.relative_to(BOT)}:{node.lineno} {spec}"


def test_no_number_bypasses_the_format_of_the_language() -> None:
    """`t.number`, `t.percent` and `{seconds:.1f}` of a sentence use the language's decimal mark."""
    assert list(unlocalized_number_formats()) == []


def test_scanned_packages_exist() -> None:
    assert all((Path(BOT) / package).is_dir() for package in PACKAGES)
