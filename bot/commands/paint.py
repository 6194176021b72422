"""`/paint`: a photograph and a style in, a painting out."""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.intake.own_defaults import OwnDefaults, options_by, reply_by
from bot.intake.request import PaintRequest, Source, asker_of
from bot.intake.requested_styles import new_seed, suiting, weighted_styles
from bot.intake.service import IntakeService
from bot.kit import Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.choices import CHOICES, choice, folded, match_rank
from bot.ui.words import is_offered, isolated, local_first, painter_words
from common.catalogue import load_catalogue
from common.defaults import Defaults, Notify
from common.options import (
    OPTIONS,
    Faces,
    KeepColors,
    PaintOptions,
    Quality,
    Start,
    TimelapseFormat,
    Vary,
)
from jobs.management.styles import UserStyle

SIZE, STRENGTH = OPTIONS["size_px"], OPTIONS["strength"]
SCALE, SEED = OPTIONS["style_scale"], OPTIONS["seed"]
FIRST = OPTIONS["colors_first"]
QUALITIES: list[Choice[str]] = [
    Choice(name="draft: quick, to try things out", value="draft"),
    Choice(name="standard", value="standard"),
    Choice(name="fine: slow and careful", value="fine"),
]
KEEP_COLORS: list[Choice[str]] = [
    Choice(name="no: take the style's colors", value="no"),
    Choice(name="luminance: paint in greys, keep the photo's colors", value="luminance"),
    Choice(name="match: recolor the style like the photo", value="match"),
    Choice(name="histogram: recolor the style exactly", value="histogram"),
]
STARTS: list[Choice[str]] = [
    Choice(name="content: from the photo", value="content"),
    Choice(name="grey: from plain grey", value="grey"),
    Choice(name="noise: from random noise", value="noise"),
    Choice(name="style: from the style picture", value="style"),
]
FACES: list[Choice[str]] = [
    Choice(name="auto: keep faces where any are found", value="auto"),
    Choice(name="off: paint them like everything else", value="off"),
]
VARIANTS_OFFERED = 4
VARY: list[Choice[str]] = [
    Choice(name="seed: each is painted from scratch", value="seed"),
    Choice(name="strength: from soft to strong", value="strength"),
    Choice(name="style: one in each of the styles", value="style"),
]
NOTIFY: list[Choice[str]] = [
    Choice(name="yes", value="yes"),
    Choice(name="no", value="no"),
    Choice(name="if it takes longer than a minute", value="long"),
]
ONE_STYLE_TO_VARY = _(
    "To vary the style, give two to four: `style`, `preset`, `style2` and `preset2`."
)
WHOSE_COLORS = _(
    "A photo either keeps its colors or takes on the style's first; please leave out "
    "`keep_colors` or `colors_first`."
)
FILMS: list[Choice[str]] = [
    Choice(name="video: MP4", value="mp4"),
    Choice(name="GIF: plays by itself", value="gif"),
]


