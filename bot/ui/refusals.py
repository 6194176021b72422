"""Why a limit refused a picture, in the user's language; the queue itself speaks only English."""

from collections.abc import Mapping
from dataclasses import replace

import discord

from bot.texts import Texts, _
from bot.ui.limit_words import limit_value
from bot.ui.people import still_there
from bot.ui.words import QUALITIES, is_soon, plain
from common.limits import LIMITS, LimitKind
from jobs.outcomes import BLOCKED, Refusal, Unforeseen

BLOCKED_EVERYWHERE = _("The operator of this bot has blocked you from painting.")
REASONS: Mapping[str, str] = {
    BLOCKED: _("The admins of this server have blocked you from painting; please ask them."),
    "channel_ids": _("Painting is allowed in {allowed} only; please use the command there."),
    "max_size_px": _(
        "The largest size here is {allowed} px, and you asked for {current} px; please choose a "
        "smaller one."
    ),
    "max_clip_size_px": _(
        "The largest size for moving pictures here is {allowed} px, and you asked for "
        "{current} px; please choose a smaller one."
    ),
    "max_quality": _(
        "The best quality here is “{allowed}”, and you asked for “{current}”; please choose a "
        "lower one."
    ),
    "max_waiting_per_user": _(
        "You have as many pictures waiting or being painted as are allowed ({current} of "
        "{allowed}); the next can start when one of them is ready or cancelled."
    ),
    "max_waiting_per_server": _(
        "This server has as many pictures waiting or being painted as are allowed ({current} of "
        "{allowed}); the next can start when one of them is ready or cancelled."
    ),
}
WAITING = frozenset({"max_waiting_per_user", "max_waiting_per_server"})
OPERATORS = _("(This limit is set by the operator of this bot.)")
OPERATORS_EVERYWHERE = _(
    "(This limit is set by the operator of this bot; it counts what you do in all servers and "
    "in DMs.)"
)
SERVERS = _("(This limit is set by the admins of this server.)")
GONE: Mapping[str, str] = {
    "painter_role_ids": _(
        "Painting here needs a role that was deleted; please ask an admin to choose another "
        "with /limits change."
    ),
    "channel_ids": _(
        "Painting is allowed only in channels that were deleted or archived; please ask an "
        "admin to choose others with /limits change."
    ),
}
"""If all that an admin chose was deleted."""
UNFORESEEN: Mapping[Unforeseen, str] = {
    Unforeseen.STARTING: _("The painter is starting, so I cannot say yet when that will be."),
    Unforeseen.NO_ENGINE: _(
        "The painter is not running at the moment, so I cannot say when that will be."
    ),
    Unforeseen.PAUSED: _("The queue is paused at the moment, so I cannot say when that will be."),
}


def refusal_words(t: Texts, refusal: Refusal, guild: discord.Guild | None = None) -> str:
    """Which limit refused, its value, and when painting will be possible again.

    Args:
        t: The user's language.
        refusal: From the queue.
        guild: The server, if the bot knows it; deleted roles and channels are not named.
    """
    if refusal.limit in GONE and isinstance(refusal.allowed, tuple) and refusal.allowed:
        there = still_there(guild, refusal.allowed)
        if not there:
            return t(GONE[refusal.limit])
        refusal = replace(refusal, allowed=there)
    said = _when(t, refusal, _reason(t, refusal))
    if refusal.reason:
        said += " " + t("They gave a reason: “{reason}”.", reason=plain(refusal.reason, 200))
    if refusal.limit in LIMITS and LIMITS[refusal.limit].kind.bounds_painting:
        said += " " + t(_whose(refusal))
    return said


def _whose(refusal: Refusal) -> str:
    """Who set the limit, and where it applies."""
    if refusal.set_by_server:
        return SERVERS
    counts = LIMITS[refusal.limit].kind in {LimitKind.COUNT, LimitKind.SECONDS}
    return OPERATORS_EVERYWHERE if counts and refusal.by_operator else OPERATORS


