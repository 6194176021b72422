"""Whether the clip of a request is painted, or its first frame only; and with which options."""

from dataclasses import replace
from typing import Any

from bot.intake.request import MovingPhoto, PaintRequest, asker_of, reply_as
from bot.intake.stored import Stored
from bot.kit import Interaction, UserError
from bot.texts import _
from common.options import PaintInputs, PaintOptions
from common.sentences import Sentence

SEVERAL_DO_NOT_MOVE = _(
    "A moving picture is painted in one version only; please leave out `moving`, or ask for "
    "one version."
)
NO_TIMELAPSE_OF_SEVERAL = _(
    "There is no time-lapse of several versions; please choose one of them first, and press "
    "Time-lapse there."
)
NO_TIMELAPSE = _("There is no time-lapse of a moving picture.")


def check_versions(options: PaintOptions) -> None:
    """Check that the options allow this many versions.

    Raises:
        UserError: Several versions can neither be a clip nor have a time-lapse.
    """
    if options.moving and options.variants > 1:
        raise UserError(SEVERAL_DO_NOT_MOVE)
    if options.timelapse and options.variants > 1:
        raise UserError(NO_TIMELAPSE_OF_SEVERAL)


def moving_options(request: PaintRequest, moving: MovingPhoto) -> PaintOptions:
    """The options of a request with which its clip is painted."""
    changes: dict[str, Any] = {"moving": True}
    if "size_px" not in request.named:
        changes["size_px"] = moving.size_px
    return request.options.model_copy(update=changes)


def options_of(
    request: PaintRequest, taken: Stored[PaintInputs]
) -> tuple[PaintOptions, tuple[Sentence, ...]]:
    """The options with which a request is painted, and notes for its user."""
    # Some may have been left out: styles that are unavailable by now, photographs as unusable.
    photos = 1 + len(taken.value.more_contents)
    options = _with_one_each(request.options, styles=len(taken.value.styles), photos=photos)
    if taken.value.clip is None:
        return options.model_copy(update={"moving": False if options.moving is False else None}), ()
    notes = (Sentence(NO_TIMELAPSE),) if options.timelapse else ()
    if taken.moving is not None:
        options = moving_options(request, taken.moving)
    return options.model_copy(update={"timelapse": False}), notes


def _with_one_each(options: PaintOptions, *, styles: int, photos: int) -> PaintOptions:
    """The options, with one version of each style or photograph if the versions differ by these."""
    number = {"style": styles, "photo": photos}.get(options.vary)
    if options.variants == 1 or not number:
        return options
    return options.model_copy(update={"variants": number})


def decided(request: PaintRequest, interaction: Interaction, *, moving: bool) -> PaintRequest:
    """A request whose member has now chosen, by a button, whether the clip is painted.

    It keeps its interaction ID: the picture replaces the question, and a second press paints
    nothing.
    """
    was = request.reply
    reply = reply_as(interaction, was)
    reply = replace(reply, interaction_id=was.interaction_id, notes=was.notes)
    changes: dict[str, Any] = {"moving": moving}
    if moving and request.content is not None and request.content.moving is not None:
        changes["size_px"] = moving_options(request, request.content.moving).size_px
    update = {"asker": asker_of(interaction), "reply": reply, "asked": True}
    return request.with_options(**changes).model_copy(update=update)


def options_to_check(request: PaintRequest) -> PaintOptions:
    """The options of a request for the limit check, before its pictures are known."""
    if request.inputs is not None:
        return request.options
    # Those that were replaced may be fewer, as another style for a trial of several.
    options, photos = request.options, len(request.photos)
    options = _with_one_each(options, styles=len(request.styles), photos=photos)
    if request.asked or "size_px" in request.named:
        return options
    return options.model_copy(update={"moving": None})  # it keeps the size of its clip
