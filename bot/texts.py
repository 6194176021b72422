"""Every sentence that a user sees, in the user's language.

English is the source: a sentence is written where it is used, as `t("Place {place}.", place=3)`,
and is the key of its translations. A language is one file, `locales/<language>/atelier.po`, which
is read at startup without a compile step. `python -m bot.locales` brings it up to date.
"""

import contextlib
import gettext
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import discord
from babel import Locale, UnknownLocaleError, dates, numbers
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from common.catalogue import load_catalogue
from common.catalogue.painting import TITLE
from common.sentences import Sentence, Value

log = logging.getLogger(__name__)

LOCALES_DIR = Path(__file__).parent / "locales"
DOMAIN = "atelier"
SOURCE_LANGUAGE = "en"
SHOWN = "-x-"
"""Separates the chosen language from Discord's, in which commands are named: `de-x-pl`."""

# Contexts that tell the name of a command, such as "show", from the same word in a sentence.
CONTEXTS: Mapping[Location, str] = {
    Location.command_name: "command",
    Location.group_name: "command",
    Location.parameter_name: "option",
    Location.choice_name: "choice",
}

_Key = tuple[str | None, str]


def _(message: str) -> str:
    """Mark a sentence for translation where it is written; `Texts` translates it later."""
    return message


@dataclass(frozen=True)
class Texts:
    """The sentences of one language; untranslated ones stay English."""

    language: str = SOURCE_LANGUAGE
    messages: Mapping[_Key, tuple[str, ...]] = field(default_factory=dict, repr=False)
    plural_form: Callable[[int], int] = field(default=lambda count: int(count != 1), repr=False)
    region: str | None = None
    """The locale of CLDR that writes numbers and dates in a way of its own, such as `es-419`."""

    def __call__(self, message: str, /, **values: object) -> str:
        """Translate a sentence and fill its `{name}` placeholders."""
        forms = self.messages.get((None, message))
        return _fill(forms[0] if forms else message, message, self._written(values))

    def plural(self, singular: str, plural: str, /, count: int, **values: object) -> str:
        """Translate a sentence in the plural form of the count, which fills `{count}`."""
        forms = self.messages.get((None, singular))
        source = singular if count == 1 else plural
        index = self.plural_form(count)
        said = forms[index] if forms and index < len(forms) else source
        return _fill(said, source, self._written({"count": count, **values}))

    def number(self, value: float, spec: str) -> str:
        """Format a number for the language: `2.5`, in German `2,5`."""
        return format(_written(value, self.decimal_mark), spec)

    @property
    def decimal_mark(self) -> str:
        """The decimal separator: `.` or `,`."""
        if self.language == SOURCE_LANGUAGE:  # avoids loading locale data
            return "."
        return numbers.get_decimal_symbol(self._locale)

    def percent(self, fraction: float) -> str:
        """Format a fraction as a percentage: `65%`, in German `65 %`."""
        if self.language == SOURCE_LANGUAGE:
            return f"{fraction:.0%}"
        return str(numbers.format_percent(fraction, locale=self._locale))

    def day(self, day: date) -> str:
        """Format a date without its year: `Nov 29`, in German `29. Nov.`."""
        return str(dates.format_skeleton("MMMd", day, locale=self._locale))

    def say(self, sentence: Sentence) -> str:
        """Translate a sentence of another package, which may be another version's."""
        if sentence.template == TITLE:
            painting = load_catalogue().get(str(sentence.values.get("painting", "")))
            return str(sentence) if painting is None else painting.title(self.language)
        values: dict[str, Value] = {
            name: self.say(value) if isinstance(value, Sentence) else value
            for name, value in sentence.values.items()
        }
        forms = self.messages.get((None, sentence.template), (sentence.template,))
        try:
            return forms[0].format_map(self._written(values))
        except (KeyError, IndexError, ValueError, AttributeError):
            return str(Sentence(sentence.template, values))

    def find(self, context: str | None, message: str) -> str | None:
        """The translation of a message in a context, or None."""
        forms = self.messages.get((context, message))
        return forms[0] if forms else None

    @property
    def _locale(self) -> Locale:
        return _locale(self.region or self.language)

    def _written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: _written(value, self.decimal_mark) if isinstance(value, float) else value
            for name, value in values.items()
        }


class _Number(float):
    """A number that is formatted with the decimal separator of its language."""

    mark = "."

    def __format__(self, spec: str) -> str:
        return super().__format__(spec).replace(".", self.mark)


def _written(value: float, mark: str) -> _Number:
    number = _Number(value)
    number.mark = mark
    return number


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language, sep="-")


def _fill(said: str, source: str, values: Mapping[str, object]) -> str:
    """Fill the placeholders. A mistake in a translation falls back to English."""
    if not values:
        return said
    try:
        return said.format_map(values)
    except (KeyError, IndexError, ValueError, AttributeError):
        if said == source:
            raise
        log.warning("A translation's placeholders do not fit: %r", said)
        return source.format_map(values)


def forms_of(message: Message) -> tuple[str, ...]:
    """All plural forms of a translation."""
    said = message.string
    return (said,) if isinstance(said, str) else tuple(said or ())


