"""`python -m tools.crowsonkb paint|table|sheets|unblind OUT`: comparison with crowsonkb.

`paint` paints pairs with the program in the folder `--program`, and with ours at several strengths;
pictures that exist are skipped, so an interrupted run can be continued. `table` measures and
counts. `sheets` makes a sheet per pair with the pictures in random order; the user writes choices
into `choices.txt` there, and `unblind` evaluates them.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from common.options import PaintOptions
from engine.networks.registry import NetworkSource
from engine.networks.vgg19 import Vgg19
from engine.painting import Studio
from tools.checkouts import ROOT
from tools.crowsonkb.blind import LETTERS, ChoicesError, order, sheet, unblinded
from tools.crowsonkb.compare import STYLES, Comparison, as_markdown, compare, place, seconds_of
from tools.crowsonkb.program import Program, ProgramError
from tools.evaluation.likeness import Likeness, Panel
from tools.pictures import (
    Pair,
    keep,
    load_pairs,
    make_sheet,
    open_rgb,
    paint_pair,
    picture_file,
)

DEFAULT = 0.5
STRENGTHS = (0.3, 0.5, 0.7)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns 0, or 2 with a message on stderr."""
    chosen = _parser().parse_args(arguments)
    try:
        pairs = load_pairs(chosen.shared, chosen.pairs.split(",") if chosen.pairs else None)
    except KeyError as problem:
        print(f"There is no pair {problem}.", file=sys.stderr)
        return 2
    chosen.out.mkdir(parents=True, exist_ok=True)
    try:
        match chosen.what:
            case "paint":
                _paint(chosen, pairs)
            case "table":
                print(_table(chosen, _painted(chosen, pairs)))
            case "sheets":
                _sheets(chosen, _painted(chosen, pairs))
            case _:
                names = (ours(DEFAULT), theirs(chosen.share))
                table, counts = unblinded(
                    chosen.out / "choices.txt", chosen.seed, names, [one.name for one in pairs]
                )
                print(table, counts, sep="\n\n")
                _named_sheet(chosen, _painted(chosen, pairs))
    except (ProgramError, ChoicesError) as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


def ours(strength: float) -> str:
    """Name of our picture of that strength."""
    return f"atelier-{strength:g}"


def theirs(share: float) -> str:
    """Name of the program's picture after that share of its iterations."""
    return "crowsonkb" if share == 1 else f"crowsonkb-{share:g}"


def _paint(chosen: argparse.Namespace, pairs: Sequence[Pair]) -> None:
    torch.set_num_threads(1)
    program = None
    studio = Studio(precision=chosen.precision)
    for pair in pairs:
        for strength in chosen.strengths:
            if not picture_file(chosen.out, pair, ours(strength)).is_file():
                options = PaintOptions(size_px=chosen.size, network="vgg19", strength=strength)
                keep(chosen.out, pair, ours(strength), *paint_pair(pair, options, studio))
        name = theirs(chosen.share)
        if not picture_file(chosen.out, pair, name).is_file():
            program = program or Program(
                chosen.program,
                NetworkSource().weights(),
                precision=chosen.precision,
                own_roots=chosen.own_roots,
            )
            pictures = open_rgb(pair.content), open_rgb(pair.style)
            keep(chosen.out, pair, name, *program.paint(*pictures, chosen.size, chosen.share))


def _painted(chosen: argparse.Namespace, pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs that have all pictures."""
    names = [theirs(chosen.share), *(ours(one) for one in chosen.strengths)]
    return [
        one for one in pairs if all(picture_file(chosen.out, one, name).is_file() for name in names)
    ]


def _table(chosen: argparse.Namespace, pairs: Sequence[Pair]) -> str:
    measures = _Measures(chosen.out / "measures.json")
    took = seconds_of(chosen.out / "seconds.jsonl")
    found: dict[str, dict[str, Comparison]] = {}
    seconds: dict[str, str] = {}
    for pair in pairs:
        mine = [ours(one) for one in chosen.strengths]
        measured = {
            name: measures.of(picture_file(chosen.out, pair, name), pair)
            for name in (*mine, theirs(chosen.share))
        }
        found[pair.name] = {
            style: compare(
                [place(measured[name], style) for name in mine],
                place(measured[theirs(chosen.share)], style),
            )
            for style in STYLES
        }
        both = (took[pair.name, theirs(chosen.share)], took[pair.name, ours(DEFAULT)])
        seconds[pair.name] = " / ".join(f"{one:.0f}" for one in both)
    return as_markdown(found, seconds)


class _Measures:
    """Measurements of pictures, cached in a file, as each takes seconds."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        self._panel: Panel | None = None

    def of(self, picture: Path, pair: Pair) -> list[Likeness]:
        """The measurements at both scales."""
        if picture.name not in self._known:
            torch.set_num_threads(1)
            self._panel = self._panel or Panel(Vgg19(NetworkSource().weights()))
            found = self._panel.measure(picture, pair.content, pair.style)
            self._known[picture.name] = [asdict(one) for one in found]
            self._file.write_text(json.dumps(self._known), encoding="utf-8")
        return [Likeness(**one) for one in self._known[picture.name]]


def _sheets(chosen: argparse.Namespace, pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        names = order(pair.name, chosen.seed, (ours(DEFAULT), theirs(chosen.share)))
        pictures = [open_rgb(picture_file(chosen.out, pair, name)) for name in names]
        lettered = dict(zip(LETTERS, pictures, strict=True))
        made = sheet(open_rgb(pair.content), open_rgb(pair.style), lettered, chosen.height)
        made.save(chosen.out / f"blind-{pair.name}.png")


def _named_sheet(chosen: argparse.Namespace, pairs: Sequence[Pair]) -> None:
    """A sheet with a row per pair and the pictures' names, as `sheet.jpg`."""
    rows = []
    for pair in pairs:
        files = {"photograph": pair.content, "painting": pair.style}
        for name in (ours(DEFAULT), theirs(chosen.share)):
            files[name] = picture_file(chosen.out, pair, name)
        rows.append([(name, open_rgb(file)) for name, file in files.items()])
    make_sheet(rows, chosen.height).save(chosen.out / "sheet.jpg", quality=88)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.crowsonkb", description=__doc__)
    parser.add_argument("what", choices=("paint", "table", "sheets", "unblind"))
    parser.add_argument("out", type=Path, help="folder of the pictures and of all else")
    parser.add_argument("--program", type=Path, default=Path("crowsonkb"))
    parser.add_argument("--share", type=float, default=1.0, help="of the program's iterations")
    parser.add_argument("--own-roots", action="store_true", help="ten times slower matrix roots")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--pairs", help="names between commas; default: all of pairs.toml")
    parser.add_argument("--size", type=int, default=256, help="longest side in pixels")
    parser.add_argument("--strengths", type=float, nargs="+", default=STRENGTHS, help="of ours")
    parser.add_argument("--seed", type=int, default=0, help="of the order in the sheets")
    parser.add_argument("--height", type=int, default=480, help="of the pictures in the sheets")
    parser.add_argument("--precision", default="bf16", choices=("bf16", "fp32"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
