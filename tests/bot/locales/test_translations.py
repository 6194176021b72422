"""Every translation is complete, meets Discord's limits and names commands as shown."""

import ast
import asyncio
import io
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from discord import app_commands

from bot.app.features import build_client
from bot.commands.help import leaves
from bot.kit import Tree
from bot.locales.extract import KEYWORDS, sentences, template
from bot.locales.update import known_languages, missing, read
from bot.texts import LOCALES_DIR, CatalogueTranslator, Texts, texts_for
from bot.ui.words import STATES
from common.limits import LIMITS
from common.settings import Settings

BOT = Path(__file__).resolve().parents[3] / "bot"
LANGUAGES = known_languages()

COMMAND_NAME = re.compile(r"[-_'\w]{1,32}")
COMMAND_CHARACTERS = 8000
WORD = re.compile(r"[^\W\d_]{2}")
# Discord's limits for texts of components, by keyword argument.
COMPONENT_LIMITS = {"label": 80, "text": 45, "title": 45, "placeholder": 100, "description": 100}
TEXT_CALLS = {
    "TextDisplay",
    "Button",
    "Label",
    "SelectOption",
    "Select",
    "TextInput",
    "FileUpload",
    "UserError",
    "Explanation",
    "send_message",
    "send",
    "reply",
    "say",
    "card",
    "edit_original_response",
}
TEXT_KEYWORDS = {"label", "text", "title", "placeholder", "description", "content"}


@pytest.fixture(scope="module")
def tree() -> Tree:
    return build_client(Settings(_env_file=None)).tree


@cache
def catalog_of(language: str) -> Catalog:
    return read(LOCALES_DIR / language / "atelier.po", language)


def keys(catalog: Catalog) -> set[tuple[str | None, Any]]:
    return {(message.context, message.id) for message in catalog if message.id}


def translated_forms(message: Message) -> list[tuple[str, str]]:
    """Each plural form of a translation with its source."""
    if isinstance(message.id, str):
        assert isinstance(message.string, str)
        return [(message.id, message.string)]
    assert message.string is not None
    singular, plural = message.id
    return [
        (plural if n else singular, translation) for n, translation in enumerate(message.string)
    ]


def test_german_spanish_and_french_are_available() -> None:
    assert {"de", "es", "fr"} <= set(LANGUAGES)


def test_each_language_is_complete(tree: Tree) -> None:
    extracted = template(tree)
    hint = "run `python -m bot.locales` and translate what it lists"
    for language in LANGUAGES:
        catalog = catalog_of(language)
        assert sorted(map(str, keys(extracted) - keys(catalog))) == [], (language, hint)
        assert sorted(map(str, keys(catalog) - keys(extracted))) == [], (language, hint)
        assert [message.id for message in missing(catalog)] == [], (language, hint)


def test_extraction_finds_sentences_of_directly_called_texts() -> None:
    source = (
        b"say(texts_of(interaction)('One.'), texts_for(locale)('Two.'), other(interaction)('No.'))"
    )
    assert [each[2] for each in sentences(io.BytesIO(source), KEYWORDS, (), {})] == ["One.", "Two."]