def texts_from(catalog: Catalog, language: str) -> Texts:
    """The sentences of a parsed catalog, without empty and fuzzy entries."""
    messages: dict[_Key, tuple[str, ...]] = {}
    for message in catalog:
        if not message.id or message.fuzzy:
            continue
        source = message.id if isinstance(message.id, str) else message.id[0]
        if (forms := forms_of(message)) and all(forms):
            messages[message.context, source] = forms
    return Texts(language, messages, gettext.c2py(catalog.plural_expr))


@cache
def languages() -> Mapping[str, Texts]:
    """English and all languages that have a file; read once."""
    found = {SOURCE_LANGUAGE: Texts()}
    for path in sorted(LOCALES_DIR.glob(f"*/{DOMAIN}.po")):
        language = path.parent.name.replace("_", "-")
        with path.open("rb") as file:
            found[language] = texts_from(read_po(file), language)
    return found


def texts_for(locale: discord.Locale | str | None) -> Texts:
    """The sentences for a Discord locale, such as `de`, `en-GB` or `pt-BR`.

    `de-x-pl` is German with the commands named as in Polish; see `locale_of`.
    """
    code, _mark, shown = str(locale or SOURCE_LANGUAGE).replace("_", "-").partition(SHOWN)
    found = _texts_in(code)
    return _in_names_of(found.language, texts_for(shown).language) if shown else found


def _texts_in(code: str) -> Texts:
    """The sentences for a locale; without a file: of its language, with numbers of its own."""
    known = languages()
    if code in known:
        return known[code]
    found = known.get(code.partition("-")[0])
    if found is None:
        return known[SOURCE_LANGUAGE]
    with contextlib.suppress(ValueError, UnknownLocaleError):
        _locale(code)
        return replace(found, region=code)
    return found


def texts_of(interaction: discord.Interaction) -> Texts:
    """The sentences in the language of the interaction's user.

    That is Discord's, unless they chose another with `/settings`.
    """
    return texts_for(locale_of(interaction))


@cache
def _in_names_of(language: str, shown: str) -> Texts:
    """The sentences of one language, with commands and options named as in another.

    Discord shows these names in its own language, also to users who chose another for the bot.
    """
    said, names = languages()[language], languages()[shown]
    if language == shown:
        return said
    sentences = {key: forms for key, forms in said.messages.items() if key[0] is None}
    if language == SOURCE_LANGUAGE:  # English sentences are in no catalog; plurals stay as they are
        known = (key for key, forms in names.messages.items() if len(forms) == 1)
        sentences = {key: (key[1],) for key in known if key[0] is None}
    renamed = {key: _renamed(key[1], forms, said, names) for key, forms in sentences.items()}
    apart = {key: forms for key, forms in names.messages.items() if key[0] is not None}
    return replace(said, messages=renamed | apart)


_COMMAND = re.compile(r"(?<![\w<*.])/([\w-]+)(?: ([\w-]+))?")
_OPTION = re.compile(r"`(\w+)`")
_MENU = re.compile(r"“([^”{]+)”")


def _renamed(source: str, forms: tuple[str, ...], said: Texts, names: Texts) -> tuple[str, ...]:
    """The forms of a translation, with the command names in its source as in another language."""

    def name(texts: Texts, context: str, words: Iterable[str]) -> str:
        return " ".join(texts.find(context, word) or word for word in words)

    found = [("/{}", "command", match.groups()) for match in _COMMAND.finditer(source)]
    found += [("`{}`", "option", match.groups()) for match in _OPTION.finditer(source)]
    found += [("{}", "command", match.groups()) for match in _MENU.finditer(source)]
    pairs = {}
    for frame, context, words in found:
        # After a command without subcommands, the second word belongs to the sentence.
        own = [word for word in words if word and _is_name(context, word, said, names)]
        pairs[frame.format(name(said, context, own))] = frame.format(name(names, context, own))
    if not (pairs := {old: new for old, new in pairs.items() if old != new}):
        return forms
    wanted = re.compile("|".join(rf"{re.escape(old)}(?![\w-])" for old in pairs))
    return tuple(wanted.sub(lambda match: pairs[match[0]], form) for form in forms)


def _is_name(context: str, word: str, *languages: Texts) -> bool:
    return any(texts.find(context, word) is not None for texts in languages)


def locale_of(interaction: discord.Interaction, chosen: str | None = None) -> str:
    """The language in which to answer the user of an interaction.

    Args:
        interaction: Theirs.
        chosen: What they have just chosen; None: what they chose before, if anything.
    """
    before: Mapping[int, str] = getattr(interaction.client, "languages", {})
    shown = str(interaction.locale)
    chosen = chosen or before.get(interaction.user.id) or shown
    if texts_for(chosen).language == texts_for(shown).language:
        return shown
    return f"{chosen}{SHOWN}{shown}"


class CatalogueTranslator(app_commands.Translator):
    """Gives Discord the command names and descriptions in each language."""

    async def load(self) -> None:
        """Read the catalogs before the first command needs them."""
        languages()

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """The translation; None: Discord shows the English one."""
        return texts_for(locale).find(CONTEXTS.get(context.location), string.message)
