"""Why a painting failed, in the user's language; the engine itself speaks only English."""

from collections.abc import Mapping

from bot.people import plain
from bot.texts import SOURCE_LANGUAGE, Texts, _
from jobs.model import Failure, FailureKind

DETAIL_LIMIT = 400
# Whole sentences for what needs no detail, and introductions for what does.
COMPLETE: Mapping[FailureKind, str] = {
    FailureKind.LOST: _(
        "The painter stopped again and again while painting this, so it was given up; please try "
        "a smaller size."
    ),
    FailureKind.INTERNAL: _("Something went wrong while painting; please try again."),
}
INTRODUCTIONS: Mapping[FailureKind, str] = {
    FailureKind.INPUT: _("This cannot be painted with these pictures and settings:"),
    FailureKind.ENGINE: _("The painter could not paint this; please try again later:"),
    FailureKind.STYLE_MISSING: _("The style could not be fetched; please choose another:"),
}


def failure_words(t: Texts, failure: Failure) -> str:
    """What went wrong, with the id to look it up by.

    The engine's own sentence holds what it knows of the case. In other languages than its own it
    comes behind a sentence on the kind of failure.
    """
    detail = plain(failure.message, DETAIL_LIMIT)
    if t.language == SOURCE_LANGUAGE:
        sentence = detail
    elif failure.kind in COMPLETE:
        sentence = t(COMPLETE[failure.kind])
    else:
        sentence = f"{t(INTRODUCTIONS[failure.kind])} {detail}"
    if not failure.error_id:
        return sentence
    return t("{sentence} (error {error_id})", sentence=sentence, error_id=failure.error_id)
