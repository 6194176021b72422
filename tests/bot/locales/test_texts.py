from datetime import date
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from bot import texts
from bot.locales.update import update
from bot.texts import Texts, languages, texts_for, texts_from
from common.sentences import Sentence

POLISH = """
msgid ""
msgstr ""
"Language: pl\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) "
"? 1 : 2);\\n"

msgid "{count} picture"
msgid_plural "{count} pictures"
msgstr[0] "{count} obraz"
msgstr[1] "{count} obrazy"
msgstr[2] "{count} obrazów"

msgid "Hello {name}"
msgstr "Cześć {nazwa}"

#, fuzzy
msgid "Doubtful"
msgstr "Wątpliwe"

msgid "Empty"
msgstr ""

msgctxt "command"
msgid "show"
msgstr "pokaz"
"""


@pytest.fixture
def polish() -> Texts:
    return texts_from(read_po(POLISH.strip().splitlines(), charset="utf-8"), "pl")


def test_plural_form_matches_the_count(polish: Texts) -> None:
    translated = [
        polish.plural("{count} picture", "{count} pictures", count=n) for n in (1, 3, 5, 22)
    ]
    assert translated == ["1 obraz", "3 obrazy", "5 obrazów", "22 obrazy"]


def test_wrong_placeholder_in_a_translation_falls_back_to_english(polish: Texts) -> None:
    assert polish("Hello {name}", name="Ada") == "Hello Ada"


def test_missing_or_fuzzy_translation_falls_back_to_english(polish: Texts) -> None:
    assert [polish(each) for each in ("Doubtful", "Empty", "New")] == ["Doubtful", "Empty", "New"]


def test_command_name_is_translated_separately_from_the_same_word(polish: Texts) -> None:
    assert polish("show") == "show"
    assert polish.find("command", "show") == "pokaz"


def test_braces_in_a_value_are_left_as_they_are() -> None:
    assert (
        texts_for(None)("Hello {name}", name="{0}{evil.__class__}") == "Hello {0}{evil.__class__}"
    )


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("es-ES", "es"),
        ("es-419", "es"),
        ("fr", "fr"),
        ("en-US", "en"),
        ("en-GB", "en"),
        ("xx", "en"),
        (None, "en"),
    ],
)
def test_the_locale_chooses_the_language(locale: str | None, language: str) -> None:
    assert texts_for(locale).language == language


@pytest.mark.parametrize(
    ("locale", "number", "percent", "day"),
    [
        ("es-ES", "2,5", "65\u00a0%", "29 nov"),
        ("es-419", "2.5", "65%", "29 nov"),
        ("es-xyz-1", "2,5", "65\u00a0%", "29 nov"),
        ("en-US", "2.5", "65%", "Nov 29"),
        ("en-GB", "2.5", "65%", "29 Nov"),
        ("de-AT", "2,5", "65\u00a0%", "29. Nov."),
        ("ja", "2.5", "65%", "Nov 29"),
    ],
)
def test_numbers_and_days_are_written_as_in_the_region(
    locale: str, number: str, percent: str, day: str
) -> None:
    """As in CLDR; sentences are the language's, and so are those of a locale unknown to CLDR."""
    t = texts_for(locale)
    assert t("{size:.1f}", size=2.5) == t.number(2.5, "g") == number
    assert t.percent(0.65) == percent
    assert t.day(date(2026, 11, 29)) == day
    assert t.say(Sentence("{size:g}", {"size": 2.5})) == number


def test_new_language_needs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = Catalog()
    template.add("Hello {name}")
    update(template, "pt-BR", directory=tmp_path)
    path = tmp_path / "pt-BR" / "atelier.po"
    text = path.read_text(encoding="utf-8").replace(
        'msgid "Hello {name}"\nmsgstr ""', 'msgid "Hello {name}"\nmsgstr "Olá {name}"'
    )
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(texts, "LOCALES_DIR", tmp_path)
    languages.cache_clear()
    try:
        assert texts_for("pt-BR")("Hello {name}", name="Ada") == "Olá Ada"
        assert texts_for("de").language == "en"
    finally:
        languages.cache_clear()


@pytest.mark.parametrize(
    ("language", "shown", "expected"),
    [
        ("de", "pl", "bitte entferne einen mit /style remove."),
        ("de", "de-AT", "bitte entferne einen mit /stil entfernen."),
        ("fr", "es-419", "retires-en un avec /estilo quitar."),
        ("en", "de", "please remove one with /stil entfernen."),
    ],
)
def test_commands_are_named_in_the_language_of_the_discord_client(
    language: str, shown: str, expected: str
) -> None:
    t = texts_for(f"{language}-x-{shown}")
    already = "There are {limit} saved styles already; please remove one with /style remove."
    assert t(already, limit=3).endswith(expected)


def test_options_and_menus_are_named_in_the_client_language() -> None:
    t = texts_for("de-x-en-US")
    assert t("There is no style of the week at the moment; choose one with `style`.") == (
        "Zurzeit gibt es keinen Stil der Woche; wähle einen mit `style`."
    )
    not_yours = (
        "This picture is {user}'s, so only they can do that; to paint one of your own, use /paint "
        "or the message menu “Paint this”."
    )
    assert t(not_yours, user="Ada").endswith("mit /paint oder dem Nachrichtenmenü „Paint this“.")
    assert t("Place {place}", place=3) == "Platz 3"
    assert t.find("command", "paint") is None
