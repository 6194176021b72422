"""What was taken in of a wish's pictures, and what is said of those that cannot be used."""

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
OF_PICTURE = _("{picture}: {problem}")
NOT_KEPT = _("The pictures of this painting are no longer kept; please use /paint with new ones.")

ERASED = _("What this needs was erased while it was being prepared, so it cannot be painted.")


@dataclass(frozen=True)
class Taken(Generic[T]):
    """What was taken in (the key of a picture, or all inputs), and what had to be changed of it."""

    value: T
    notes: tuple[Sentence, ...] = ()
    aspect: float | None = None
    """Of a picture, the shorter side in parts of the longer, where it was looked at."""
    moving: MovingPhoto | None = None
    """What moves of it, where that matters."""


@dataclass(frozen=True)
class Undecided:
    """It is yet to be asked whether what moves is to be painted, or its first picture."""

    request: PaintRequest
    """With its pictures in the store."""
    moving: MovingPhoto


class InputError(UserError):
    """A picture that cannot be used, with the name of the option it was given to."""

    def __init__(
        self,
        role: PictureRole,
        problem: UserError | PictureError,
        number: int | None = None,
        *,
        is_video: bool = False,
    ) -> None:
        said = of_picture(role, problem.sentence, number, is_video=is_video)
        super().__init__(said.template, **said.values)


def of_picture(
    role: PictureRole,
    sentence: Sentence,
    number: int | None = None,
    *,
    is_video: bool = False,
    moves: bool = False,
) -> Sentence:
    """A sentence with the name of what it is about: of an option's picture; of several, a number.

    What is painted may be a video or an animation, which nobody would call a photograph.
    """
    picture = Sentence(ROLE_WORDS[role])
    if number is not None:
        picture = Sentence(FILE_NUMBERED if is_video else NUMBERED, {"number": number})
    elif role is PictureRole.CONTENT and is_video:
        picture = Sentence(THE_VIDEO)
    elif role is PictureRole.CONTENT and moves:
        picture = Sentence(THE_ANIMATION)
    return Sentence(OF_PICTURE, {"picture": picture, "problem": sentence})


def usable(photos: Sequence[Taken[str] | BaseException]) -> Taken[tuple[str, ...]]:
    """Those of several photographs that can be used, and why the others are left out.

    Raises:
        InputError: none can.
    """
    taken = [photo for photo in photos if isinstance(photo, Taken)]
    problems = [photo for photo in photos if isinstance(photo, BaseException)]
    for problem in problems:
        if not isinstance(problem, InputError) or not taken:
            raise problem
    notes = [  # first, as of many notes the last are not shown
        Sentence(LEFT_OUT, {"problem": problem.sentence})
        for problem in problems
        if isinstance(problem, InputError)
    ]
    notes += [note for photo in taken for note in photo.notes]
    keys = tuple(dict.fromkeys(photo.value for photo in taken))
    return Taken(keys, tuple(notes), taken[0].aspect, taken[0].moving)


def notes_of(
    photos: Taken[tuple[str, ...]], others: Mapping[PictureRole, Taken[str]]
) -> tuple[Sentence, ...]:
    """What had to be changed of all pictures of a wish."""
    return (*photos.notes, *(note for each in others.values() for note in each.notes))
