"""`/limits log`: who changed what, in pages."""

from collections.abc import Mapping
from typing import Any

from bot.commands.admin.access import admin_guild, post_change
from bot.kit import Feature, Interaction
from bot.texts import Texts, _, texts_of
from bot.ui.components import Card, card
from bot.ui.default_words import default_words
from bot.ui.limit_words import limit_line, limit_value
from bot.ui.paging import PagePlace, page_button, turner
from bot.ui.words import plain, plain_line, preset_words, relative, shorten, those_that_fit
from common.limits import LIMITS
from jobs.management.administration import REASON_LIMIT
from jobs.management.audit import BEFORE, COMMAND_LINE, SERVER_LEFT, AuditEntry

PAGE_SIZE = 10
DETAILS_LIMIT = 250
SCOPES: Mapping[str, str] = {
    "channel": _("of a channel"),
    "guild": _("of the server"),
}
ACTIONS: Mapping[str, str] = {
    "set_limits": _("changed limits"),
    "undo_limits": _("undid a change of limits"),
    "reset_limits": _("reset all limits"),
    "set_defaults": _("set the defaults of a channel or the server"),
    "block": _("blocked a member"),
    "unblock": _("unblocked a member"),
    "pause": _("paused the queue"),
    "resume": _("resumed the queue"),
    "clear": _("cleared the queue"),
    "undo_clear": _("undid the clearing of the queue"),
    "remove": _("cancelled a picture"),
    "delete_picture": _("deleted a picture"),
    "delete_copy": _("deleted a message with a picture"),
    "undo_delete_picture": _("undid the deletion of a picture"),
    "look_at_private": _("looked at a picture that was not for everybody"),
    "retry": _("queued a picture again"),
    "restore": _("restored a backup"),
    "front": _("moved a picture to the front"),
    "begin_weekly_style": _("announced a style of the week"),
    "end_weekly_style": _("ended the style of the week"),
    "save_style": _("saved a style for the server"),
    "replace_style": _("replaced a style of the server"),
    "remove_style": _("removed a style of the server"),
}


async def audit_page(interaction: Interaction, place: PagePlace) -> Card:
    """One page of the server's audit log; only for those who manage it."""
    guild_id = admin_guild(interaction)
    t = texts_of(interaction)
    many = (place.page + 1) * PAGE_SIZE + 1
    entries = await interaction.client.queue.audit.read(guild_id, limit=many)
    first = place.page * PAGE_SIZE
    shown = entries[first : first + PAGE_SIZE]
    words = "\n".join(audit_line(t, entry) for entry in shown)
    turning = turner(audit_turner, t, place, more=len(entries) > first + PAGE_SIZE)
    return card(t("## Log of changes"), words or t("Nothing has been changed so far."), *turning)


async def post_last(interaction: Interaction) -> str | None:
    """Post a user's latest audit log entry to the log channel; returns what `post_change` does."""
    lately = await interaction.client.queue.audit.read(interaction.guild_id, limit=PAGE_SIZE)
    entry = next((each for each in lately if each.user_id == interaction.user.id), None)
    return None if entry is None else await post_change(interaction, lambda t: _what(t, entry))


def audit_line(t: Texts, entry: AuditEntry) -> str:
    """One entry in one line."""
    # The ID is 0 if their data was erased.
    who = f"<@{entry.user_id}>" if entry.user_id else t("somebody")
    if entry.user_id == COMMAND_LINE:
        who = t("the operator of this bot")
    if entry.user_id == SERVER_LEFT:
        who = t("nobody, because I was not in this server")
    said = t("{who}: {what}", who=who, what=_what(t, entry))
    return f"{relative(entry.at)} {said}"


def _what(t: Texts, entry: AuditEntry) -> str:
    what, details = t(ACTIONS.get(entry.action, entry.action)), _details(t, entry.details)
    return f"{what} ({details})" if details else what


def _details(t: Texts, details: Mapping[str, Any]) -> str:
    parts = []
    before = details.get(BEFORE)
    before = before if isinstance(before, dict) else None  # another version may say it otherwise
    for name, value in details.items():
        if name in LIMITS:
            if before is None or before.get(name) != value:  # without values that did not change
                parts.append(change_line(t, name, value, before))
        elif name == BEFORE:
            was_set = before or {}
            names = [one for one in LIMITS if one in was_set and one not in details]
            parts += [change_line(t, one, None, before) for one in names]
            others = {one: was for one, was in was_set.items() if one not in LIMITS}
            were = [_detail(t, one, was) for one, was in others.items() if was is not None]
            if were:
                parts.append(t("before: {values}", values=", ".join(filter(None, were))))
        elif name == "user":
            parts.append(f"<@{value}>")
        elif name == "job":
            parts.append(f"#{value}")
        elif (said := _detail(t, name, value)) is not None:
            parts.append(said)
    if set(details) <= {*LIMITS, BEFORE} and parts and len(parts[0]) <= DETAILS_LIMIT:
        return those_that_fit(t, parts, DETAILS_LIMIT, between=", ")  # drops whole parts only
    return shorten(", ".join(parts), DETAILS_LIMIT)


def _detail(t: Texts, name: str, value: Any) -> str | None:  # noqa: PLR0911 - a table of words
    """One detail of an entry in words; None if it means nothing to people."""
    match name, value:
        case "name", _:
            return t("“{name}”", name=plain(str(value)))
        case "painting", _:
            return t("“{name}”", name=plain(preset_words(t, str(value), str(value))))
        case "reason", _:
            return t("reason: {reason}", reason=plain(str(value), REASON_LIMIT))
        case "until", int() | float():
            return t("until {time}", time=f"<t:{int(value)}:f>")
        case "count", int():
            return t.plural("{count} picture", "{count} pictures", count=value)
        case "channel_id", int():
            return f"<#{value}>"
        case "scope", _:
            return t(SCOPES.get(str(value), str(value)))
        case _ if (said := default_words(t, name, value)) is not None:
            return said
    return plain_line(f"{name}: {value}")


def change_line(t: Texts, name: str, value: Any, before: Mapping[str, Any] | None) -> str:
    """A changed limit: `Largest size: 1024 px → 512 px`."""
    if before is None:  # from a version that did not record it
        return limit_line(t, name, value)
    is_operators = LIMITS[name].setting is not None  # operators' have no roles or channels
    old, new = (
        t("the operator's") if each is None and is_operators else limit_value(t, name, each)
        for each in (before.get(name), value)
    )
    return t("{limit}: {old} → {new}", limit=t.say(LIMITS[name].label), old=old, new=new)


audit_turner = page_button("audit", audit_page)


FEATURE = Feature(buttons=(audit_turner,))
