"""Names of saved styles: what people type, made safe to store, to list and to compare."""

import unicodedata

from bot.texts import _
from bot.ui.people import plain
from bot.ui.words import catalogue
from bot.wire.errors import UserProblem

NAME_LIMIT = 40

EMPTY = _("That name has no letter or digit; please choose one that can be read.")
TOO_LONG = _("That name has {length} characters; please choose one with at most {limit}.")
TAKEN = _("“{name}” is the name of a painting in the catalogue; please choose another.")


def clean_name(typed: str) -> str:
    """A name without control characters and with single spaces.

    Raises:
        UserProblem: if nothing readable is left, it is too long, or it names a painting of the
            catalogue, which it would hide.
    """
    composed = unicodedata.normalize("NFC", typed)
    # Category C: control, format (which includes the marks that turn text around), unassigned.
    seen = "".join(
        " " if character.isspace() else character
        for character in composed
        if character.isspace() or not unicodedata.category(character).startswith("C")
    )
    name = " ".join(seen.split())
    if not any(character.isalnum() for character in name):
        raise UserProblem(EMPTY)
    if len(name) > NAME_LIMIT:
        raise UserProblem(TOO_LONG, length=len(name), limit=NAME_LIMIT)
    same = name.casefold()
    if any(same in {each.id.casefold(), each.name.casefold()} for each in catalogue()):
        raise UserProblem(TAKEN, name=plain(name))
    return name
