"""Why a picture was refused, in the user's language; the queue itself speaks only English."""

from collections.abc import Mapping

from bot.texts import Texts, _
from bot.ui.words import QUALITIES
from jobs.outcomes import LimitName, Refusal, Unforeseen

BLOCKED_EVERYWHERE = _("The operator of this bot has blocked you from painting.")
REASONS: Mapping[LimitName, str] = {
    LimitName.BLOCKED: _(
        "The admins of this server have blocked you from painting; please ask them."
    ),
    LimitName.CHANNELS: _("Painting is allowed in {allowed} only; please use the command there."),
    LimitName.MAX_SIZE: _(
        "The largest size here is {allowed} px, and you asked for {current} px; please choose a "
        "smaller one."
    ),
    LimitName.MAX_QUALITY: _(
        "The best quality here is “{allowed}”, and you asked for “{current}”; please choose a "
        "lower one."
    ),
    LimitName.WAITING_PER_USER: _(
        "You have as many pictures waiting or being painted as are allowed ({current} of "
        "{allowed}); the next can start when one of them is ready or cancelled."
    ),
    LimitName.WAITING_PER_SERVER: _(
        "This server has as many pictures waiting or being painted as are allowed ({current} of "
        "{allowed}); the next can start when one of them is ready or cancelled."
    ),
}
UNFORESEEN: Mapping[Unforeseen, str] = {
    Unforeseen.NO_ENGINE: _("No engine is running at the moment, so I cannot say when that is."),
    Unforeseen.PAUSED: _("The queue is paused at the moment, so I cannot say when that is."),
}
PREDICTED = frozenset({LimitName.WAITING_PER_USER, LimitName.WAITING_PER_SERVER})


def refusal_words(t: Texts, refusal: Refusal) -> str:
    """Which limit refused, what it stands at, and when it will work again."""
    reason = _reason(t, refusal)
    if refusal.unforeseen is not None:
        return reason + " " + t(UNFORESEEN[refusal.unforeseen])
    if refusal.available_at is None:
        return reason
    # Rounded up, so that it does work at the time that is shown.
    moment = int(refusal.available_at.timestamp()) + 1
    if refusal.limit in PREDICTED:
        return reason + " " + t("I expect that <t:{moment}:R>.", moment=moment)
    return reason + " " + t("The next can start <t:{moment}:R>.", moment=moment)


def _reason(t: Texts, refusal: Refusal) -> str:
    allowed, current = _in_words(t, refusal.allowed), _in_words(t, refusal.current)
    match refusal.limit:
        case LimitName.BLOCKED if refusal.by_operator:
            return t(BLOCKED_EVERYWHERE)
        case LimitName.PAINTER_ROLES:
            return t.plural(
                "Painting here needs the role {allowed}; please ask an admin for it.",
                "Painting here needs one of the roles {allowed}; please ask an admin for one.",
                count=allowed.count("<@&"),
                allowed=allowed,
            )
        case LimitName.PER_DAY:
            return t.plural(
                "You have started {count} picture in 24 hours, and {allowed} is the most.",
                "You have started {count} pictures in 24 hours, and {allowed} is the most.",
                count=int(refusal.current),
                allowed=allowed,
            )
        case LimitName.COOLDOWN:
            return t.plural(
                "Between two of your pictures there must be {count} second.",
                "Between two of your pictures there must be {count} seconds.",
                count=int(refusal.allowed),
            )
        case _:
            return t(REASONS[refusal.limit], allowed=allowed, current=current)


def _in_words(t: Texts, value: int | str) -> str:
    return t(QUALITIES.get(str(value), str(value)))
