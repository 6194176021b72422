"""`python -m tools.lite.compare`: compares the lite network with VGG-19 on the same pictures.

Both paint every pair with the default options; the original VGG-19 judges on layers that neither
optimizes. Results are kept in a folder, one file per painting, so an interrupted run can be
continued; `table.md` and `pairs.jpg` are written at the end.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import torch
from PIL import Image

from common.options import NETWORKS, NetworkName, PaintOptions
from engine.networks.registry import NetworkSource
from engine.networks.vgg19 import Vgg19
from engine.painting import Studio
from tools.evaluation import Judge, measures
from tools.evaluation.pictures import as_tensor, fit_longest
from tools.pictures import Pair, make_sheet, open_rgb, paint_pair

LAYERS = ("relu1_2", "relu2_2", "relu3_2", "relu3_4", "relu4_3", "relu5_2")
"""Layers of the original VGG-19 for judging, none of which either network optimizes."""
FIGURES = (
    "two_pixel_photograph",
    "two_pixel_painting",
    "border_detail",
    "foreign_colors",
    "cpu_seconds",
)


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
    folder: Path = chosen.output
    folder.mkdir(parents=True, exist_ok=True)
    source = NetworkSource(chosen.weights)
    judge = Judge(Vgg19(source.weights()), style_layers=LAYERS)
    studio = Studio(source, precision=chosen.precision)
    few = {"size_px": chosen.size, "iterations": chosen.iterations, "scales": chosen.scales}
    pairs = pairs_of(chosen.contents, chosen.styles)
    for network, pair in itertools.product(chosen.networks, pairs):
        file = folder / f"{pair.name}.{network}.json"
        if not file.exists():
            image, seconds = paint_pair(pair, PaintOptions(network=network, **few), studio)
            image.convert("RGB").save(file.with_suffix(".png"))
            row = measured(image.convert("RGB"), pair, judge) | {"cpu_seconds": seconds}
            file.write_text(json.dumps({name: round(one, 4) for name, one in row.items()}) + "\n")
            print(f"{file.stem}: {row['style_distance']:.3f}, {row['content_distance']:.3f}")
    write_table(folder, pairs)
    return 0


def pairs_of(contents: Sequence[Path], styles: Sequence[Path]) -> list[Pair]:
    """Every second combination, so that each picture occurs about equally often."""
    grid = itertools.product(enumerate(contents), enumerate(styles))
    return [
        Pair(f"{content.stem}-{style.stem}", content, style)
        for (i, content), (j, style) in grid
        if (i + j) % 2 == 0
    ]


def measured(image: Image.Image, pair: Pair, judge: Judge) -> dict[str, float]:
    """Measurements of a painting: `FIGURES`, its distances, and those of each layer."""
    verdict = judge.judge(image, pair.content, pair.style)
    photograph = open_rgb(pair.content).resize(image.size, Image.Resampling.LANCZOS)
    painting = fit_longest(open_rgb(pair.style), max(image.size))
    made, kept, wanted = (
        as_tensor(one, torch.device("cpu")) for one in (image, photograph, painting)
    )
    return {
        "style_distance": verdict.style_distance,
        "content_distance": verdict.content_distance,
        "two_pixel_photograph": measures.two_pixel_ratio(made, kept),
        "two_pixel_painting": measures.two_pixel_ratio(made, wanted),
        "border_detail": verdict.border_detail,
        "foreign_colors": verdict.foreign_colors,
        **verdict.style_by_layer,
    }


def write_table(folder: Path, pairs: Sequence[Pair]) -> None:
    """`table.md` and `pairs.jpg` of all pairs that both networks have painted."""
    found: dict[str, dict[NetworkName, dict[str, float]]] = {}
    shown: list[list[tuple[str, Image.Image]]] = []
    for pair in pairs:
        files = {network: folder / f"{pair.name}.{network}.json" for network in NETWORKS}
        if all(file.exists() for file in files.values()):
            found[f"{pair.content.stem} | {pair.style.stem}"] = {
                name: json.loads(file.read_text()) for name, file in files.items()
            }
            shown.append(
                [
                    (f"{pair.name}, {network}", open_rgb(file.with_suffix(".png")))
                    for network, file in files.items()
                ]
            )
    if not found:
        return
    figures = ("style_distance", "content_distance", *FIGURES, *LAYERS)
    means = {
        network: {one: mean(row[network][one] for row in found.values()) for one in figures}
        for network in NETWORKS
    }
    head = "content | style | style, VGG-19 | style, lite | ratio | content, VGG-19 | content, lite"
    lines = [f"| {head} |", "|---|---|---|---|---|---|---|"]
    for name, row in {**found, f"**mean of {len(found)}** | ": means}.items():
        vgg19, lite = row["vgg19"], row["lite"]
        lines.append(
            f"| {name} | {vgg19['style_distance']:.3f} | {lite['style_distance']:.3f} "
            f"| {lite['style_distance'] / vgg19['style_distance']:.2f} "
            f"| {vgg19['content_distance']:.3f} | {lite['content_distance']:.3f} |"
        )
    lines += ["", "| mean of | VGG-19 | lite | ratio |", "|---|--:|--:|--:|"]
    for figure in (*FIGURES, *LAYERS):
        one, other = means["vgg19"][figure], means["lite"][figure]
        words = figure.replace("_", " ") if figure in FIGURES else f"style distance, {figure}"
        lines.append(f"| {words} | {one:.3f} | {other:.3f} | {other / max(one, 1e-9):.2f} |")
    (folder / "table.md").write_text("\n".join(lines) + "\n")
    height = max(image.height for row in shown for _, image in row)
    make_sheet(shown, height).save(folder / "pairs.jpg", quality=85)


if __name__ == "__main__":
    sys.exit(main())
