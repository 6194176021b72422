"""The modal that asks for a style: a painting from a list, one by name, or an upload."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.intake.own_defaults import OwnDefaults, options_by, reply_by
from bot.intake.request import PaintRequest, RequestedStyle, Source, asker_of
from bot.intake.requested_styles import new_seed, no_larger, resolve, suiting
from bot.intake.service import PHOTO_NOT_KEPT, IntakeService
from bot.kit import Bot, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.choices import CHOICES
from bot.ui.fields import PictureUpload
from bot.ui.reporting import ReportingModal, open_modal
from bot.ui.words import OPTION_LIMIT, local_first, painter_words, shorten
from bot.wire.acknowledging import read_in_time
from common.options import MAX_VARIANTS, PaintOptions
from jobs.management.styles import SAVED_STYLE, UserStyle
from jobs.outcomes import QueueUnavailableError

LISTED_PAINTINGS = 10  # at least, however many styles were saved

SEVERAL = {"vary": "photo", "moving": False}
"""Options of a job with several photographs."""

WITH_A_LIMIT = ("size_px", "quality")
"""Options with a limit; a modal asks for none of them."""

STRENGTHS: dict[str, tuple[str, float]] = {
    "light": (_("light"), 0.3),
    "medium": (_("medium"), 0.5),
    "strong": (_("strong"), 0.7),
    "all": (_("all style"), 0.9),
}


@dataclass(frozen=True)
class StyleChoice:
    """What was filled in."""

    styles: tuple[RequestedStyle, ...]
    strength: float | None


def saved_options(t: Texts, saved: Sequence[UserStyle]) -> list[discord.SelectOption]:
    """Saved styles for a menu. A server's and a personal one may share a name: each says whose."""
    return [
        discord.SelectOption(
            label=shorten(style.name, OPTION_LIMIT),
            value=style.preset,
            description=t("of this server") if style.scope == "guild" else t("your own"),
        )
        for style in saved
    ]


def style_options(t: Texts, client: Bot, saved: Sequence[UserStyle]) -> list[discord.SelectOption]:
    """Styles for a menu: saved ones first, then paintings, those that need no download first."""
    paintings = [
        discord.SelectOption(
            label=painting.title(t.language)[:OPTION_LIMIT],
            value=painting.id,
            description=painter_words(t, client, painting)[:OPTION_LIMIT],
        )
        for painting in local_first(client)
    ]
    return (saved_options(t, saved)[: CHOICES - LISTED_PAINTINGS] + paintings)[:CHOICES]


def strength_select(t: Texts) -> "ui.Select[Any]":
    """A menu of strengths in words. None is selected: the default is what suits the style."""
    return ui.Select(
        custom_id="strength",
        placeholder=t("what suits the style"),
        required=False,
        min_values=0,
        options=[
            discord.SelectOption(label=t(label), value=value)
            for value, (label, _strength) in STRENGTHS.items()
        ],
    )


def strength_of(select: "ui.Select[Any]") -> float | None:
    """The chosen strength; None if none was chosen."""
    return next((STRENGTHS[value][1] for value in select.values), None)


OnChosen = Callable[[Interaction, StyleChoice], Awaitable[None]]


