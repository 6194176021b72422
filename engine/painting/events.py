"""What a painting tells while it is made; all of it cheap unless it is asked for more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from common.sentences import Sentence
from engine.painting.picture import Picture, Size


@dataclass(frozen=True)
class Preparing:
    """Something that takes a while goes on before painting; `note` says what."""

    note: str


@dataclass(frozen=True)
class Prepared:
    """All settings are resolved and checked.

    `scales` are the sizes (height, width) that are painted, with the iterations of each; `size` is
    that of the finished picture, which is cut out of the last where it is very narrow.
    """

    total_iterations: int
    scales: tuple[tuple[Size, int], ...]
    network: str
    size: Size


@dataclass(frozen=True)
class ScaleStarted:
    """A scale begins: its number from 0, its size (height, width), its parts (1 for whole)."""

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
        """All on one level, as reports and checkpoints have it."""
        return {
            "scale": self.scale,
            "iteration": self.iteration,
            "total": self.total,
            **self.terms,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Losses":
        """What `as_dict` gave."""
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
    """Share of the whole work, which lies mostly in the last scales."""
    seconds_left: float | None
    """Guessed from the work so far; None at first."""
    losses: Callable[[], Losses] = field(repr=False)
    """Reads the losses of this iteration from the device; waits for it."""
    preview: Callable[[int], Image.Image] = field(repr=False)
    """The picture so far with its longer side at most this many pixels; only until the next event
    is asked for.
    """
    checkpoint: Callable[[], bytes] = field(repr=False)
    """All that is needed to go on from here to the same picture; only until the next event is asked
    for. After an interruption, from where it was interrupted.

    Raises:
        BetweenScalesError: it was interrupted where there is nothing to go on from.
    """
    brief_checkpoint: Callable[[], bytes] = field(repr=False)
    """A tenth of that or less: the picture without what the optimizer has learnt; likewise."""


@dataclass(frozen=True)
class Recovered:
    """Painting goes on from the last good picture, as the loss was not finite, say."""

    reason: Sentence


@dataclass(frozen=True)
class Retiled:
    """The device ran out of memory; painting goes on in tiles with cores of this size."""

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
    notes: tuple[Sentence, ...] = ()
    losses: tuple[Losses, ...] = ()


@dataclass(frozen=True)
class Painted:
    """The picture is done."""

    picture: Picture
    report: Report


Event = Preparing | Prepared | ScaleStarted | Stepped | Recovered | Retiled | Painted
