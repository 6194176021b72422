"""The outcome of storing a request's pictures, and notes on those that cannot be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.intake.request import MovingPhoto, PaintRequest, PictureRole
from bot.kit import UserError
from bot.texts import _
from common.pictures import PictureError
from common.sentences import Sentence

T = TypeVar("T")

ROLE_WORDS = {
    PictureRole.CONTENT: _("The photo"),
    PictureRole.STYLE: _("The style picture"),
    PictureRole.SECOND_STYLE: _("The second style picture"),
    PictureRole.MASK: _("The mask"),
}
THE_VIDEO, THE_ANIMATION = _("The video"), _("The animation")
FILE_NUMBERED = _("File {number}")
NUMBERED = _("Photo {number}")
LEFT_OUT = _("{problem} It was left out.")
THERE_TWICE = _("A photo that is there more than once is painted only once.")
OF_PICTURE = _("{picture}: {problem}")
NOT_KEPT = _("The pictures of this painting are no longer kept; please use /paint with new ones.")

ERASED = _("What this needs was erased while it was being prepared, so it cannot be painted.")


@dataclass(frozen=True)
class Stored(Generic[T]):
    """What was stored (a picture's key, or all inputs), with notes for the user."""

    value: T
    notes: tuple[Sentence, ...] = ()
    aspect: float | None = None
    """Of a picture: its shorter side divided by its longer; None if it was not decoded."""
    moving: MovingPhoto | None = None
    """Its clip, if one may be painted."""
    alt_texts: tuple[str, ...] = ()
    """Of photographs: what those who posted them say is to be seen, in the same order."""


@dataclass(frozen=True)
class Undecided:
    """The member has yet to be asked whether to paint the clip or its first frame."""

    request: PaintRequest
    """With its pictures stored."""
    moving: MovingPhoto


class InputError(UserError):
    """A picture that cannot be used; names the option that it was given to."""

    def __init__(
        self,
        role: PictureRole,
        problem: UserError | PictureError,
        number: int | None,
        *,
        is_video: bool,
    ) -> None:
        said = about_picture(role, problem.sentence, number, is_video=is_video)
        super().__init__(said.template, **said.values)


def about_picture(
    role: PictureRole,
    sentence: Sentence,
    number: int | None = None,
    *,
    is_video: bool = False,
    moves: bool = False,
) -> Sentence:
    """Prefix a sentence with the picture that it is about: its option, or its number among several.

    A video or animation is called that, not a photograph.
    """
    picture = Sentence(ROLE_WORDS[role])
    if number is not None:
        picture = Sentence(FILE_NUMBERED if is_video else NUMBERED, {"number": number})
    elif role is PictureRole.CONTENT and is_video:
        picture = Sentence(THE_VIDEO)
    elif role is PictureRole.CONTENT and moves:
        picture = Sentence(THE_ANIMATION)
    return Sentence(OF_PICTURE, {"picture": picture, "problem": sentence})


def usable_photos(
    photos: Sequence[Stored[str] | BaseException], alt_texts: Sequence[str]
) -> Stored[tuple[str, ...]]:
    """The usable ones of several photographs, with notes on why the others are left out.

    Raises:
        InputError: None is usable.
    """
    taken = [photo for photo in photos if isinstance(photo, Stored)]
    problems = [photo for photo in photos if isinstance(photo, BaseException)]
    for problem in problems:
        if not isinstance(problem, InputError) or not taken:
            raise problem
    notes = [  # first, as only the first of many notes are shown
        Sentence(LEFT_OUT, {"problem": problem.sentence})
        for problem in problems
        if isinstance(problem, InputError)
    ]
    notes += [note for photo in taken for note in photo.notes]
    said: dict[str, str] = {}
    for photo, alt_text in zip(photos, alt_texts, strict=True):
        if isinstance(photo, Stored):
            said[photo.value] = said.get(photo.value) or alt_text
    if len(said) < len(taken):
        notes.insert(len(problems), Sentence(THERE_TWICE))
    moving = taken[0].moving
    return Stored(tuple(said), tuple(notes), taken[0].aspect, moving, tuple(said.values()))


def notes_of(
    photos: Stored[tuple[str, ...]], others: Mapping[PictureRole, Stored[str]]
) -> tuple[Sentence, ...]:
    """The notes on all pictures of a request."""
    return (*photos.notes, *(note for each in others.values() for note in each.notes))