class StyleForm(ReportingModal):
    """Asks for a style, and optionally for the strength.

    Without a style the photograph is stored, and styles to choose from are shown.
    """

    def __init__(
        self,
        t: Texts,
        client: Bot,
        title: str,
        on_chosen: OnChosen,
        *,
        saved: Sequence[UserStyle],
        asks_strength: bool,
    ) -> None:
        super().__init__(title=title)
        self._on_chosen = on_chosen
        self._painting: ui.Select[Any] = ui.Select(
            custom_id="preset",
            placeholder=t("Choose a painting"),
            required=False,
            min_values=0,
            options=style_options(t, client, saved),
        )
        example = [painting.title(t.language) for painting in local_first(client, 1)]
        self._name: ui.TextInput[Any] = ui.TextInput(
            custom_id="name", required=False, max_length=100, placeholder=next(iter(example), None)
        )
        self._upload = PictureUpload(custom_id="style", required=False, min_values=0, max_values=1)
        self._strength = strength_select(t)
        about = t("Leave all of these empty to choose by looking at pictures.")
        self.add_item(ui.Label(text=t("A painting"), description=about, component=self._painting))
        self.add_item(ui.Label(text=t("or one by its name"), component=self._name))
        self.add_item(ui.Label(text=t("or a style picture of your own"), component=self._upload))
        if asks_strength:
            self.add_item(ui.Label(text=t("Strength of the style"), component=self._strength))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Pass on what was chosen."""
        styles = [
            RequestedStyle(picture=Source.attachment(file)) for file in self._upload.values[:1]
        ]
        typed = self._name.value.strip()
        if not styles and typed:
            styles = [RequestedStyle(preset=typed)]
        if not styles:
            styles = [RequestedStyle(preset=value) for value in self._painting.values[:1]]
        strength = strength_of(self._strength)
        await self._on_chosen(interaction, StyleChoice(tuple(styles), strength))


async def _saved_styles(interaction: Interaction) -> list[UserStyle]:
    """The member's and the server's saved styles; none if the database is too slow."""
    styles = interaction.client.queue.styles
    try:
        return await read_in_time(
            interaction, styles.visible_to(interaction.user.id, interaction.guild_id)
        )
    except QueueUnavailableError:
        return []  # a modal without saved styles is better than none


async def check_style(interaction: Interaction, preset: str) -> None:
    """Check that a saved style still exists, before a modal asks for photographs to paint in it.

    If the database is too slow, the modal is opened, and its input checked.

    Raises:
        UserError: It does not exist.
    """
    if not preset.startswith(SAVED_STYLE):
        return
    queue, user_id = interaction.client.queue, interaction.user.id
    with contextlib.suppress(QueueUnavailableError):
        await read_in_time(interaction, resolve(queue, preset, 1.0, user_id, interaction.guild_id))


async def ask_style(
    interaction: Interaction, title: str, on_chosen: OnChosen, *, asks_strength: bool = False
) -> None:
    """Open the modal that asks for a style."""
    t, client = texts_of(interaction), interaction.client
    saved = await _saved_styles(interaction)
    form = StyleForm(t, client, title, on_chosen, saved=saved, asks_strength=asks_strength)
    await open_modal(interaction, form)


async def begin_with(
    interaction: Interaction,
    photos: Sequence[Source],
    styles: tuple[RequestedStyle, ...],
    strength: float | None,
    changes: Mapping[str, Any],
    *,
    of_job_id: int | None = None,
) -> None:
    """Start a request from a modal's input, completed by the member's defaults and the style's."""
    named = {} if strength is None else {"strength": strength}
    own = await interaction.client.service(OwnDefaults).of(interaction)
    by_default = options_by(own)
    options = {
        **by_default,
        **({} if len(photos) == 1 else {"variants": len(photos), **SEVERAL}),
        "seed": new_seed(),
        **suiting(styles),
        **named,
        **no_larger(changes, by_default.get("size_px")),
    }
    request = PaintRequest(
        asker=asker_of(interaction),
        reply=reply_by(interaction, own),
        content=photos[0],
        more=tuple(photos[1:]),
        styles=styles,
        options=PaintOptions(**options),
        named=tuple(named),
        left_open=WITH_A_LIMIT,
        parent_job_id=of_job_id,
    )
    await interaction.client.service(IntakeService).begin(interaction, request)


class PhotoForm(ReportingModal):
    """Asks for the photographs to paint in a style that is chosen already, or later."""

    def __init__(
        self,
        t: Texts,
        title: str,
        styles: tuple[RequestedStyle, ...],
        changes: Mapping[str, Any],
        *,
        of_job_id: int | None = None,
    ) -> None:
        super().__init__(title=title)
        self._styles = styles
        self._of_job_id = of_job_id
        """The job whose styles these are: they are its member's, who may have their data erased."""
        self._changes = changes
        most = 1 if changes.get("vary") == "style" else MAX_VARIANTS
        self._photos = PictureUpload(custom_id="content", max_values=most)
        self._strength = strength_select(t)
        label, about = t("Photo"), None
        if most > 1:
            label = t("Photos")
            about = t("Up to {count}; all of them are painted in one message.", count=most)
        self.add_item(ui.Label(text=label, description=about, component=self._photos))
        self.add_item(ui.Label(text=t("Strength of the style"), component=self._strength))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Start the request."""
        photos = [Source.attachment(file) for file in self._photos.values]
        if not photos:  # required, but what a client sends is not checked by Discord's library
            raise UserError(PHOTO_NOT_KEPT)
        strength = strength_of(self._strength)
        await begin_with(
            interaction, photos, self._styles, strength, self._changes, of_job_id=self._of_job_id
        )
