"""Whether what moves is painted, or its first picture: what either means for a wish."""

from dataclasses import replace
from typing import Any

from bot.intake.request import MovingPhoto, PaintRequest, asker_of, reply_as
from bot.intake.taken import Taken
from bot.kit import Interaction, UserError
from bot.texts import _
from common.options import PaintInputs, PaintOptions
from common.sentences import Sentence

SEVERAL_DO_NOT_MOVE = _(
    "A moving picture is painted in one version only; please leave out `moving`, or ask for "
    "one version."
)
NO_FILM_OF_SEVERAL = _(
    "There is no time-lapse of several versions; please choose one of them first, and press "
    "Time-lapse there."
)
NOT_FILMED = _("There is no time-lapse of a moving picture.")


def check_versions(options: PaintOptions) -> None:
    """See whether as many versions can move, or be filmed.

    Raises:
        UserError: if they cannot.
    """
    if options.moving and options.variants > 1:
        raise UserError(SEVERAL_DO_NOT_MOVE)
    if options.timelapse and options.variants > 1:
        raise UserError(NO_FILM_OF_SEVERAL)


def moving_options(request: PaintRequest, moving: MovingPhoto) -> PaintOptions:
    """The options of a wish with which what moves is painted."""
    changes: dict[str, Any] = {"moving": True}
    if "size_px" not in request.named:
        changes["size_px"] = moving.size_px
    return request.options.model_copy(update=changes)


def options_of(
    request: PaintRequest, taken: Taken[PaintInputs]
) -> tuple[PaintOptions, tuple[Sentence, ...]]:
    """The options with which a wish is painted, and what to say of them."""
    options = request.options
    if options.vary == "style" and options.variants > 1:  # there may be others by now
        options = options.model_copy(update={"variants": len(taken.value.styles)})
    if options.vary == "photo" and options.variants > 1:  # some may have been left out
        options = options.model_copy(update={"variants": 1 + len(taken.value.more_contents)})
    if taken.value.clip is None:
        return options.model_copy(update={"moving": False if options.moving is False else None}), ()
    notes = (Sentence(NOT_FILMED),) if options.timelapse else ()
    if taken.moving is not None:
        options = moving_options(request, taken.moving)
    return options.model_copy(update={"timelapse": False}), notes


def decided(wish: PaintRequest, interaction: Interaction, *, moving: bool) -> PaintRequest:
    """A wish whose member has now said what to paint, by a button in its answer.

    It stays the same wish: that answer is to become the picture, and to press twice paints once.
    """
    was = wish.reply
    reply = reply_as(interaction, was)
    reply = replace(reply, interaction_id=was.interaction_id, notes=was.notes)
    changes: dict[str, Any] = {"moving": moving}
    if moving and wish.content is not None and wish.content.moving is not None:
        changes["size_px"] = moving_options(wish, wish.content.moving).size_px
    update = {"asker": asker_of(interaction), "reply": reply, "asked": True}
    return wish.with_options(**changes).model_copy(update=update)


def options_to_check(request: PaintRequest) -> PaintOptions:
    """The options of a wish as far as they are known before its pictures are."""
    if request.asked or request.inputs is not None or "size_px" in request.named:
        return request.options
    return request.options.model_copy(update={"moving": None})  # it has the size that it has
