"""Plots of the figures, as small PNGs."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.rivals import JudgedRun
from bench.speed import Measured

_MIB = 2**20


def plot_sizes(measured: Sequence[Measured], folder: Path) -> None:
    """Seconds and memory against the number of pixels, untiled and tiled."""
    figure, axes = _figure(2)
    by_name: dict[str, list[Measured]] = {}
    for one in measured:
        if one.case.table == "size":
            by_name.setdefault(one.case.name, []).append(one)
    for name, group in by_name.items():
        pixels = [one.width_px * one.height_px / 1e6 for one in group]
        axes[0].plot(pixels, [one.seconds for one in group], "o-", label=name)
        axes[1].plot(pixels, [one.peak_memory_bytes / _MIB for one in group], "o-", label=name)
    axes[0].set_ylabel("seconds an iteration")
    axes[1].set_ylabel("peak memory of the process, MiB")
    for one_axes in axes:
        one_axes.set_xlabel("megapixels")
        one_axes.set_ylim(bottom=0)
        one_axes.legend(fontsize=8)
    figure.savefig(folder / "sizes.png", dpi=90, metadata={"Software": None})


def plot_judged_runs(judged_runs: Sequence[JudgedRun], folder: Path) -> None:
    """The held-out style distance against the time."""
    figure, axes = _figure(2)
    for judged in judged_runs:
        label = f"{judged.name}, {judged.setting}"
        distances = [point.verdict["style_distance"] for point in judged.points]
        axes[0].plot([point.seconds for point in judged.points], distances, ".-", label=label)
        content = [point.verdict["content_distance"] for point in judged.points]
        axes[1].plot(content, distances, ".-", label=label)
    axes[0].set_xscale("log")
    axes[0].set_xlabel("seconds")
    axes[1].set_xlabel("content distance")
    for one_axes in axes:
        one_axes.set_ylabel("held-out style distance")
        one_axes.legend(fontsize=8)
    figure.savefig(folder / "quality.png", dpi=90, metadata={"Software": None})


def _figure(count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(5.0 * count, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(1, count, number + 1) for number in range(count)]
