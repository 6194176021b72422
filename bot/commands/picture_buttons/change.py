"""“Change…”: a modal with a picture's settings, to paint it again with some changed."""

from typing import Any

import discord
from discord import ui

from bot.cards.job_buttons import Action
from bot.commands.job_access import check_pictures, kept_job
from bot.commands.picture_buttons.remix import remix_request
from bot.commands.show import is_shown_here
from bot.commands.style_form import STRENGTHS
from bot.intake.request import RequestedStyle, Source, asker_of
from bot.intake.requested_styles import new_seed
from bot.intake.service import IntakeService
from bot.kit import Feature, Interaction
from bot.texts import Texts, _, texts_of
from bot.ui.choices import CHOICES
from bot.ui.default_words import KEPT_COLORS
from bot.ui.fields import SEPARATOR, PictureUpload, Switches, sizes_and_qualities
from bot.ui.reporting import ReportingModal, open_modal
from bot.ui.words import QUALITIES
from bot.wire.acknowledging import read_in_time
from common.limits import Limits
from common.options import PaintOptions
from jobs.model import Job

FILM, SPOILER, PRIVATE = "film", "spoiler", "private"
SWITCHES = {
    FILM: _("Make a time-lapse"),
    SPOILER: _("Hide it until somebody clicks on it"),
    PRIVATE: _("Show it only to me"),
}


async def change(interaction: Interaction, job_id: int) -> None:
    """Open the modal."""
    job = await kept_job(interaction, job_id)
    check_pictures(job)
    in_force = interaction.client.queue.limits.in_force_for(asker_of(interaction))
    limits = await read_in_time(interaction, in_force)
    private = job.reply.ephemeral or not is_shown_here(interaction, job)
    form = ChangeForm(texts_of(interaction), job, limits, private=private)
    await open_modal(interaction, form)


class ChangeForm(ReportingModal):
    """The modal. Discord allows five fields, so some hold two related settings."""

    def __init__(self, t: Texts, job: Job, limits: Limits, *, private: bool) -> None:
        super().__init__(title=t("Change picture #{job_id}", job_id=job.id))
        self._job = job
        self._photo = PictureUpload(custom_id="content", required=False, min_values=0, max_values=2)
        self._style = PictureUpload(custom_id="style", required=False, min_values=0, max_values=2)
        self._size: ui.Select[Any] = ui.Select(
            custom_id="size", required=False, options=_sizes(t, job, limits)
        )
        self._look: ui.Select[Any] = ui.Select(
            custom_id="look", required=False, options=_looks(t, job.options)
        )
        labels = {value: t(label) for value, label in SWITCHES.items()}
        if job.options.variants > 1:  # several versions have no time-lapse
            del labels[FILM]
        states = {FILM: job.options.timelapse, SPOILER: job.reply.spoiler, PRIVATE: private}
        self._switches = Switches(labels, on={name for name, is_on in states.items() if is_on})
        for label, about, field in (
            (
                t("Another photo"),
                t("Leave empty to keep it. A second picture is the mask: white is painted."),
                self._photo,
            ),
            (
                t("Another style picture"),
                t("Leave empty to keep it. Two are blended."),
                self._style,
            ),
            (t("Size and quality"), None, self._size),
            (t("Strength of the style, and colors"), None, self._look),
            (t("Options"), None, self._switches),
        ):
            self.add_item(ui.Label(text=label, description=about, component=field))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Paint it again."""
        job, switched = await kept_job(interaction, self._job.id), set(self._switches.values)
        check_pictures(job)
        options = self._options(job.options, film=FILM in switched)
        photos = [Source.attachment(file) for file in self._photo.values]
        styles = [Source.attachment(file) for file in self._style.values]
        if options == job.options and not photos and not styles:
            options = options.model_copy(update={"seed": new_seed()})  # else nothing would change
        request = (
            (await remix_request(interaction, job))
            .with_reply(ephemeral=PRIVATE in switched, spoiler=SPOILER in switched)
            .model_copy(update={"options": options})
        )
        if photos or styles:
            request = request.with_replaceable_inputs(job.inputs)
        if photos:  # ask again whether to paint a clip; it has a size of its own
            photo, *masks = photos
            named = ("size_px",) if options.size_px != job.options.size_px else ()
            update = {"content": photo, "more": (), "mask": next(iter(masks), None), "named": named}
            request = request.with_options(moving=None).model_copy(update=update)
        if styles:
            requested = tuple(
                RequestedStyle(picture=source, weight=1 / len(styles)) for source in styles
            )
            request = request.model_copy(update={"styles": requested})
        await interaction.client.service(IntakeService).begin(interaction, request)

    def _options(self, before: PaintOptions, *, film: bool) -> PaintOptions:
        changes: dict[str, Any] = {"timelapse": film}
        for size_px, quality in (value.split(SEPARATOR) for value in self._size.values[:1]):
            changes |= {"size_px": int(size_px), "quality": quality}
        for strength, colors in (value.split(SEPARATOR) for value in self._look.values[:1]):
            changes |= {"strength": float(strength), "keep_colors": colors}
        return PaintOptions(**{**before.model_dump(), **changes})


def _sizes(t: Texts, job: Job, limits: Limits) -> list[discord.SelectOption]:
    """The allowed pairs of size and quality, with the current one selected."""
    options = job.options
    present = f"{options.size_px}{SEPARATOR}{options.quality}"
    clip_px = limits.max_size_px if job.inputs.clip is None else limits.max_clip_size_px
    largest_px = min(limits.max_size_px, clip_px)
    pairs = sizes_and_qualities(t, largest_px, limits.max_quality, options.size_px)
    if present not in pairs:
        label = f"{options.size_px} px · {t(QUALITIES[options.quality])}"
        pairs = {present: label, **pairs}
    return [
        discord.SelectOption(label=label, value=value, default=value == present)
        for value, label in pairs.items()
    ][:CHOICES]


def _looks(t: Texts, options: PaintOptions) -> list[discord.SelectOption]:
    """The pairs of strength and colors, with the current one selected."""
    strengths = {strength: t(label) for label, strength in STRENGTHS.values()}
    strengths.setdefault(options.strength, t("as it was"))
    return [
        discord.SelectOption(
            label=f"{words} ({t.percent(strength)}) · {t(kept)}",
            value=f"{strength}{SEPARATOR}{name}",
            default=(strength, name) == (options.strength, options.keep_colors),
        )
        for strength, words in sorted(strengths.items())
        for name, kept in KEPT_COLORS.items()
    ]


FEATURE = Feature(picture_actions={Action.CHANGE: change})
