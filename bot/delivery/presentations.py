"""The ways to put the state of a job to Discord, each plainer than the one before.

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


@dataclass
class Doubts:
    """How often one thing failed that is given up where it stays so.

    Tries that failed otherwise do not count: at the end of a long outage, the first odd answer
    would be believed.
    """

    unclear_answers: int = 0
    """Of servers between the bot and Discord, in a row."""
    unfit: int = 0
    """Tries to make the picture fit."""


@dataclass(frozen=True)
class ShowRequest:
    """A state of a job that is to be shown."""

    t: Texts
    """The language of its user."""
    job: Job
    """As it is in the database."""
    standing: Standing | None
    """Its place in the queue; None once it has ended."""
    attempt: int
    """Which try at the final state this is; from the second on, a new message is only sent if the
    first is not there.
    """
    doubts: Doubts
    """Of its earlier tries, and of this one."""
    has_gallery: bool = False
    """Whether the server has a channel in which to publish pictures."""


def fields_of(
    request: ShowRequest, presentation: Presentation, attached: Attached | None
) -> Mapping[str, Any]:
    """What a presentation sets of the message, but for its files."""
    t, job = request.t, request.job
    nothing_else: Mapping[str, Any] = {"content": None, "embeds": []}
    match presentation.layout:
        case Layout.CARD | Layout.CARD_FOR_WORDS:
            gallery = request.has_gallery
            card = job_card(t, job, request.standing, attached, has_gallery=gallery)
            replaces_words = presentation.layout is Layout.CARD_FOR_WORDS
            return {"view": card, **(nothing_else if replaces_words else {})}
        case Layout.PLAIN_CARD:
            return {"view": plain_card(t, job, attached), **nothing_else}
        case Layout.WORDS:
            words = "\n".join(end_words(t, job, attached))
            return {"view": None, "content": words[:CONTENT_LIMIT], "embeds": []}
