"""`python -m tools.rounded_weights`: what rounding VGG-19's weights to 256 values changes.

Paints each pair with exact weights, with those that come along cut to the same depth, and with
the exact ones on two threads, and prints a table of how far the second and the third are from the
first. float32, the same seed.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from common.options import PaintOptions
from engine.networks.original import original_weights
from engine.networks.vgg19 import CONVOLUTIONS, Vgg19, Vgg19Weights
from engine.networks.weights import load_weights
from engine.painting import Picture, Studio, Style, paint
from engine.pipeline.listeners import run_with_listeners
from tools.evaluation import Judge, Verdict
from tools.pictures import open_rgb

_HEAD = """\
| content | style | rounded: levels | style | content | 2 threads: levels | style | content |
|---|---|--:|--:|--:|--:|--:|--:|"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tools.rounded_weights", description=__doc__)
    parser.add_argument("weights", type=Path, help="exact ones, as far as they go")
    parser.add_argument("--contents", type=Path, nargs="+", required=True)
    parser.add_argument("--styles", type=Path, nargs="+", required=True)
    parser.add_argument("--size", type=int, default=256)
    chosen = parser.parse_args()
    exact, rounded = load_weights(chosen.weights), original_weights()
    depth = len(exact.present())
    keys = {f"{one.key}.{part}" for one in CONVOLUTIONS[:depth] for part in ("weight", "bias")}
    rounded = replace(rounded, tensors={name: rounded.tensors[name] for name in keys})
    judge = Judge.load()
    print(_HEAD)
    for content, style in ((a, b) for a in chosen.contents for b in chosen.styles):
        pair = Picture.from_image(open_rgb(content)), Picture.from_image(open_rgb(style))
        base, other, threads = (
            _painted(pair, weights, threads, chosen.size)
            for weights, threads in ((exact, 1), (rounded, 1), (exact, 2))
        )
        first = _verdict(judge, base, pair)
        row = [content.stem, style.stem]
        for one in (other, threads):
            verdict = _verdict(judge, one, pair)
            row += [
                f"{float((one.pixels - base.pixels).abs().mean()) * 255:.2f}",
                f"{verdict.style_distance / first.style_distance - 1:+.1%}",
                f"{verdict.content_distance / first.content_distance - 1:+.1%}",
            ]
        print("| " + " | ".join(row) + " |", flush=True)


def _painted(
    pair: tuple[Picture, Picture], weights: Vgg19Weights, threads: int, size_px: int
) -> Picture:
    torch.set_num_threads(threads)
    studio = Studio(precision="fp32", opener=lambda *_, **options: Vgg19(weights, **options))
    options = PaintOptions(size_px=size_px, network="vgg19")
    return run_with_listeners(paint(pair[0], [Style(pair[1])], options, studio=studio)).picture


def _verdict(judge: Judge, painted: Picture, pair: tuple[Picture, Picture]) -> Verdict:
    return judge.judge(*(one.to_image() for one in (painted, *pair)))


if __name__ == "__main__":
    main()
