"""`python -m tools.lite.compare`: the lite network beside VGG19, on the same pictures.

Both paint every pair as members have it painted; the true VGG-19 judges on layers that neither
optimises. Results are kept in a folder, a file for each painting, so that a run that was stopped
goes on; `table.md` and `pairs.jpg` are written at the end.
"""

import argparse
import itertools
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import torch
from PIL import Image
from rich.console import Console

from common.options import NETWORKS, PaintOptions
from engine.networks.registry import NetworkSource
from engine.networks.vgg19 import Vgg19
from engine.painting.events import Painted
from engine.painting.inputs import Style
from engine.painting.painter import paint
from engine.painting.picture import Picture
from engine.painting.studio import Studio
from engine.styles.making import picture_from_file
from tools.evaluation import measures
from tools.evaluation.judge import CONTENT_LAYERS, gram
from tools.evaluation.pictures import as_tensor, fit_longest

LAYERS = ("relu1_2", "relu2_2", "relu3_2", "relu3_4", "relu4_3", "relu5_2")
"""Of the true VGG-19, none of which either network optimizes."""
FIGURES = (
    "style_distance",
    "content_distance",
    "two_pixel_photograph",
    "two_pixel_painting",
    "border_detail",
    "foreign_colors",
    "cpu_seconds",
)


@dataclass(frozen=True)
class Comparison:
    """What to paint, and how; None leaves it to quality standard."""

    contents: tuple[Path, ...]
    styles: tuple[Path, ...]
    output: Path
    size_px: int
    precision: str
    iterations: int | None
    scales: int | None

    def pairs(self) -> list[tuple[Path, Path]]:
        """Every second combination, so that each picture is in about as many."""
        grid = itertools.product(enumerate(self.contents), enumerate(self.styles))
        return [(content, style) for (i, content), (j, style) in grid if (i + j) % 2 == 0]


