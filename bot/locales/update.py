"""Brings the .po files up to date with the sentences that the bot says now."""

from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from bot.texts import DOMAIN, LOCALES_DIR, forms_of


def read(path: Path, language: str) -> Catalog:
    """The catalogue in a file; an empty one where there is no file yet."""
    if not path.exists():
        return Catalog(locale=language, project="Atelier", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


HEADER = """\
# {language} for Atelier. `python -m bot.locales` brings it up to date.
msgid ""
msgstr ""
"Language: {code}\\n"
"Plural-Forms: {plural_forms}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def write(path: Path, catalog: Catalog) -> None:
    """Write a catalogue the way it diffs best: in the order of the sources, without dates."""
    assert catalog.locale is not None
    header = HEADER.format(
        language=catalog.locale.english_name,
        code=catalog.locale,
        plural_forms=catalog.plural_forms,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(header.encode())
        write_po(
            file,
            catalog,
            width=100,
            omit_header=True,
            ignore_obsolete=True,
            include_lineno=False,
            sort_by_file=True,
        )


def update(template: Catalog, language: str, *, directory: Path = LOCALES_DIR) -> list[Message]:
    """Bring one language's file up to date and return what is still to be translated.

    Raises:
        UnknownLocaleError: if there is no such language.
    """
    Locale.parse(language, sep="-" if "-" in language else "_")
    path = directory / language / f"{DOMAIN}.po"
    catalog = read(path, language.replace("-", "_"))
    catalog.update(template, no_fuzzy_matching=True)
    write(path, catalog)
    return missing(catalog)


def missing(catalog: Catalog) -> list[Message]:
    """The messages of a catalogue that have no translation, or a doubtful one."""
    return [
        message
        for message in catalog
        if message.id and (message.fuzzy or not forms_of(message) or not all(forms_of(message)))
    ]


def known_languages(directory: Path = LOCALES_DIR) -> list[str]:
    """The languages that there is a file for."""
    return sorted(path.parent.name for path in directory.glob(f"*/{DOMAIN}.po"))
