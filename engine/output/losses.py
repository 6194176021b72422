"""The losses over the iterations, as JSON lines and as a plot."""

import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCALE_TINTS = ("#ffffff", "#f2f2f2")
_DASHES = ("--", "-.", ":", "-")
"""Line styles of the terms, in rotation, as not everybody can tell them apart by color."""


@dataclass(frozen=True)
class LossRecord:
    """The loss of one iteration."""

    iteration: int
    """Counted from 1 over all scales."""
    scale: int
    """Number of the scale, from 0."""
    size_px: int
    """Longest side at that scale."""
    loss: float
    """The sum of the weighted terms."""
    terms: Mapping[str, float] = field(default_factory=dict)
    """Its parts, weighted, by name: content, style, tv, …."""


def loss_lines(records: Iterable[LossRecord]) -> bytes:
    """One JSON object a line; a loss that is not finite becomes null."""
    lines = [
        json.dumps(
            {
                "iteration": record.iteration,
                "scale": record.scale,
                "size_px": record.size_px,
                "loss": _number(record.loss),
                "terms": {name: _number(value) for name, value in record.terms.items()},
            }
        )
        for record in records
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def loss_plot(records: Sequence[LossRecord]) -> bytes:
    """The loss and its terms against the iteration, the scales as bands; a PNG."""
    # Imported here, as it is large and most paintings do not need it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    iterations = [record.iteration for record in records]
    _curve(axes, iterations, [record.loss for record in records], "all", "-", width=2.0)
    names = dict.fromkeys(name for record in records for name in record.terms)
    for name, dashes in zip(names, cycle(_DASHES)):
        values = [record.terms.get(name, math.nan) for record in records]
        _curve(axes, iterations, values, name, dashes, width=1.3)
    _bands(axes, records)
    axes.set_xlabel("iteration")
    axes.set_ylabel("loss")
    if axes.get_lines():
        axes.set_yscale("log")
        axes.legend()
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=110, metadata={"Software": None})
    return target.getvalue()


def _curve(
    axes: "Axes",
    iterations: Sequence[int],
    values: Sequence[float],
    label: str,
    dashes: str,
    *,
    width: float,
) -> None:
    # The line has a gap at 0, which has no logarithm, and where a loss is not finite.
    shown = [value if math.isfinite(value) and value > 0 else math.nan for value in values]
    if any(map(math.isfinite, shown)):
        axes.plot(iterations, shown, dashes, linewidth=width, label=label)


def _bands(axes: "Axes", records: Sequence[LossRecord]) -> None:
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    for record in records:
        key = (record.scale, record.size_px)
        first, _ = spans.get(key, (record.iteration, 0))
        spans[key] = (first, record.iteration)
    for number, ((_, size_px), (first, last)) in enumerate(spans.items()):
        tint = _SCALE_TINTS[number % len(_SCALE_TINTS)]
        axes.axvspan(first - 0.5, last + 0.5, color=tint, zorder=0)
        axes.text(
            (first + last) / 2, 1.01, f"{size_px} px", fontsize=8, ha="center", va="bottom",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