def main(arguments: list[str] | None = None) -> int:
    """Paint what is not painted yet, then write the table. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.lite.compare", description=__doc__)
    parser.add_argument("--contents", type=Path, nargs="+", required=True)
    parser.add_argument("--styles", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", type=Path, help="of VGG-19; default: the original's")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--iterations", type=int, help="at each scale; default: as standard has")
    parser.add_argument("--scales", type=int)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    comparison = Comparison(
        contents=tuple(chosen.contents),
        styles=tuple(chosen.styles),
        output=chosen.output,
        size_px=chosen.size,
        precision=chosen.precision,
        iterations=chosen.iterations,
        scales=chosen.scales,
    )
    comparison.output.mkdir(parents=True, exist_ok=True)
    console = Console()
    source = NetworkSource(chosen.weights)
    teacher = Vgg19(source.weights())
    studio = Studio(source, precision=comparison.precision)
    for network, (content, style) in itertools.product(chosen.networks, comparison.pairs()):
        file = comparison.output / f"{content.stem}-{style.stem}.{network}.json"
        if not file.exists():
            row = paint_pair(comparison, (content, style), network, studio, teacher)
            file.write_text(json.dumps(row, indent=1) + "\n")
            console.print(
                f"{file.stem}: {row['style_distance']:.3f}, {row['content_distance']:.3f}"
            )
    write_table(comparison)
    return 0


def paint_pair(
    comparison: Comparison,
    pair: tuple[Path, Path],
    network: str,
    studio: Studio,
    teacher: Vgg19,
) -> dict[str, object]:
    """Paint one pair with one network, keep the picture, and have it judged."""
    content, style = pair
    photograph, painting = (picture_from_file(file.read_bytes()) for file in pair)
    options = PaintOptions.model_validate(
        {
            "size_px": comparison.size_px,
            "network": network,
            "iterations": comparison.iterations,
            "scales": comparison.scales,
        }
    )
    started = time.process_time()
    painted: Picture | None = None
    for event in paint(photograph, [Style(painting)], options, studio=studio):
        if isinstance(event, Painted):
            painted = event.picture
    assert painted is not None
    seconds = time.process_time() - started
    image = painted.to_image().convert("RGB")
    image.save(comparison.output / f"{content.stem}-{style.stem}.{network}.png")
    found = measured(image, photograph.to_image(), painting.to_image(), teacher)
    found["cpu_seconds"] = seconds
    names = {"content": content.stem, "style": style.stem}
    return names | {name: round(one, 4) for name, one in found.items()}


@torch.no_grad()
def measured(
    image: Image.Image, photograph: Image.Image, painting: Image.Image, teacher: Vgg19
) -> dict[str, float]:
    """The figures of a painting: `‖G − Ĝ‖ / ‖Ĝ‖` of each layer and their mean, and the others."""
    photograph = photograph.convert("RGB").resize(image.size, Image.Resampling.LANCZOS)
    style = fit_longest(painting.convert("RGB"), max(image.size))
    made, kept, wanted = (as_tensor(one, teacher.device) for one in (image, photograph, style))
    ours, theirs = teacher.features(made, LAYERS), teacher.features(wanted, LAYERS)
    before = teacher.features(kept, CONTENT_LAYERS)
    grams = {layer: (gram(ours[layer]), gram(theirs[layer])) for layer in LAYERS}
    by_layer = {
        layer: float((one - its).norm() / its.norm()) for layer, (one, its) in grams.items()
    }
    away = [float((ours[one] - before[one]).norm() / before[one].norm()) for one in CONTENT_LAYERS]
    power, photograph_power, painting_power = (
        max(measures.two_pixel_power(one), measures.LEAST_POWER) for one in (made, kept, wanted)
    )
    return {
        "style_distance": mean(by_layer.values()),
        "content_distance": mean(away),
        "two_pixel_photograph": power / photograph_power,
        "two_pixel_painting": power / painting_power,
        "border_detail": measures.border_detail(made, kept),
        "foreign_colors": measures.foreign_colors(made, kept, wanted),
        **by_layer,
    }


def write_table(comparison: Comparison) -> None:
    """`table.md` and `pairs.jpg` of all pairs that both networks have painted."""
    lines = [
        "| content | style | style, VGG19 | style, lite | ratio | content, VGG19 | content, lite |",
        "|---|---|---|---|---|---|---|",
    ]
    rows: list[tuple[dict[str, float], dict[str, float]]] = []
    shown: list[list[Image.Image]] = []
    for content, style in comparison.pairs():
        name = f"{content.stem}-{style.stem}"
        files = [comparison.output / f"{name}.{network}.json" for network in NETWORKS]
        if not all(file.exists() for file in files):
            continue
        vgg19, lite = (json.loads(file.read_text()) for file in files)
        rows.append((vgg19, lite))
        lines.append(
            f"| {content.stem} | {style.stem} | {vgg19['style_distance']:.3f} "
            f"| {lite['style_distance']:.3f} "
            f"| {lite['style_distance'] / vgg19['style_distance']:.2f} "
            f"| {vgg19['content_distance']:.3f} | {lite['content_distance']:.3f} |"
        )
        shown.append([Image.open(file.with_suffix(".png")).convert("RGB") for file in files])
    if not rows:
        return
    means = {
        (network, figure): mean(row[number][figure] for row in rows)
        for number, network in enumerate(NETWORKS)
        for figure in (*FIGURES, *LAYERS)
    }
    ratio = means["lite", "style_distance"] / means["vgg19", "style_distance"]
    lines.append(
        f"| **mean of {len(rows)}** | | {means['vgg19', 'style_distance']:.3f} "
        f"| {means['lite', 'style_distance']:.3f} | {ratio:.2f} "
        f"| {means['vgg19', 'content_distance']:.3f} | {means['lite', 'content_distance']:.3f} |"
    )
    lines += ["", "| mean of | VGG19 | lite | ratio |", "|---|--:|--:|--:|"]
    for figure in (*FIGURES[2:], *LAYERS):
        one, other = (means[network, figure] for network in ("vgg19", "lite"))
        words = figure.replace("_", " ") if figure in FIGURES else f"style distance, {figure}"
        lines.append(f"| {words} | {one:.3f} | {other:.3f} | {other / max(one, 1e-9):.2f} |")
    (comparison.output / "table.md").write_text("\n".join(lines) + "\n")
    _sheet(shown).save(comparison.output / "pairs.jpg", quality=85)


def _sheet(shown: list[list[Image.Image]], columns: int = 3) -> Image.Image:
    """Pairs side by side, VGG19's painting left and lite's right of it."""
    height = max(image.size[1] for pair in shown for image in pair)
    width = max(image.size[0] for pair in shown for image in pair)
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * (2 * width + 12), rows * (height + 8)), "white")
    for number, pair in enumerate(shown):
        left, top = number % columns * (2 * width + 12), number // columns * (height + 8)
        for place, image in enumerate(pair):
            sheet.paste(image, (left + place * (width + 2), top))
    return sheet


if __name__ == "__main__":
    sys.exit(main())
