"""The ways to put the state of a job to Discord, each plainer than the one before.

Discord may find fault with a card that was fine yesterday: a limit of components, a file type, a
flag. What the user waits for must not be lost to that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any

from bot.cards.job_card import end_words, job_card, plain_card
from bot.cards.small_print import Attached
from bot.texts import Texts
from jobs.model import Job, Standing

CONTENT_LIMIT = 2000  # characters


class Layout(Enum):
    """How a state is put."""

    CARD = auto()
    CARD_FOR_WORDS = auto()
    """The card, for a message that held plain words."""
    PLAIN_CARD = auto()
    WORDS = auto()
    """No components, as before there were any. A message that had a card cannot go back to it."""


class PictureSize(Enum):
    """What comes with it."""

    WHOLE = auto()
    SMALLER = auto()
    NONE = auto()


@dataclass(frozen=True)
class Presentation:
    """One way to say it."""

    layout: Layout
    picture: PictureSize = PictureSize.WHOLE

    def __str__(self) -> str:
        return f"{self.layout.name} with {self.picture.name} picture".lower().replace("_", " ")


def presentations_for(job: Job, *, is_new: bool) -> list[Presentation]:
    """What to try, in this order.

    Args:
        job: Before its end only its card is tried, since the next one is not far.
        is_new: Whether the message is yet to be sent, and thus held no words before.
    """
    first = [Presentation(Layout.CARD)]
    if not is_new:
        first.append(Presentation(Layout.CARD_FOR_WORDS))
        if job.shown_revision == 0:  # it may say that its command had to wait
            first.reverse()
    if not job.state.ended:
        return first
    had_card = not is_new and job.shown_revision > 0
    plainer = [Layout.PLAIN_CARD] if had_card else [Layout.PLAIN_CARD, Layout.WORDS]
    return first + [Presentation(layout, picture) for picture in PictureSize for layout in plainer]


def fields_of(
    t: Texts,
    job: Job,
    standing: Standing | None,
    presentation: Presentation,
    attached: Attached | None,
    *,
    has_gallery: bool = False,
) -> Mapping[str, Any]:
    """What a presentation sets of the message, but for its files."""
    card = partial(job_card, t, job, standing, attached, has_gallery=has_gallery)
    match presentation.layout:
        case Layout.CARD:
            return {"view": card()}
        case Layout.CARD_FOR_WORDS:
            return {"view": card(), "content": None, "embeds": []}
        case Layout.PLAIN_CARD:
            return {"view": plain_card(t, job, attached), "content": None, "embeds": []}
        case Layout.WORDS:
            words = "\n".join(end_words(t, job, attached))
            return {"view": None, "content": words[:CONTENT_LIMIT], "embeds": []}
