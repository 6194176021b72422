"""`/settings`: a user's own defaults; for admins, those of a channel or the server."""

from collections.abc import Mapping
from typing import Any, Literal

import discord
from discord import app_commands, ui

from bot.commands.admin.audit import post_last
from bot.intake.own_defaults import OwnDefaults
from bot.kit import Feature, Interaction, UserError
from bot.texts import Texts, _, languages, locale_of, texts_for, texts_of
from bot.ui.choices import CHOICES
from bot.ui.default_words import KEPT_COLORS, NOTIFY, own_name
from bot.ui.fields import SEPARATOR, Switches, ids_of, sizes_and_qualities
from bot.ui.people import is_admin, still_there
from bot.ui.reporting import ReportingModal, open_modal
from bot.wire.acknowledging import acknowledge, read_in_time
from bot.wire.original_response import fill_response
from common.defaults import Defaults
from common.limits import Limits
from jobs.management.defaults import DefaultsScope

AS_USUAL = "-"
NEEDS_ADMIN = _(
    "Only members who manage this server may set that; leave out `whose` to set your own."
)
NEEDS_SERVER = _(
    "The defaults of a server or a channel are set in that server; leave out `whose` to set "
    "your own."
)
KEPT: Mapping[DefaultsScope, str] = {
    "user": _("Saved. /paint uses this from now on, unless you say otherwise."),
    "channel": _(
        "Saved for {channel}. A spoiler applies to everybody, the rest to members who have no "
        "defaults of their own."
    ),
    "guild": _(
        "Saved for this server. Spoilers apply to everybody; size, quality and colors to "
        "members who have no defaults of their own."
    ),
}
TITLES: Mapping[DefaultsScope, str] = {
    "user": _("My defaults"),
    "channel": _("Defaults of this channel"),
    "guild": _("Defaults of this server"),
}
FORUM = _("Defaults of this forum")
HIDDEN, PRIVATE = "spoiler", "private"


