"""Updates the .po files to the sentences in the source code."""

from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from bot.texts import DOMAIN, LOCALES_DIR, forms_of


def read(path: Path, language: str) -> Catalog:
    """The catalog in a file; an empty one if there is none yet."""
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
    """Write a catalog so that it diffs well: in source order, without dates."""
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
    """Update one language's file, and return what has yet to be translated.

    Raises:
        UnknownLocaleError: There is no such language.
    """
    Locale.parse(language, sep="-" if "-" in language else "_")
    path = directory / language / f"{DOMAIN}.po"
    catalog = read(path, language.replace("-", "_"))
    catalog.update(template, no_fuzzy_matching=True)
    write(path, catalog)
    return missing(catalog)


def missing(catalog: Catalog) -> list[Message]:
    """The messages of a catalog without a translation, or with a fuzzy one."""
    return [
        message
        for message in catalog
        if message.id and (message.fuzzy or not forms_of(message) or not all(forms_of(message)))
    ]


def known_languages() -> list[str]:
    """The languages that have a file."""
    return sorted(path.parent.name for path in LOCALES_DIR.glob(f"*/{DOMAIN}.po"))
