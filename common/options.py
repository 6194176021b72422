"""The options of a painting: validated, and stored as JSON with the job.

The fields of `PaintOptions` are the table of options: name, bounds, default and help. They define
the flags of `python -m engine paint`; `/paint` and docs/commands.md take bounds and help from
`OPTIONS`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator

MIN_SIZE_PX = 64
MAX_SIZE_PX = 8192
USUAL_ASPECT = 0.75
"""Typical ratio of a photograph's shorter to its longer side."""
MAX_SEED = 2**31 - 1

Quality = Literal["draft", "standard", "fine"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)
"""From the fastest to the best."""
QUALITY_WORK: Mapping[Quality, float] = {"draft": 0.4, "standard": 1.0, "fine": 2.5}
"""Factor of the iterations for each quality, unless the recipe sets another."""
CLIP_FRAME_WORK = 0.3
"""Work of each frame of a clip after the first, relative to a picture of the same size: measured by
`python -m bench.moving` (*a later frame*); docs/moving.md has the figures."""
NetworkName = Literal["vgg19", "lite"]
NETWORKS: tuple[NetworkName, ...] = get_args(NetworkName)
Network = Literal["auto", NetworkName]
DEFAULT_NETWORK: NetworkName = "vgg19"
"""The network that `auto` stands for if nothing else is set."""
DRAFT_NETWORK: NetworkName = "lite"
"""The network that `auto` stands for in drafts, which are meant to be fast."""
DEFAULT_RECIPE = "atelier"
Precision = Literal["auto", "fp32", "bf16"]
Statistic = Literal["gram", "wasserstein"]
KeepColors = Literal["no", "luminance", "match", "histogram"]
Start = Literal["content", "grey", "noise", "style", "file"]
Faces = Literal["auto", "off"]
TimelapseFormat = Literal["mp4", "gif"]
Vary = Literal["seed", "strength", "style", "photo"]
SOFTEST_VARIANT, STRONGEST_VARIANT = 0.3, 0.9
"""Strengths of the first and the last version that differ by strength."""
MAX_VARIANTS = 10
"""The number of pictures in a Discord gallery, and of attachments in a form."""
Pooling = Literal["max", "average"]
OptimizerName = Literal["adam", "lbfgs"]
StyleFit = Literal["resize", "crop", "mirror"]

_Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
_Aspect = Annotated[float, Field(gt=0, le=1)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_LayerWeights = dict[str, _Weight]


def resolve_network(requested: str, otherwise: str = "auto") -> str:
    """Resolve a requested network that may be `auto`: then the other one, or VGG-19."""
    named = (name for name in (requested, otherwise) if name != "auto")
    return next(named, DEFAULT_NETWORK)


class PaintOptions(BaseModel):
    """All options of a painting, apart from the pictures.

    `None` leaves the choice to the recipe (or, for iterations and scales, to the quality). Layer
    names depend on the network, so the engine checks them before painting.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_px: int = Field(
        512,
        ge=MIN_SIZE_PX,
        le=MAX_SIZE_PX,
        description="The longest side of the result in pixels. Default: 512.",
    )
    quality: Quality = Field(
        "standard",
        description="How much time to spend; drafts use the small network. Default: standard.",
    )
    strength: _Share = Field(
        0.5,
        description="0 keeps the photo, 1 is all style. Default: 0.5, or what suits the painting.",
    )
    style_scale: float = Field(
        1.0,
        ge=0.1,
        le=4.0,
        description="Size of the brush strokes, 0.1 to 4. Default: 1, or what suits the painting.",
    )
    keep_colors: KeepColors = Field(
        "no", description="Whether to keep the photo's colors. Default: the style's colors."
    )
    keep_colors_strength: _Share = Field(
        1.0, description="How much of the photo's colors to keep, 0 to 1."
    )
    colors_first: _Share | None = Field(
        None,
        description="How far the photo takes on the style's colors before it is painted, 0 to 1.",
    )
    faces: Faces = Field(
        "auto", description="Keep faces closer to the photo than the rest. Default: auto."
    )
    start: Start = Field(
        "content", description="What the painting starts from. Default: the photo."
    )
    start_noise: _Share = Field(0.0, description="How much noise to start with, 0 to 1.")
    seed: int = Field(
        0, ge=0, le=MAX_SEED, description="The same seed and settings paint the same picture again."
    )
    variants: int = Field(1, ge=1, le=MAX_VARIANTS, description="How many versions to choose from.")
    vary: Vary = Field(
        "seed", description="What differs from version to version. Default: the seed."
    )
    softest: _Share = Field(
        SOFTEST_VARIANT, description="The first version's strength, where versions differ by that."
    )
    moving: bool | None = Field(
        None,
        description="Paint all of an animation or video, not only its first frame. Default: I "
        "ask you.",
    )
    timelapse: bool = Field(
        False, description="Also make a time-lapse of the picture being painted."
    )
    timelapse_format: TimelapseFormat = Field(
        "mp4", description="The format of the time-lapse. Default: a video."
    )

    recipe: str = Field(
        DEFAULT_RECIPE,
        max_length=40,
        pattern=r"^[a-z][a-z0-9-]*$",
        description="The method, as a file of settings.",
    )
    network: Network = Field("auto", description="The network that judges style.")
    content_layers: _LayerWeights | None = None
    style_layers: _LayerWeights | None = None
    content_weight: _Weight | None = Field(None, description="Weight of the photo's features.")
    style_weight: _Weight | None = Field(None, description="Weight of the style's statistics.")
    tv_weight: _Weight | None = Field(None, description="Weight of smoothness.")
    style_statistic: Statistic | None = Field(None, description="How styles are compared.")
    style_fit: StyleFit | None = Field(
        None, description="How a style is fitted to the photo's shape."
    )
    pooling: Pooling | None = Field(None, description="How the network scales down.")
    optimizer: OptimizerName | None = None
    iterations: int | None = Field(None, ge=1, le=100_000, description="Iterations at each scale.")
    scales: int | None = Field(
        None, ge=1, le=16, description="Number of sizes, from small to large."
    )
    min_improvement: _Share | None = Field(
        None, description="End a scale when ten iterations improve the loss by a smaller share."
    )
    tile_px: int | None = Field(
        None, ge=MIN_SIZE_PX, le=MAX_SIZE_PX, description="Force tiles with cores of this size."
    )

    @model_validator(mode="after")
    def _some_style_remains(self) -> "PaintOptions":
        for name in ("content_layers", "style_layers"):
            layers = getattr(self, name)
            if layers is not None and not any(weight > 0 for weight in layers.values()):
                raise ValueError(f"{name} needs at least one layer with a weight above zero")
        return self


def network_for(options: PaintOptions, otherwise: str, *, quick: bool = False) -> str:
    """The network of a painting: the requested one, else the default, else by its quality.

    Drafts use lite, unless they name layers or a recipe, which are those of VGG-19.

    Args:
        options: of the painting.
        otherwise: the default network; `auto`: by quality.
        quick: whether to choose as for a draft, whatever the quality.
    """
    own = options.recipe != DEFAULT_RECIPE or options.content_layers or options.style_layers
    is_quick = (quick or options.quality == "draft") and not own
    default = DRAFT_NETWORK if is_quick else DEFAULT_NETWORK
    return resolve_network(options.network, default if otherwise == "auto" else otherwise)


@dataclass(frozen=True, slots=True)
class Option:
    """A row of the table of options, for user interfaces."""

    help: str
    value_type: type
    """Type of one value: int, float, bool, str, or dict for the weights of layers."""
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


def _parts(annotation: Any) -> Iterator[Any]:
    """The parts of an annotation, with optional parts and `Annotated` unpacked."""
    if get_origin(annotation) in {None, dict, Literal}:
        yield annotation
        return
    for part in get_args(annotation):
        yield from _parts(part)


def _option(name: str) -> Option:
    field = PaintOptions.model_fields[name]
    parts = [*_parts(field.annotation), *field.metadata]
    parts += [each for part in parts for each in getattr(part, "metadata", ())]
    kind = parts[0]
    bounds = {
        key: getattr(part, of)
        for part in parts
        for key, of in (("least", "ge"), ("most", "le"))
        if hasattr(part, of)
    }
    literal = get_origin(kind) is Literal
    return Option(
        help=field.description or "",
        value_type=str if literal else get_origin(kind) or kind,
        choices=get_args(kind) if literal else (),
        **bounds,
    )


OPTIONS: Mapping[str, Option] = {name: _option(name) for name in PaintOptions.model_fields}


class StyleInput(BaseModel):
    """One style of a job: a stored picture, or a painting of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: str | None = Field(None, description="Key of a stored picture.")
    preset: str | None = Field(None, description="Id of a painting in the catalogue.")
    name: str | None = Field(
        None, max_length=100, description="Under which the picture was saved as a style."
    )
    is_content: bool = Field(False, description="The photograph is its own style.")
    weight: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = 1.0
    region: tuple[_Share, _Share, _Share, _Share] | None = Field(
        None, description="Left, top, right, bottom of the part to use, as shares of the picture."
    )

    @model_validator(mode="after")
    def _exactly_one_source(self) -> "StyleInput":
        if (self.picture is not None) + (self.preset is not None) + self.is_content != 1:
            raise ValueError("a style is one of: a picture, a preset, the content itself")
        if self.region is not None:
            left, top, right, bottom = self.region
            if left >= right or top >= bottom:
                raise ValueError("a region needs left < right and top < bottom")
        return self


class ClipInput(BaseModel):
    """The moving photograph of a job: a clip file of the store (`common.clips`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: str = Field(description="Its key.")
    frames: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Duration of one play."""


class PaintInputs(BaseModel):
    """The pictures of a job, as keys of the picture store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    content: str
    more_contents: tuple[str, ...] = Field(
        (), max_length=MAX_VARIANTS - 1, description="Further photographs, with vary=photo."
    )
    styles: tuple[StyleInput, ...] = Field(min_length=1, max_length=8)
    mask: str | None = Field(
        None, description="Grey picture: white is painted, black stays the photograph."
    )
    style_masks: tuple[str | None, ...] = Field(
        (), description="For each style the key of a mask that says where it applies."
    )
    start: str | None = Field(None, description="The picture to start from, with start=file.")
    alt_texts: tuple[str, ...] = Field(
        (), max_length=MAX_VARIANTS, description="Of each photograph; empty if none has one."
    )
    clip: ClipInput | None = Field(
        None, description="What is painted, where it moves; `content` is its first frame then."
    )
    erased: bool = Field(
        False, description="Pictures of it are gone: who brought them had their data erased."
    )
    content_aspect: _Aspect | None = Field(
        None, description="The photograph's shorter side in parts of its longer; None in old rows."
    )

    @model_validator(mode="after")
    def _one_mask_a_style(self) -> "PaintInputs":
        if self.style_masks and len(self.style_masks) != len(self.styles):
            raise ValueError("there must be as many style masks as styles")
        return self

    def taken_back(self) -> "PaintInputs":
        """The inputs after an erasure of their pictures: the styles only."""
        gone = {"content": "", "more_contents": (), "mask": None, "start": None, "clip": None}
        empty = {"style_masks": (), "alt_texts": ()}
        return self.model_copy(update={**gone, **empty, "erased": True})

    def picture_keys(self) -> tuple[str, ...]:
        """Keys of all stored pictures that the job needs."""
        keys = [self.content, *self.more_contents, self.mask, self.start, *self.style_masks]
        keys.append(None if self.clip is None else self.clip.picture)
        keys.extend(style.picture for style in self.styles)
        return tuple(dict.fromkeys(key for key in keys if key))