class SettingsForm(ReportingModal):
    """All defaults in one modal; Discord allows five fields, so size and quality share one."""

    def __init__(
        self,
        t: Texts,
        scope: DefaultsScope,
        owner_id: int,
        now: Defaults,
        limits: Limits,
        *,
        title: str | None,
    ) -> None:
        super().__init__(title=t(title or TITLES[scope]))
        self._scope, self._owner_id = scope, owner_id
        present = None if now.size_px is None else f"{now.size_px}{SEPARATOR}{now.quality}"
        self._size = _select(
            "size", t, sizes_and_qualities(t, limits.max_size_px, limits.max_quality), present
        )
        colors = {name: t(label) for name, label in KEPT_COLORS.items()}
        self._colors = _select("colors", t, colors, now.keep_colors)
        self._notify: ui.Select[Any] | None = None
        self._language: ui.Select[Any] | None = None
        self.add_item(ui.Label(text=t("Size and quality"), component=self._size))
        self.add_item(ui.Label(text=t("The photo's colors"), component=self._colors))
        switches = {HIDDEN: t("Hide all pictures here until somebody clicks on them")}
        if scope == "user":
            told = {name: t(label) for name, label in NOTIFY.items()}
            self._notify = _select("notify", t, told, now.notify)
            self.add_item(ui.Label(text=t("Mention me when it is ready"), component=self._notify))
            switches[HIDDEN] = t("Hide my pictures until somebody clicks on them")
            switches[PRIVATE] = t("Show my pictures only to me")
        if scope != "channel":
            spoken = {code: own_name(code) for code in languages()}
            self._language = _select("language", t, spoken, now.language)
            about = None
            if scope == "guild":
                about = t("For what I post to everybody: gallery, style of the week, log channel.")
            label = t("Language")
            self.add_item(ui.Label(text=label, description=about, component=self._language))
        self._roles: ui.RoleSelect[Any] | None = None
        if scope == "guild":
            self._roles = ui.RoleSelect(
                custom_id="spoiler_roles",
                required=False,
                min_values=0,
                max_values=CHOICES,
                default_values=[discord.Object(id=each) for each in now.spoiler_role_ids or ()],
            )
            label = t("Spoiler for these roles")
            about = t("Their pictures are hidden until somebody clicks on them.")
            self.add_item(ui.Label(text=label, description=about, component=self._roles))
        on = {HIDDEN: now.spoiler or now.always_spoiler, PRIVATE: now.ephemeral}
        self._switches = Switches(switches, on={name for name, is_on in on.items() if is_on})
        self.add_item(ui.Label(text=t("Options"), component=self._switches))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Store what was chosen."""
        size_px, _slash, quality = (_value(self._size) or "").partition(SEPARATOR)
        switched = set(self._switches.values)
        hides = "spoiler" if self._scope == "user" else "always_spoiler"
        chosen = Defaults.model_validate(
            {
                "size_px": size_px or None,
                "quality": quality or None,
                "keep_colors": _value(self._colors),
                "notify": _value(self._notify),
                "language": _value(self._language),
                hides: True if HIDDEN in switched else None,
                "spoiler_role_ids": ids_of(self._roles.values if self._roles else ()) or None,
                "ephemeral": True if PRIVATE in switched else None,
            }
        )
        if self._scope != "user" and not is_admin(interaction, interaction.client.settings):
            raise UserError(NEEDS_ADMIN)  # the permission may have been removed since
        await acknowledge(interaction, ephemeral=True, thinking=True)
        own = interaction.client.service(OwnDefaults)
        is_new = await own.set(interaction, self._scope, self._owner_id, chosen)
        language = chosen.language if self._scope == "user" else None
        t = texts_for(locale_of(interaction, language))
        is_logged = is_new and self._scope != "user"
        note = await post_last(interaction) if is_logged else None
        said = t(KEPT[self._scope], channel=f"<#{self._owner_id}>")
        await fill_response(interaction, content="\n".join(filter(None, (said, note))))


def _select(custom_id: str, t: Texts, labels: dict[str, str], now: str | None) -> "ui.Select[Any]":
    options = {AS_USUAL: t("as usual"), **labels}
    return ui.Select(
        custom_id=custom_id,
        required=False,
        options=[
            discord.SelectOption(label=label, value=value, default=value == (now or AS_USUAL))
            for value, label in options.items()
        ],
    )


def _value(select: "ui.Select[Any] | None") -> str | None:
    chosen = next(iter(select.values), None) if select is not None else None
    return None if chosen == AS_USUAL else chosen


@app_commands.command(name="settings")
@app_commands.describe(whose="Yours; or, for admins, this channel's or this server's.")
@app_commands.choices(
    whose=[
        app_commands.Choice(name="mine", value="user"),
        app_commands.Choice(name="this channel's", value="channel"),
        app_commands.Choice(name="this server's", value="guild"),
    ]
)
async def settings(
    interaction: Interaction, whose: Literal["user", "channel", "guild"] = "user"
) -> None:
    """Set the defaults for your pictures."""
    owner_id: int | None = interaction.user.id
    if whose != "user":
        if interaction.guild_id is None:
            raise UserError(NEEDS_SERVER)
        if not is_admin(interaction, interaction.client.settings):
            raise UserError(NEEDS_ADMIN)
        owner_id = interaction.channel_id if whose == "channel" else interaction.guild_id
    assert owner_id is not None
    stored, title = interaction.client.queue.defaults, None
    now = await read_in_time(interaction, stored.of(whose, owner_id))
    forum = _forum(interaction) if whose == "channel" else None
    if forum is not None and now == Defaults():  # a post with defaults of its own keeps them
        owner_id, title = forum.id, FORUM
        now = await read_in_time(interaction, stored.of(whose, owner_id))
    if now.spoiler_role_ids:  # a menu cannot select deleted roles
        there = still_there(interaction.guild, now.spoiler_role_ids)
        now = now.model_copy(update={"spoiler_role_ids": there or None})
    limits = interaction.client.settings.limits
    form = SettingsForm(texts_of(interaction), whose, owner_id, now, limits, title=title)
    await open_modal(interaction, form)


def _forum(interaction: Interaction) -> discord.ForumChannel | None:
    """The forum of the post that the user is in: commands cannot be used in the forum itself."""
    channel = interaction.channel
    parent = channel.parent if isinstance(channel, discord.Thread) else None
    return parent if isinstance(parent, discord.ForumChannel) else None


FEATURE = Feature(commands=(settings,))
