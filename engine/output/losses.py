"""The losses over the iterations, as JSON lines and as a plot."""

import io
import json
import math
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from engine.painting import Losses

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCALE_TINTS = ("#ffffff", "#f2f2f2")
_DASHES = ("--", "-.", ":", "-")
"""Line styles of the terms, in rotation, as not everybody can tell them apart by color."""


def loss_lines(losses: Sequence[Losses], long_sides_px: Sequence[int]) -> bytes:
    """One JSON object a line; a loss that is not finite becomes null.

    Args:
        losses: of all iterations.
        long_sides_px: longest side at each scale.
    """
    lines = [
        json.dumps(
            {
                "iteration": iteration,
                "scale": one.scale,
                "size_px": long_sides_px[one.scale],
                "loss": _number(one.total),
                "terms": {name: _number(value) for name, value in one.terms.items()},
            }
        )
        for iteration, one in enumerate(losses, start=1)
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def loss_plot(losses: Sequence[Losses], long_sides_px: Sequence[int]) -> bytes:
    """The loss and its terms against the iteration, the scales as bands; a PNG.

    Args:
        losses: of all iterations.
        long_sides_px: longest side at each scale.
    """
    # Imported here, as it is large and most paintings do not need it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _curve(axes, [one.total for one in losses], "all", "-", width=2.0)
    names = dict.fromkeys(name for one in losses for name in one.terms)
    for name, dashes in zip(names, cycle(_DASHES)):
        values = [one.terms.get(name, math.nan) for one in losses]
        _curve(axes, values, name, dashes, width=1.3)
    _bands(axes, Counter(one.scale for one in losses), long_sides_px)
    axes.set_xlabel("iteration")
    axes.set_ylabel("loss")
    if axes.get_lines():
        axes.set_yscale("log")
        axes.legend()
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=110, metadata={"Software": None})
    return target.getvalue()


def _curve(axes: "Axes", values: Sequence[float], label: str, dashes: str, *, width: float) -> None:
    # The line has a gap at 0, which has no logarithm, and where a loss is not finite.
    shown = [value if math.isfinite(value) and value > 0 else math.nan for value in values]
    if any(map(math.isfinite, shown)):
        axes.plot(range(1, len(shown) + 1), shown, dashes, linewidth=width, label=label)


def _bands(axes: "Axes", iterations: Counter[int], long_sides_px: Sequence[int]) -> None:
    first = 1
    for number, (scale, count) in enumerate(sorted(iterations.items())):
        tint = _SCALE_TINTS[number % len(_SCALE_TINTS)]
        axes.axvspan(first - 0.5, first + count - 0.5, color=tint, zorder=0)
        axes.text(
            first + (count - 1) / 2, 1.01, f"{long_sides_px[scale]} px", fontsize=8, ha="center",
            va="bottom", transform=axes.get_xaxis_transform(),
        )  # fmt: skip
        first += count


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