def _when(t: Texts, refusal: Refusal, reason: str) -> str:
    """The reason, and when painting will be possible again, if that is known."""
    if refusal.unforeseen is not None:
        return reason + " " + t(UNFORESEEN[refusal.unforeseen])
    if refusal.available_at is None:
        return reason
    # Rounded up, so that it works at the time that is shown.
    moment = int(refusal.available_at.timestamp()) + 1
    if refusal.is_predicted and is_soon(refusal.available_at):
        return reason + " " + t("Expected: any moment now.")
    if refusal.is_predicted:
        return reason + " " + t("Expected: <t:{moment}:R>.", moment=moment)
    if refusal.asked > 1:
        return f"{reason} {_room(t, refusal)}" + t(
            "Earliest start of all {asked}: <t:{moment}:R>.", asked=refusal.asked, moment=moment
        )
    return reason + " " + t("Earliest start of your next picture: <t:{moment}:R>.", moment=moment)


def _room(t: Texts, refusal: Refusal) -> str:
    """How many of several would still be allowed, if any."""
    match refusal.allowed, refusal.current:
        case int(allowed), int(current) if allowed > current:
            return t("There is room for {count} now.", count=allowed - current) + " "
    return ""


def _reason(t: Texts, refusal: Refusal) -> str:
    allowed, current = (
        _in_words(t, refusal.limit, value) for value in (refusal.allowed, refusal.current)
    )
    is_full = refusal.current == refusal.allowed  # not even one more is allowed
    if refusal.asked > 1 and not is_full and (said := _reason_for_several(t, refusal)) is not None:
        return said
    match refusal.limit:
        case "painter_role_ids":
            return t.plural(
                "Painting here needs the role {allowed}; please ask an admin for it.",
                "Painting here needs one of the roles {allowed}; please ask an admin for one.",
                count=allowed.count("<@&"),
                allowed=allowed,
            )
        case "max_per_day":
            return t.plural(
                "You have started {count} picture in 24 hours, and the limit is {allowed}.",
                "You have started {count} pictures in 24 hours, and the limit is {allowed}.",
                count=int(refusal.current),
                allowed=allowed,
            )
        case "cooldown_seconds":
            return t.plural(
                "You have to wait {count} second between two pictures.",
                "You have to wait {count} seconds between two pictures.",
                count=int(allowed),
            )
        case name if name in REASONS:
            if name in WAITING:  # versions can exceed the places; `/queue` caps it likewise
                current = min(current, allowed, key=int)
            everywhere = name == BLOCKED and refusal.by_operator
            said = BLOCKED_EVERYWHERE if everywhere else REASONS[name]
            return t(said, allowed=allowed, current=current)
        case name:
            label = t.say(LIMITS[name].label)
            return t(
                "That is more than the limits here allow ({limit}: {allowed}).",
                limit=label,
                allowed=allowed,
            )


def _reason_for_several(t: Texts, refusal: Refusal) -> str | None:
    """The same for several pictures at once, if their number is the reason."""
    numbers = {"asked": refusal.asked, "allowed": refusal.allowed}
    match refusal.limit:
        case "max_waiting_per_user":
            return t.plural(
                "You asked for {asked} pictures at once, and each of them counts: {count} of "
                "yours is waiting or being painted, and the limit is {allowed}.",
                "You asked for {asked} pictures at once, and each of them counts: {count} of "
                "yours are waiting or being painted, and the limit is {allowed}.",
                count=int(refusal.current),
                **numbers,
            )
        case "max_waiting_per_server":
            return t.plural(
                "You asked for {asked} pictures at once, and each of them counts: {count} in "
                "this server is waiting or being painted, and the limit is {allowed}.",
                "You asked for {asked} pictures at once, and each of them counts: {count} in "
                "this server are waiting or being painted, and the limit is {allowed}.",
                count=int(refusal.current),
                **numbers,
            )
        case "max_per_day":
            return t(
                "You asked for {asked} pictures at once, and each of them counts: you have "
                "started {current} in 24 hours, and the limit is {allowed}.",
                current=refusal.current,
                **numbers,
            )
    return None


def _in_words(t: Texts, name: str, value: int | str | tuple[int, ...]) -> str:
    if isinstance(value, tuple):
        return limit_value(t, name, value) if value else ""
    return t(QUALITIES.get(str(value), str(value)))
