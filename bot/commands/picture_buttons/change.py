"""“Change…”: one form with all that a picture was made with, to paint it anew with some changed."""

from typing import Any

import discord
from discord import ui

from bot.cards.job_buttons import Action
from bot.commands.job_access import check_pictures, kept_job
from bot.commands.picture_buttons.remix import remix_request
from bot.commands.style_form import STRENGTHS
from bot.intake.request import PaintRequest, Source, StyleWish, photo_of, reply_to
from bot.intake.service import IntakeService
from bot.intake.wishes import new_seed
from bot.kit import Feature, Interaction
from bot.texts import Texts, _, texts_of
from bot.ui.default_words import KEPT_COLORS
from bot.ui.picture_upload import PictureUpload
from bot.ui.reporting import ReportingModal
from bot.ui.words import QUALITIES
from common.options import PaintOptions
from jobs.model import Job

SIZES_PX = (256, 384, 512, 768, 1024, 1536, 2048)
OPTIONS_LIMIT = 25
FILM, SPOILER, PRIVATE = "film", "spoiler", "private"
SWITCHES = {
    FILM: _("Film how it is painted"),
    SPOILER: _("Hide it until somebody clicks on it"),
    PRIVATE: _("Show it only to me"),
}
_SEPARATOR = "/"


async def change(interaction: Interaction, job_id: int) -> None:
    """Open the form."""
    job = await kept_job(interaction, job_id)
    check_pictures(job)
    largest = interaction.client.settings.limits.max_size_px
    await interaction.response.send_modal(ChangeForm(texts_of(interaction), job, largest))


class ChangeForm(ReportingModal):
    """The form. Discord takes five fields, so some hold two settings that go together."""

    def __init__(self, t: Texts, job: Job, largest_px: int) -> None:
        super().__init__(title=t("Change picture #{job_id}", job_id=job.id))
        self._job = job
        self._photo = PictureUpload(custom_id="content", required=False, min_values=0, max_values=2)
        self._style = PictureUpload(custom_id="style", required=False, min_values=0, max_values=2)
        self._size: ui.Select[Any] = ui.Select(
            custom_id="size", required=False, options=_sizes(t, job.options, largest_px)
        )
        self._look: ui.Select[Any] = ui.Select(
            custom_id="look", required=False, options=_looks(t, job.options)
        )
        given = _switched_on(job)
        self._switches: ui.CheckboxGroup[Any] = ui.CheckboxGroup(
            custom_id="switches",
            required=False,
            min_values=0,
            options=[
                discord.CheckboxGroupOption(label=t(label), value=value, default=value in given)
                for value, label in SWITCHES.items()
            ],
        )
        for label, about, field in (
            (
                t("Another photograph"),
                t("Empty: as it was. A second picture is the mask: white is painted."),
                self._photo,
            ),
            (t("Another style picture"), t("Empty: as it was. Two are blended."), self._style),
            (t("Size and quality"), None, self._size),
            (t("Strength of the style, and colors"), None, self._look),
            (t("And"), None, self._switches),
        ):
            self.add_item(ui.Label(text=label, description=about, component=field))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Paint it anew."""
        job, switched = await kept_job(interaction, self._job.id), set(self._switches.values)
        check_pictures(job)
        options = self._options(job.options, film=FILM in switched)
        photos = [Source.attachment(file) for file in self._photo.values]
        styles = [Source.attachment(file) for file in self._style.values]
        if options == job.options and not photos and not styles:
            options = options.model_copy(update={"seed": new_seed()})  # or nothing would differ
        request = remix_request(interaction, job).model_copy(
            update={
                "options": options,
                "reply": reply_to(
                    interaction, ephemeral=PRIVATE in switched, spoiler=SPOILER in switched
                ),
            }
        )
        if photos:  # whether it is to move is asked anew
            options = options.model_copy(update={"moving": None})
            request = request.model_copy(update={"options": options})
        if photos or styles:
            request = _with_pictures(request, job, photos, styles)
        await interaction.client.service(IntakeService).begin(interaction, request)

    def _options(self, before: PaintOptions, *, film: bool) -> PaintOptions:
        changes: dict[str, Any] = {"timelapse": film}
        for size_px, quality in map(_parts, self._size.values[:1]):
            changes |= {"size_px": int(size_px), "quality": quality}
        for strength, colors in map(_parts, self._look.values[:1]):
            changes |= {"strength": float(strength), "keep_colors": colors}
        return PaintOptions(**{**before.model_dump(), **changes})


def _with_pictures(
    request: PaintRequest, job: Job, photos: list[Source], styles: list[Source]
) -> PaintRequest:
    """The request with new pictures in the place of some of the old."""
    inputs = job.inputs
    photo, *masks = photos or [photo_of(inputs, request.options)]
    if not masks and not photos and inputs.mask:  # a mask fits the photograph it was made for
        masks = [Source(key=inputs.mask)]
    kept = tuple(
        StyleWish(
            picture=Source(key=style.picture) if style.picture else None,
            preset=style.preset,
            name=style.name,
            weight=style.weight,
        )
        for style in inputs.styles
    )
    new = tuple(StyleWish(picture=source, weight=1 / len(styles)) for source in styles)
    return request.model_copy(
        update={
            "inputs": None,
            "content": photo,
            "more": () if photos else tuple(Source(key=key) for key in inputs.more_contents),
            "mask": next(iter(masks), None),
            "styles": new or kept,
        }
    )


def _switched_on(job: Job) -> set[str]:
    states = {
        FILM: job.options.timelapse,
        SPOILER: job.reply.spoiler,
        PRIVATE: job.reply.ephemeral,
    }
    return {name for name, on in states.items() if on}


def _parts(value: str) -> list[str]:
    return value.split(_SEPARATOR)


def _size_words(t: Texts, size_px: int, quality: str) -> str:
    return f"{size_px} px · {t(QUALITIES[quality])}"


def _sizes(t: Texts, options: PaintOptions, largest_px: int) -> list[discord.SelectOption]:
    """Sizes with qualities, the present pair chosen."""
    sizes = sorted({*(size for size in SIZES_PX if size <= largest_px), options.size_px})
    pairs = [(size, quality) for size in sizes for quality in QUALITIES]
    return [
        discord.SelectOption(
            label=_size_words(t, size, quality),
            value=f"{size}{_SEPARATOR}{quality}",
            default=(size, quality) == (options.size_px, options.quality),
        )
        for size, quality in pairs
    ][:OPTIONS_LIMIT]


def _looks(t: Texts, options: PaintOptions) -> list[discord.SelectOption]:
    """Strengths with what happens to the colors, the present pair chosen."""
    strengths = {strength: t(label) for label, strength in STRENGTHS.values()}
    strengths.setdefault(options.strength, t("as it was"))
    return [
        discord.SelectOption(
            label=f"{words} ({strength:.0%}) · {t(kept)}",
            value=f"{strength}{_SEPARATOR}{name}",
            default=(strength, name) == (options.strength, options.keep_colors),
        )
        for strength, words in sorted(strengths.items())
        for name, kept in KEPT_COLORS.items()
    ]


FEATURE = Feature(picture_actions={Action.CHANGE: change})
