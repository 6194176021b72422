"""Draws the diagrams of `/stats` in a child process: matplotlib is too large for the bot's own.

The child reads a `Plot` and answers with a PNG; see `common.child` for the protocol.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from common.child import ChildError, Header, Message, ask_child, serve
from common.confining import confine, leave_network, readable_modules

TIMEOUT_SECONDS = 30.0
_HOMES = ("HOME", "USERPROFILE", "LOCALAPPDATA", "WINDIR")  # the last three on Windows
MOST_BYTES = 8 * 1024**2
SHOWN_PX = 550
"""The width at which Discord shows a picture in a card, on a screen without scaling."""
DOTS_PER_INCH = 220
WIDTH_INCHES = 5.5
FONT_POINTS = 10.0
"""At that width 10 points are 14 px, the size of Discord's own text."""
DAYS_NAMED = 5
MEMORY_BYTES = 4 * 1024**3  # of address space, most of which matplotlib's libraries never touch
_DARK, _LIGHT = "#2b2d31", "#dbdee1"
_COLORS = ("#5865f2", "#f0b232", "#57f287", "#ed4245", "#eb459e")


@dataclass(frozen=True)
class Diagram:
    """A bar chart by day, with one color for each series."""

    title: str
    unit: str  # empty: a count
    series: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Plot:
    """Diagrams one above the other over the same days, given as their labels."""

    days: list[str]
    panels: list[Diagram]
    decimal_mark: str = "."


async def draw(plot: Plot) -> bytes:
    """Draw a plot in a child process and return the PNG.

    Raises:
        ChildError: The child failed or took too long.
    """
    # matplotlib caches its list of fonts in the home folder, and is slow to rebuild it. The child
    # reads it before it drops its rights.
    home = {name: os.environ[name] for name in _HOMES if name in os.environ}
    _answer, files = await ask_child(
        __name__,
        asdict(plot),
        timeout_seconds=TIMEOUT_SECONDS,
        most_bytes=MOST_BYTES,
        environment=home,
    )
    if len(files) != 1 or not files[0].startswith(b"\x89PNG"):
        raise ChildError("that is no drawing")
    return files[0]


def _drawn(request: Header, _files: Sequence[bytes]) -> Message:
    panels = [Diagram(**panel) for panel in request["panels"]]
    return {}, [_render(Plot(request["days"], panels, request["decimal_mark"]))]


def _render(plot: Plot) -> bytes:
    import io  # noqa: PLC0415 - with the next ones

    import matplotlib.pyplot as plt  # noqa: PLC0415 - loaded already, see `_load`
    from cycler import cycler  # noqa: PLC0415 - comes with it

    plt.rcParams.update(
        {
            "figure.facecolor": _DARK,
            "axes.facecolor": _DARK,
            "axes.edgecolor": _LIGHT,
            "axes.labelcolor": _LIGHT,
            "text.color": _LIGHT,
            "xtick.color": _LIGHT,
            "ytick.color": _LIGHT,
            "legend.facecolor": _DARK,
            "font.size": FONT_POINTS,
            "axes.prop_cycle": cycler(color=_COLORS),
        }
    )
    figure, axes = plt.subplots(
        len(plot.panels),
        1,
        figsize=(WIDTH_INCHES, 2.1 * len(plot.panels)),
        sharex=True,
        squeeze=False,
    )
    positions = range(len(plot.days))
    for axis, panel in zip(axes[:, 0], plot.panels, strict=True):
        width = 0.8 / max(1, len(panel.series))
        for index, (name, values) in enumerate(panel.series.items()):
            shift = (index - (len(panel.series) - 1) / 2) * width
            axis.bar([place + shift for place in positions], values, width, label=name)
        highest = max((max(values, default=0.0) for values in panel.series.values()), default=0.0)
        axis.set_ylim(0.0, highest * 1.05 or 1.0)  # for days without any value
        axis.set_title(panel.title, loc="left", fontsize=FONT_POINTS + 1)
        axis.set_ylabel(panel.unit)
        axis.yaxis.get_major_locator().set_params(integer=not panel.unit)
        axis.yaxis.set_major_formatter(lambda at, _: f"{at:g}".replace(".", plot.decimal_mark))
        axis.grid(axis="y", alpha=0.2)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        if len(panel.series) > 1:
            axis.legend(
                loc="lower right",
                bbox_to_anchor=(1.0, 1.0),  # beside the title, clear of the bars
                ncol=len(panel.series),
                borderaxespad=0.2,
                frameon=False,
                fontsize=FONT_POINTS,
                handlelength=1.0,
                columnspacing=1.0,
            )
    step = max(1, -(-len(plot.days) // DAYS_NAMED))
    axes[-1, 0].set_xticks(list(positions)[::step], plot.days[::step])
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    return buffer.getvalue()


def _load() -> None:
    """Import all that drawing needs while files may still be read."""
    import matplotlib as mpl  # noqa: PLC0415 - only the child has the memory for it

    mpl.use("agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - the backend has to be set before

    figure = plt.figure()
    figure.text(0, 0, "0")
    figure.canvas.draw()
    plt.close(figure)


def main() -> None:
    """Drop the rights that drawing does not need, and serve until standard input closes."""
    leave_network()
    _load()
    confine(memory_bytes=MEMORY_BYTES, folder=None, readable=readable_modules())
    serve(_drawn)


if __name__ == "__main__":
    main()
