"""The events of a painting; previews, checkpoints and losses are computed only on demand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from common.sentences import Sentence
from engine.painting.picture import Picture, Size


@dataclass(frozen=True)
class Preparing:
    """Something slow happens before painting; `note` says what."""

    note: str


@dataclass(frozen=True)
class Prepared:
    """All settings are resolved and checked.

    `scales` are the sizes (height, width) with the iterations of each; `size` is that of the
    finished picture, which is cropped from the last scale if it is very narrow.
    """

    total_iterations: int
    scales: tuple[tuple[Size, int], ...]
    network: str
    size: Size


@dataclass(frozen=True)
class ScaleStarted:
    """A scale begins: number from 0, size (height, width), number of tiles or bands."""

    scale: int
    size: Size
    tiles: int


@dataclass(frozen=True)
class Losses:
    """The loss at one iteration, and its terms by name."""

    scale: int
    iteration: int
    total: float
    terms: Mapping[str, float]

    def as_dict(self) -> dict[str, float]:
        """A flat mapping, as in reports and checkpoints."""
        return {
            "scale": self.scale,
            "iteration": self.iteration,
            "total": self.total,
            **self.terms,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Losses":
        """Read what `as_dict` returned."""
        terms = dict(plain)
        return cls(terms.pop("scale"), terms.pop("iteration"), terms.pop("total"), terms)


@dataclass(frozen=True)
class Stepped:
    """One iteration is done."""

    iteration: int
    """Counted over all scales, from 1."""
    total: int
    """Number of iterations of all scales."""
    scale: int
    """Number of the scale."""
    fraction: float
    """Share of the whole cost, most of which is in the last scales."""
    seconds_left: float | None
    """Estimated from the iterations so far; None at first."""
    losses: Callable[[], Losses] = field(repr=False)
    """Reads the losses of this iteration, which waits for the device."""
    preview: Callable[[int], Image.Image] = field(repr=False)
    """The picture so far with its longer side at most this many pixels. To be called before the
    next event is requested.
    """
    checkpoint: Callable[[], bytes] = field(repr=False)
    """The full state, to continue from here to the same picture. To be called before the next event
    is requested; after an interruption it is the state at that moment.

    Raises:
        BetweenScalesError: interrupted during the transition to the next scale.
    """
    brief_checkpoint: Callable[[], bytes] = field(repr=False)
    """A much smaller checkpoint, without most of the optimizer's state; likewise."""


@dataclass(frozen=True)
class Recovered:
    """Painting continues from the last good picture, such as after a loss that was not finite."""

    reason: Sentence


@dataclass(frozen=True)
class Retiled:
    """The device ran out of memory; painting continues in tiles with cores of this size."""

    tile_px: int


@dataclass(frozen=True)
class Report:
    """How a picture was made, for the record; plain values, ready for JSON."""

    settings: dict[str, Any]
    network: str
    weights_hash: str
    device: str
    precision: str
    width_px: int
    height_px: int
    seconds: float
    iterations: int
    seconds_per_iteration: float
    peak_memory_bytes: int
    tiles: int
    tile_px: int | None
    notes: tuple[Sentence, ...]
    losses: tuple[Losses, ...] = ()

    @property
    def long_sides_px(self) -> list[int]:
        """Longest side at each scale."""
        return [max(one["height_px"], one["width_px"]) for one in self.settings["scales"]]


@dataclass(frozen=True)
class Painted:
    """The picture is done."""

    picture: Picture
    report: Report


Event = Preparing | Prepared | ScaleStarted | Stepped | Recovered | Retiled | Painted