def placeholders(text: str) -> dict[str, str | None]:
    return {name: spec for _, name, spec, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_match_the_source(language: str) -> None:
    for message in catalog_of(language):
        for source, translation in translated_forms(message) if message.id else ():
            wanted, given = placeholders(source), placeholders(translation)
            if isinstance(message.id, tuple):
                # A language may say "one day" without the number.
                wanted.pop("count", None)
                given.pop("count", None)
            assert given == wanted, translation


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_heading_and_note_marks(language: str) -> None:
    for message in catalog_of(language):
        for source, translation in translated_forms(message) if message.id else ():
            mark = re.match(r"(#+ |-# )?", source)
            assert mark is not None
            assert translation.startswith(mark[0]), translation


def names_in(tree: Tree, t: Texts) -> set[str]:
    """The command names as users of a language see them: `/style save`, and also `/style`."""
    found = set()
    for command in leaves(tree):
        parts = [t.find("command", part) or part for part in command.qualified_name.split()]
        found |= {" ".join(parts), parts[0]}
    return found


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_sentences_name_the_commands_as_their_readers_see_them(language: str, tree: Tree) -> None:
    names = names_in(tree, texts_for(language))
    for message in catalog_of("de" if language == "en" else language):
        if not message.id:
            continue
        pairs = (
            [(str(message.id), str(message.id))] if language == "en" else translated_forms(message)
        )
        for _source, translation in pairs:
            for match in re.finditer(r"(?<![\w<*.])/([\w-]+(?: [\w-]+)?)", translation):
                one, both = match[1].split()[0], match[1]
                assert both in names or one in names, translation


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_name_the_options_as_their_readers_see_them(language: str) -> None:
    t, catalog = texts_for(language), catalog_of(language)
    options = {str(message.id) for message in catalog if message.context == "option"}
    named = 0
    for message in catalog:
        for source, translation in translated_forms(message) if message.id else ():
            for option in options.intersection(re.findall(r"`(\w+)`", source)):
                assert f"`{t.find('option', option)}`" in translation, translation
                named += 1
    assert named > 5


@pytest.fixture(scope="module")
def payloads(tree: Tree) -> list[dict[str, Any]]:
    translator = CatalogueTranslator()

    async def translated() -> list[dict[str, Any]]:
        return [await one.get_translated_payload(tree, translator) for one in tree.get_commands()]

    return asyncio.run(translated())


def walk(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield payload
    for part in (*payload.get("options", ()), *payload.get("choices", ())):
        yield from walk(part)


def texts_in(part: dict[str, Any], what: str) -> list[str]:
    return [part.get(what) or "", *(part.get(f"{what}_localizations") or {}).values()]


def test_command_names_and_descriptions_meet_discord_limits(payloads: list[dict[str, Any]]) -> None:
    for payload in payloads:
        is_menu = payload["type"] in {2, 3}
        for part in walk(payload):
            is_choice = "value" in part
            for name in texts_in(part, "name"):
                if is_choice:
                    assert 1 <= len(name) <= 100
                elif is_menu:
                    assert 1 <= len(name) <= 32
                else:
                    assert COMMAND_NAME.fullmatch(name), name
                    assert name == name.lower()
            if not is_choice and not is_menu:
                for description in texts_in(part, "description"):
                    assert 1 <= len(description) <= 100, description


def test_no_command_exceeds_the_character_limit_of_discord(payloads: list[dict[str, Any]]) -> None:
    for payload in payloads:
        characters = sum(
            max(map(len, texts_in(part, "name")))
            + max(map(len, texts_in(part, "description")))
            + len(str(part.get("value", "")))
            for part in walk(payload)
        )
        assert characters <= COMMAND_CHARACTERS, payload["name"]


def test_command_names_are_unique_within_each_language(payloads: list[dict[str, Any]]) -> None:
    def check(parts: list[dict[str, Any]]) -> None:
        for locale in (None, "de", "es-ES", "es-419", "fr"):
            names = [
                (part.get("name_localizations") or {}).get(str(locale), part["name"])
                for part in parts
            ]
            assert len(names) == len(set(names)), names
        for part in parts:
            check(list(part.get("options", ())))

    check([each for each in payloads if each["type"] == 1])


def test_discord_gets_command_names_in_every_translated_locale(
    payloads: list[dict[str, Any]],
) -> None:
    paint = next(each for each in payloads if each["name"] == "paint")
    spanish = {"es-ES": "pintar", "es-419": "pintar"}
    assert paint["name_localizations"] == {"de": "malen", "fr": "peindre"} | spanish
    assert paint["description_localizations"]["de"].startswith("Ein Foto im Stil")


def calls() -> Iterator[tuple[Path, ast.Call, str]]:
    """Every call in the bot, with the name of the called function."""
    for path in sorted(BOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
                yield path, node, str(name)


def literal_words(node: ast.expr) -> bool:
    """Whether an expression has literal words outside of `t(…)`."""
    match node:
        case ast.Constant(value=str(text)):
            return bool(WORD.search(text))
        case ast.JoinedStr(values=values):
            texts = (each.value for each in values if isinstance(each, ast.Constant))
            return any(WORD.search(str(text)) for text in texts)
        case ast.BinOp(left=left, right=right):
            return literal_words(left) or literal_words(right)
        case ast.IfExp(body=body, orelse=other):
            return literal_words(body) or literal_words(other)
    return False


@pytest.mark.parametrize(
    ("source", "is_literal"),
    [
        ("'Hello'", True),
        ("f'Hello {name}'", True),
        ("'Hello ' + name", True),
        ("'Hello' if name else ''", True),
        ("f'#{name} · <@{name}>'", False),
        ("t('Hello')", False),
        ("f'### {t(name)}'", False),
        ("HELLO", False),
    ],
)
def test_literal_words_are_recognized(source: str, is_literal: bool) -> None:
    assert literal_words(ast.parse(source, mode="eval").body) is is_literal


def test_no_user_text_bypasses_the_catalogue() -> None:
    untranslated = []
    for path, call, name in calls():
        if name not in TEXT_CALLS:
            continue
        given = [*call.args, *(each.value for each in call.keywords if each.arg in TEXT_KEYWORDS)]
        untranslated += [f"{path.name}:{call.lineno}" for each in given if literal_words(each)]
    assert not untranslated


def test_component_texts_meet_discord_limits() -> None:
    found = []
    for _path, call, name in calls():
        if name in {"command", "Group", "add_item"}:
            continue
        for keyword in call.keywords:
            match keyword:
                case ast.keyword(
                    arg=arg,
                    value=ast.Call(
                        func=ast.Name(id="t" | "_"), args=[ast.Constant(value=str(text)), *_]
                    ),
                ) if arg in COMPONENT_LIMITS:
                    found.append((COMPONENT_LIMITS[arg], text))
    assert len(found) > 5
    for t in map(texts_for, ["en", *LANGUAGES]):
        for limit, text in found:
            assert len(t(text)) <= limit, t(text)
        for row in LIMITS.values():
            assert len(t.say(row.label)) <= COMPONENT_LIMITS["text"], t.say(row.label)
        for state in STATES.values():
            assert t(state)


def test_every_group_and_command_is_described(tree: Tree) -> None:
    for command in tree.walk_commands():
        if isinstance(command, app_commands.Command):
            assert command.description != "…"
            assert all(parameter.description != "…" for parameter in command.parameters), (
                command.qualified_name
            )
