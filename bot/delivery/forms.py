"""The forms in which the state of a job is offered to Discord, each plainer than the one before.

Discord may find fault with a card that was fine yesterday: a limit of components, a file type, a
flag. What the user waits for must not be lost to that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from bot.cards.job_card import end_words, job_card, plain_card
from bot.cards.small_print import Attached
from bot.texts import Texts
from jobs.model import Job, Standing

CONTENT_LIMIT = 2000  # characters


class Dress(Enum):
    """How a state is put."""

    CARD = auto()
    CARD_FOR_WORDS = auto()
    """The card, for a message that held plain words."""
    PLAIN_CARD = auto()
    WORDS = auto()
    """No components, as before there were any. A message that had a card cannot go back to it."""


class Picture(Enum):
    """What comes with it."""

    WHOLE = auto()
    SMALLER = auto()
    NONE = auto()


@dataclass(frozen=True)
class Form:
    """One way to say it."""

    dress: Dress
    picture: Picture = Picture.WHOLE

    def __str__(self) -> str:
        return f"{self.dress.name} with {self.picture.name} picture".lower().replace("_", " ")


def forms_for(job: Job, *, is_new: bool) -> list[Form]:
    """The forms to try, in their order.

    Args:
        job: Before its end only its card is tried, since the next one is not far.
        is_new: Whether the message is yet to be sent, and thus held no words before.
    """
    first = [Form(Dress.CARD)] if is_new else [Form(Dress.CARD), Form(Dress.CARD_FOR_WORDS)]
    if not job.state.ended:
        return first
    had_card = not is_new and job.shown_revision > 0
    plainer = [Dress.PLAIN_CARD] if had_card else [Dress.PLAIN_CARD, Dress.WORDS]
    return first + [Form(dress, picture) for picture in Picture for dress in plainer]


def fields_of(
    t: Texts, job: Job, standing: Standing | None, form: Form, attached: Attached | None
) -> Mapping[str, Any]:
    """What a form sets of the message, but for its files."""
    match form.dress:
        case Dress.CARD:
            return {"view": job_card(t, job, standing, attached)}
        case Dress.CARD_FOR_WORDS:
            return {"view": job_card(t, job, standing, attached), "content": None, "embeds": []}
        case Dress.PLAIN_CARD:
            return {"view": plain_card(t, job, attached), "content": None, "embeds": []}
        case Dress.WORDS:
            words = "\n".join(end_words(t, job, attached))
            return {"view": None, "content": words[:CONTENT_LIMIT], "embeds": []}
