"""Why a painting failed, in the user's language."""

from bot.texts import Texts
from bot.ui.people import plain
from jobs.model import Failure

LENGTH_LIMIT = 400


def failure_words(t: Texts, failure: Failure) -> str:
    """What went wrong, with the id to look it up by.

    What an older version wrote down is shown as it is.
    """
    said = failure.message if failure.sentence is None else t.say(failure.sentence)
    sentence = plain(said, LENGTH_LIMIT)
    if not failure.error_id:
        return sentence
    return t("{sentence} (error {error_id})", sentence=sentence, error_id=failure.error_id)
