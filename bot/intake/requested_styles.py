"""The styles that a command asks for: own pictures, paintings by name, saved styles."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.intake.request import PaintRequest, RequestedStyle, Source
from bot.kit import UserError
from bot.texts import _
from bot.ui.words import is_local, plain
from common.catalogue import Painting, load_catalogue
from common.options import MAX_SEED, StyleInput
from common.sentences import sentence
from jobs.management.styles import SAVED_STYLE
from jobs.model import Asker, Reply
from jobs.queue import JobQueue

_STYLE_ID = re.compile(rf"{SAVED_STYLE}\d+")

ONE_STYLE = _("`blend` needs two styles: add `style2`, or give both `style` and `preset`.")
PAINTING_UNAVAILABLE = _(
    "“{name}” cannot be downloaded at the moment; please choose another painting, or attach a "
    "picture of it."
)
ON_THE_FIRST = _("Tried on the first of {count} pictures; choose a single style to paint them all.")
STYLE_REMOVED = _("That saved style has been removed in the meantime; please choose another.")
NO_SUCH_STYLE = _(
    "There is no painting or saved style “{name}”; please choose one from the list that appears "
    "while you type (/styles shows them all)."
)


class PaintingUnavailableError(UserError):
    """A painting cannot be downloaded at the moment."""

    def __init__(self, painting: Painting) -> None:
        super().__init__(PAINTING_UNAVAILABLE, name=painting.titled)
        self.painting = painting


def weighted_styles(
    pictures: tuple[Source | None, ...], presets: tuple[str | None, ...], blend: float | None
) -> tuple[RequestedStyle, ...]:
    """The chosen styles in order, weighted by `blend`, the share of all but the first.

    There may be none: the member is then asked for one.

    Raises:
        UserError: There is nothing to blend.
    """
    styles: list[RequestedStyle] = []
    for picture, preset in zip(pictures, presets, strict=True):
        if picture is not None:
            styles.append(RequestedStyle(picture=picture))
        if preset is not None and preset.strip():
            styles.append(RequestedStyle(preset=preset.strip()))
    if len(styles) < 2:
        if blend is not None:
            raise UserError(ONE_STYLE)
        return tuple(styles)
    share = 0.5 if blend is None else blend
    weights = [1.0 - share, *[share / (len(styles) - 1)] * (len(styles) - 1)]
    return tuple(
        style.model_copy(update={"weight": weight})
        for style, weight in zip(styles, weights, strict=True)
        if weight > 0.0
    )


def suiting(styles: tuple[RequestedStyle, ...]) -> dict[str, Any]:
    """Options that suit the painting, by name, if it is the only style."""
    painting = load_catalogue().get(styles[0].preset or "") if len(styles) == 1 else None
    return {} if painting is None else painting.suiting


def new_seed() -> int:
    """A random seed."""
    return secrets.randbelow(MAX_SEED + 1)


def no_larger(changes: Mapping[str, Any], requested_px: int | None) -> dict[str, Any]:
    """Options that a choice brings with it, with its size limited to the requested one.

    Args:
        changes: The options by name.
        requested_px: The requested size; None if there is none.
    """
    if requested_px is None or "size_px" not in changes:
        return dict(changes)
    return {**changes, "size_px": min(changes["size_px"], requested_px)}


def in_style(
    request: PaintRequest,
    styles: tuple[RequestedStyle, ...],
    asker: Asker,
    reply: Reply,
    changes: Mapping[str, Any],
) -> PaintRequest:
    """A request that had no style, with the styles that somebody has now chosen.

    Args:
        request: The request.
        styles: The chosen styles.
        asker: Who chose.
        reply: Where the response goes.
        changes: Options that come with the choice. With several styles, only one photograph is
            painted.
    """
    suited: dict[str, Any] = {"seed": new_seed(), **suiting(styles)}
    options = {name: value for name, value in suited.items() if name not in request.named}
    more, notes = request.more, request.reply.notes
    if more and changes.get("vary") == "style":
        notes = (*notes, sentence(ON_THE_FIRST, count=len(request.photos)))
        more = ()
    changes = no_larger(changes, request.options.size_px)
    return request.with_options(**{**options, **changes}).model_copy(
        update={
            "styles": styles,
            "asker": asker,
            "reply": replace(reply, notes=notes),
            "more": more,
            "left_open": (*request.left_open, *changes),
        }
    )


async def resolve(
    queue: JobQueue, preset: str, weight: float, user_id: int, guild_id: int | None
) -> StyleInput:
    """Find the style by a name or ID; Discord does not validate what was typed.

    Raises:
        UserError: There is none.
    """
    painting = load_catalogue().get(preset)
    if painting is not None:
        return await _if_available(queue, painting, weight)
    wanted, is_id = preset.casefold(), _STYLE_ID.fullmatch(preset) is not None
    for style in await queue.styles.visible_to(user_id, guild_id):
        if wanted == (style.preset if is_id else style.name.casefold()):
            return StyleInput(picture=style.picture_key, name=style.name, weight=weight)
    if is_id:
        raise UserError(STYLE_REMOVED)
    found = load_catalogue().search(preset, limit=1, sure=True)
    if not found:
        raise UserError(NO_SUCH_STYLE, name=plain(preset))
    return await _if_available(queue, found[0], weight)


async def _if_available(queue: JobQueue, painting: Painting, weight: float) -> StyleInput:
    """A painting of the catalogue, unless it would have to be downloaded and cannot be."""
    is_ready = is_local(painting, queue.settings)
    if not is_ready and await queue.styles.scans_unreachable():
        raise PaintingUnavailableError(painting)
    return StyleInput(preset=painting.id, weight=weight)
