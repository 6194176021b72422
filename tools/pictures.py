"""`python -m tools.pictures OUT`: paint pairs in variants of the options, as a sheet and a table.

A variant is `NAME=OPTIONS`, with the options as JSON, such as `strong={"strength": 0.7}`; the
default is `default={}`. Pictures that exist are skipped, so an interrupted run can be continued.
`--files NAME=PATTERN` adds pictures of other programs, with `{pair}` in the pattern.
"""

import argparse
import json
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import skimage
import torch
from PIL import Image, ImageDraw

from common.options import PaintOptions
from engine.networks.registry import NetworkSource
from engine.networks.vgg19 import Vgg19
from engine.painting import Picture, Studio, Style, paint
from engine.pipeline.listeners import run_with_listeners
from tools.checkouts import ROOT
from tools.evaluation.likeness import PAINTING, PHOTOGRAPH, Likeness, Panel, as_markdown, mean_of

PAIRS = Path(__file__).parent / "pairs.toml"
_CAPTION_PX, _GAP_PX = 14, 4
_WIDEST = 1.4
"""Maximum width of a picture in a sheet, relative to its height; wider ones are cropped at the
right."""


@dataclass(frozen=True)
class Pair:
    """The files of a photograph and a painting."""

    name: str
    content: Path
    style: Path


def load_pairs(shared: Path, names: Sequence[str] | None = None) -> list[Pair]:
    """The pairs of pairs.toml, or those of these names, with files below a folder.

    Raises:
        KeyError: there is no pair of a name.
    """
    rows = tomllib.loads(PAIRS.read_text(encoding="utf-8"))
    return [
        Pair(name, _file(shared, rows[name]["content"]), _file(shared, rows[name]["style"]))
        for name in (names or rows)
    ]


def paint_pair(pair: Pair, options: PaintOptions, studio: Studio) -> tuple[Image.Image, float]:
    """Paint a pair; returns the picture and processor seconds."""
    content, style = (Picture.from_image(Image.open(one)) for one in (pair.content, pair.style))
    begun = time.process_time()
    painted = run_with_listeners(paint(content, [Style(style)], options, studio=studio))
    return painted.picture.to_image(), time.process_time() - begun


def make_sheet(rows: Iterable[Sequence[tuple[str, Image.Image]]], height_px: int) -> Image.Image:
    """Rows of captioned pictures, all as high as that."""
    drawn = [_row(row, height_px) for row in rows]
    width = max(row.width for row in drawn)
    sheet = Image.new("RGB", (width, sum(row.height for row in drawn)), "white")
    top = 0
    for row in drawn:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def main(arguments: Sequence[str] | None = None) -> int:
    """Paint, lay out and measure; 0."""
    chosen = _parser().parse_args(arguments)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    pairs = load_pairs(chosen.shared, chosen.pairs.split(",") if chosen.pairs else None)
    variants = dict(_variant(one) for one in chosen.variants or ["default={}"])
    chosen.out.mkdir(parents=True, exist_ok=True)
    studio = Studio(precision=chosen.precision)
    rows: list[list[tuple[str, Image.Image]]] = []
    found: list[dict[str, list[Likeness]]] = []
    panel = None if chosen.no_table else Panel(Vgg19(NetworkSource().weights()))
    for pair in pairs:
        made = {name: picture_file(chosen.out, pair, name) for name in variants}
        for name, file in made.items():
            if not file.is_file():
                given = {"size_px": chosen.size, "network": "vgg19", **variants[name]}
                keep(chosen.out, pair, name, *paint_pair(pair, PaintOptions(**given), studio))
        for name, pattern in (one.split("=", 1) for one in chosen.files):
            made[name] = Path(pattern.format(pair=pair.name))
        there = {name: open_rgb(file) for name, file in made.items()}
        originals = [(pair.name, open_rgb(pair.content)), ("painting", open_rgb(pair.style))]
        rows.append(originals + list(there.items()))
        make_sheet(rows, chosen.height).save(chosen.out / "sheet.jpg", quality=90)
        if panel is not None:
            results: dict[str, Any] = dict(there)
            found.append(panel.table(results, pair.content, pair.style))
            _write_table(chosen.out / "table.md", found, variants, panel.scales)
    return 0


def keep(folder: Path, pair: Pair, name: str, image: Image.Image, seconds: float) -> None:
    """Save a pair's picture atomically, and append the seconds to `seconds.jsonl`."""
    part = folder / "part.png"
    image.save(part)
    part.replace(picture_file(folder, pair, name))
    with (folder / "seconds.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"pair": pair.name, "picture": name, "seconds": seconds}) + "\n")
    now = time.strftime("%H:%M")
    print(f"{now} {pair.name}, {name}: {seconds:.1f} processor seconds", flush=True)


def picture_file(folder: Path, pair: Pair, name: str) -> Path:
    """Path of a pair's picture."""
    return folder / f"{pair.name}-{name}.png"


def open_rgb(file: Path) -> Image.Image:
    """A picture file in RGB."""
    return Image.open(file).convert("RGB")


def _write_table(
    file: Path,
    found: Sequence[Mapping[str, Sequence[Likeness]]],
    variants: Mapping[str, Any],
    scales: Sequence[float],
) -> None:
    names = [
        PHOTOGRAPH,
        PAINTING,
        *(name for name in found[0] if name not in {PHOTOGRAPH, PAINTING}),
    ]
    rows = {
        name: [mean_of([table[name][number] for table in found]) for number in range(len(scales))]
        for name in names
    }
    told = "\n".join(f"- {name}: `{json.dumps(values)}`" for name, values in variants.items())
    text = f"Means of {len(found)} pairs.\n\n{as_markdown(rows, scales)}\n\n{told}\n"
    file.write_text(text, encoding="utf-8")


def _row(pictures: Sequence[tuple[str, Image.Image]], height_px: int) -> Image.Image:
    resized = []
    for caption, image in pictures:
        width = max(1, round(image.width * height_px / image.height))
        fitted = image.resize((width, height_px), Image.Resampling.LANCZOS)
        resized.append(
            (caption, fitted.crop((0, 0, min(width, round(height_px * _WIDEST)), height_px)))
        )
    width = sum(image.width + _GAP_PX for _, image in resized)
    row = Image.new("RGB", (width, height_px + _CAPTION_PX + _GAP_PX), "white")
    draw = ImageDraw.Draw(row)
    left = 0
    for caption, image in resized:
        draw.text((left, 0), caption, fill="black")
        row.paste(image, (left, _CAPTION_PX))
        left += image.width + _GAP_PX
    return row


def _file(shared: Path, name: str) -> Path:
    if name.startswith("skimage/"):
        return Path(skimage.__file__).parent / "data" / name.removeprefix("skimage/")
    return shared / "images" / name


def _variant(text: str) -> tuple[str, dict[str, Any]]:
    name, _, values = text.partition("=")
    return name, json.loads(values or "{}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.pictures", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the pictures, the sheet and the table")
    parser.add_argument("variants", nargs="*", metavar="NAME=OPTIONS")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--pairs", help="names between commas; default: all of pairs.toml")
    parser.add_argument("--files", nargs="*", default=[], metavar="NAME=PATTERN")
    parser.add_argument("--size", type=int, default=512, help="longest side in pixels")
    parser.add_argument("--height", type=int, default=256, help="of the pictures in the sheet")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, help="of the CPU; default: all")
    parser.add_argument("--no-table", action="store_true", help="only paint")
    return parser


if __name__ == "__main__":
    sys.exit(main())
