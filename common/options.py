"""What one painting is to be: the options of a job, checked, and kept as JSON with it."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

MIN_SIZE_PX = 64
MAX_SIZE_PX = 8192
MAX_SEED = 2**31 - 1

Quality = Literal["draft", "standard", "fine"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)
"""From the quickest to the best."""
Network = Literal["auto", "vgg19", "lite"]
KeepColors = Literal["no", "luminance", "match", "histogram"]
Start = Literal["content", "grey", "noise", "style", "file"]
FilmFormat = Literal["mp4", "gif"]
Pooling = Literal["max", "average"]
OptimizerName = Literal["adam", "lbfgs"]
StyleFit = Literal["resize", "crop", "mirror"]

_Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_LayerWeights = dict[str, _Weight]


class PaintOptions(BaseModel):
    """All that can be chosen for a painting besides the pictures themselves.

    `None` means that the recipe (or, for iterations and scales, the quality) decides.
    Whether named layers exist depends on the network, so the engine checks these, before work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_px: int = Field(512, ge=MIN_SIZE_PX, le=MAX_SIZE_PX, description="Longest side.")
    quality: Quality = "standard"
    strength: _Share = Field(0.5, description="0 keeps the photograph, 1 is all style.")
    style_scale: float = Field(1.0, ge=0.1, le=4.0, description="Size of the brush strokes.")
    keep_colors: KeepColors = "no"
    keep_colors_strength: _Share = 1.0
    colors_first: _Share | None = Field(
        None, description="How far the photograph takes the style's palette before it is painted."
    )
    start: Start = "content"
    start_noise: _Share = Field(0.0, description="Share of noise mixed into the start.")
    seed: int = Field(0, ge=0, le=MAX_SEED)
    timelapse: bool = Field(False, description="Record a film, and the course of the loss.")
    timelapse_format: FilmFormat = "mp4"

    recipe: str = Field("atelier", max_length=40, pattern=r"^[a-z][a-z0-9-]*$")
    network: Network = "auto"
    content_layers: _LayerWeights | None = None
    style_layers: _LayerWeights | None = None
    content_weight: _Weight | None = None
    style_weight: _Weight | None = None
    tv_weight: _Weight | None = None
    style_statistic: Literal["gram", "wasserstein"] | None = None
    style_fit: StyleFit | None = None
    pooling: Pooling | None = None
    optimizer: OptimizerName | None = None
    iterations: int | None = Field(None, ge=1, le=100_000, description="Per scale.")
    scales: int | None = Field(None, ge=1, le=16)
    min_improvement: _Share | None = Field(None, description="Stop a scale below this share.")
    tile_px: int | None = Field(None, ge=64, le=8192, description="Force tiles of this core.")

    @model_validator(mode="after")
    def _some_style_remains(self) -> "PaintOptions":
        for name in ("content_layers", "style_layers"):
            layers = getattr(self, name)
            if layers is not None and not any(weight > 0 for weight in layers.values()):
                raise ValueError(f"{name} needs at least one layer with a weight above zero")
        return self


class StyleInput(BaseModel):
    """One style of a job: a stored picture, or a painting of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: str | None = Field(None, description="Key of a stored picture.")
    preset: str | None = Field(None, description="Id of a painting in the catalogue.")
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


class PaintInputs(BaseModel):
    """The pictures of a job, as keys of the picture store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    content: str
    styles: tuple[StyleInput, ...] = Field(min_length=1, max_length=8)
    mask: str | None = Field(
        None, description="Grey picture: white is painted, black stays the photograph."
    )
    style_masks: tuple[str | None, ...] = Field(
        (), description="For each style the key of a mask that says where it applies."
    )
    start: str | None = Field(None, description="The picture to start from, with start=file.")

    @model_validator(mode="after")
    def _one_mask_a_style(self) -> "PaintInputs":
        if self.style_masks and len(self.style_masks) != len(self.styles):
            raise ValueError("there must be as many style masks as styles")
        return self

    def picture_keys(self) -> tuple[str, ...]:
        """Keys of all stored pictures that the job needs."""
        keys = [self.content, self.mask, self.start, *self.style_masks]
        keys.extend(style.picture for style in self.styles)
        return tuple(dict.fromkeys(key for key in keys if key))
