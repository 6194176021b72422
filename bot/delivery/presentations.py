"""The ways to present a job's state, each plainer than the one before.

Discord may refuse a card that it accepted yesterday: for its number of components, a file type, a
flag. The user must get their picture nevertheless.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from bot.cards.job_card import end_words, job_card, plain_card
from bot.cards.small_print import Attached
from bot.texts import Texts
from jobs.model import Job, QueuePosition

CONTENT_LIMIT = 2000  # characters


class Layout(Enum):
    """The form of the message."""

    CARD = auto()
    CARD_FOR_WORDS = auto()
    """The card, for a message that had plain text."""
    PLAIN_CARD = auto()
    WORDS = auto()
    """Plain text. A message that has had components cannot go back to it."""


class PictureSize(Enum):
    """How much of the picture is attached."""

    WHOLE = auto()
    SMALLER = auto()
    NONE = auto()


@dataclass(frozen=True)
class Presentation:
    """One way to present a state."""

    layout: Layout
    picture: PictureSize = PictureSize.WHOLE

    def __str__(self) -> str:
        return f"{self.layout.name} with {self.picture.name} picture".lower().replace("_", " ")


def presentations_for(job: Job, *, is_new: bool) -> list[Presentation]:
    """The presentations to try, in order.

    Args:
        job: Until it has ended only the card is tried, since the next one follows soon.
        is_new: Whether the message has yet to be sent, so that it has no plain text.
    """
    first = [Presentation(Layout.CARD)]
    if not is_new:
        first.append(Presentation(Layout.CARD_FOR_WORDS))
        if job.shown_revision == 0:  # it may say that the command has to wait
            first.reverse()
    if not job.state.ended:
        return first
    had_card = not is_new and job.shown_revision > 0
    plainer = [Layout.PLAIN_CARD] if had_card else [Layout.PLAIN_CARD, Layout.WORDS]
    return first + [Presentation(layout, picture) for picture in PictureSize for layout in plainer]


@dataclass
class FailureCounts:
    """Counts failures that are given up if they persist.

    Other failures do not count: otherwise, at the end of a long outage, the first unclear answer
    would be believed.
    """

    unclear_answers: int = 0
    """Consecutive answers from proxies between the bot and Discord."""
    unfit: int = 0
    """Failed tries to fit the picture into the upload limit."""


@dataclass(frozen=True)
class ShowRequest:
    """One delivery of a job's state."""

    t: Texts
    """The sentences in its user's language."""
    job: Job
    """As it is in the database."""
    position: QueuePosition | None
    """Its place in the queue; None once it has ended."""
    attempt: int
    """The number of this try at the final state, from 1. From the second on, a new message is only
    sent if the first is not found."""
    failure_counts: FailureCounts
    """Of this and earlier tries."""
    has_gallery: bool = False
    """Whether the server has a gallery channel."""
    is_store_away: bool = False
    """Whether the preview cannot be read at the moment."""


def fields_of(
    request: ShowRequest, presentation: Presentation, attached: Attached | None
) -> Mapping[str, Any]:
    """The fields of the message that a presentation sets, without its files."""
    t, job = request.t, request.job
    nothing_else: Mapping[str, Any] = {"content": None, "embeds": []}
    match presentation.layout:
        case Layout.CARD | Layout.CARD_FOR_WORDS:
            card = job_card(
                t,
                job,
                request.position,
                attached,
                has_gallery=request.has_gallery,
                is_store_away=request.is_store_away,
            )
            replaces_words = presentation.layout is Layout.CARD_FOR_WORDS
            return {"view": card, **(nothing_else if replaces_words else {})}
        case Layout.PLAIN_CARD:
            return {"view": plain_card(t, job, attached), **nothing_else}
        case Layout.WORDS:
            words = "\n".join(end_words(t, job, attached))
            return {"view": None, "content": words[:CONTENT_LIMIT], "embeds": []}