async def offered(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Autocomplete: saved styles first, then the best matches in the catalogue."""
    t = texts_of(interaction)
    typed = current.strip()
    saved = await interaction.client.queue.styles.visible_to(
        interaction.user.id, interaction.guild_id
    )
    choices = [
        choice(_saved_name(t, style), style.preset)
        for style in sorted(saved, key=lambda style: match_rank(typed, style.name))
        if folded(typed) in folded(style.name)
    ]
    client = interaction.client
    if typed:
        found = load_catalogue().search(typed, limit=CHOICES)
        paintings = [each for each in found if is_offered(client, each)]
    else:
        paintings = local_first(client, CHOICES)
    choices += [
        choice(f"{each.title(t.language)} · {painter_words(t, client, each)}", each.id)
        for each in paintings
    ]
    return choices[:CHOICES]


def _saved_name(t: Texts, style: UserStyle) -> str:
    """A saved style as a choice; tells a server's from a personal one of the same name."""
    name = isolated(style.name)
    if style.scope == "guild":
        return t("{name} (server)", name=name)
    return t("{name} (saved)", name=name)


@app_commands.command(name="paint")
@app_commands.describe(
    content="The photo to paint, or an animation or a short video.",
    style="A picture to take the style from; or choose a painting with preset.",
    preset="A painting to take the style from; type to search.",
    style2="A second picture, to blend its style with the first.",
    preset2="A second painting, to blend its style with the first.",
    blend="The second style's share, from 0.05 to 0.95. Default: half and half.",
    size=OPTIONS["size_px"].help,
    quality=OPTIONS["quality"].help,
    strength=OPTIONS["strength"].help,
    style_scale=OPTIONS["style_scale"].help,
    keep_colors=OPTIONS["keep_colors"].help,
    colors_first=OPTIONS["colors_first"].help + " Default: 1.",
    faces=OPTIONS["faces"].help,
    start=OPTIONS["start"].help,
    mask="A greyscale picture: white is painted, black stays as in the photo.",
    seed=OPTIONS["seed"].help + " Default: a new one.",
    variants=f"How many versions to choose from, 1 to {VARIANTS_OFFERED}; "
    "each counts as a picture. Default: 1.",
    vary=OPTIONS["vary"].help,
    moving=OPTIONS["moving"].help,
    timelapse=OPTIONS["timelapse"].help,
    film=OPTIONS["timelapse_format"].help,
    notify="Mention me when it is ready. Default: if it takes longer than a minute.",
    spoiler="Hide the picture until somebody clicks on it.",
    ephemeral="Show the picture only to you.",
)
@app_commands.choices(
    notify=NOTIFY,
    quality=QUALITIES,
    keep_colors=KEEP_COLORS,
    faces=FACES,
    start=STARTS,
    vary=VARY,
    film=FILMS,
)
@app_commands.autocomplete(preset=offered, preset2=offered)
async def paint(
    interaction: Interaction,
    *,
    content: discord.Attachment,
    style: discord.Attachment | None = None,
    preset: Range[str, 1, 100] | None = None,
    style2: discord.Attachment | None = None,
    preset2: Range[str, 1, 100] | None = None,
    blend: Range[float, 0.05, 0.95] | None = None,
    size: Range[int, SIZE.least, SIZE.most] | None = None,
    quality: Quality | None = None,
    strength: Range[float, STRENGTH.least, STRENGTH.most] | None = None,
    style_scale: Range[float, SCALE.least, SCALE.most] | None = None,
    keep_colors: KeepColors | None = None,
    colors_first: Range[float, FIRST.least, FIRST.most] | None = None,
    faces: Faces = "auto",
    start: Start = "content",
    mask: discord.Attachment | None = None,
    seed: Range[int, SEED.least, SEED.most] | None = None,
    variants: Range[int, 1, VARIANTS_OFFERED] | None = None,
    vary: Vary = "seed",
    moving: bool | None = None,
    timelapse: bool = False,
    film: TimelapseFormat | None = None,
    notify: Notify | None = None,
    spoiler: bool | None = None,
    ephemeral: bool | None = None,
) -> None:
    """Paint a photo in the style of a painting."""
    styles = weighted_styles((_source(style), _source(style2)), (preset, preset2), blend)
    looks = {"strength": strength, "style_scale": style_scale, "seed": seed}
    named = {name: value for name, value in looks.items() if value is not None}
    own = Defaults(
        size_px=size,
        quality=quality,
        keep_colors=_kept(keep_colors, colors_first),
        notify=notify,
        spoiler=spoiler,
        ephemeral=ephemeral,
    ).over(await interaction.client.service(OwnDefaults).of(interaction))
    request = PaintRequest(
        asker=asker_of(interaction),
        reply=reply_by(interaction, own),
        content=Source.attachment(content),
        styles=styles,
        mask=_source(mask),
        options=PaintOptions(
            colors_first=colors_first,
            faces=faces,
            start=start,
            variants=_versions(variants, vary, len(styles)),
            vary=vary,
            moving=moving,
            timelapse=timelapse or film is not None,
            timelapse_format=film or "mp4",
            **options_by(own) | {"seed": new_seed()} | suiting(styles) | named,
        ),
        named=(*named, *(["size_px"] if size is not None else [])),
        left_open=tuple(
            name for name, value in (("size_px", size), ("quality", quality)) if value is None
        ),
    )
    await interaction.client.service(IntakeService).begin(interaction, request)


def _versions(asked: int | None, vary: Vary, styles: int) -> int:
    """How many versions to paint: several if `vary` is given.

    Raises:
        UserError: The versions are to differ by style, but there is only one style.
    """
    if vary == "style" and styles < 2:
        raise UserError(ONE_STYLE_TO_VARY)
    if vary == "style":
        return styles
    if asked is None:
        return VARIANTS_OFFERED if vary == "strength" else 1
    return asked


def _kept(keep_colors: KeepColors | None, colors_first: float | None) -> KeepColors | None:
    """How to keep the photo's colors; by default not at all if the style's colors come first.

    Raises:
        UserError: Both were given.
    """
    if not colors_first:
        return keep_colors
    if keep_colors not in {None, "no"}:
        raise UserError(WHOSE_COLORS)
    return "no"


def _source(attachment: discord.Attachment | None) -> Source | None:
    return None if attachment is None else Source.attachment(attachment)


FEATURE = Feature(commands=(paint,))
