"""`python -m bench.moving`: six clips, each painted as a clip and frame by frame alone."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from bench.children.judge import machine
from bench.moving.clips import FRAMES, MAKERS, MadeClip, make_clips
from bench.moving.measuring import style_distance, warping_errors
from bench.report import publish, table
from bench.runner import DEFAULT_STYLE, ROOT
from common.options import NETWORKS, PaintOptions
from engine.moving.events import ClipPainted
from engine.moving.painted_frames import PaintedFrames
from engine.moving.painting import ClipPainting
from engine.output import write_picture
from engine.painting import Painted, Picture, Studio, Style, paint
from engine.pipeline import Pictures
from tools.evaluation import Judge

SHOWN = (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22)
"""Frames of the contact sheets."""
_FEW = 6


@dataclass(frozen=True)
class Measured:
    """A clip, painted both ways."""

    clip: str
    seconds_alone: float
    """Of the processor, for all frames painted each alone."""
    seconds: float
    """For the clip."""
    error_alone: float
    error: float
    """Warping errors, in levels."""
    error_of_photographs: float
    style_alone: float
    style: float
    anew: tuple[int, ...]
    """Frames begun anew."""


@dataclass
class _Clock:
    seconds: float = field(default=0.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the table and the sheets."""
    chosen = _parser().parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    clips = make_clips(chosen.shared, chosen.size)
    made = {name: clip.begun(chosen.frames) for name, clip in clips.items()}
    if chosen.sheets is not None:
        chosen.sheets.mkdir(parents=True, exist_ok=True)
    judge, studio, found = Judge.load(), Studio(), []
    for name in chosen.clips or made:
        print(f"… {name}", flush=True)
        one = _measure(name, made[name], studio=studio, judge=judge, chosen=chosen)
        print(one, flush=True)
        found.append(one)
    text = _text(found, chosen)
    publish(
        chosen.out / "moving.md",
        "Moving pictures: steadiness and cost",
        text,
        found,
        machine=machine("cpu"),
        command="python -m bench.moving " + " ".join(arguments or sys.argv[1:]),
        quick=False,
        if_busy="Processor seconds are counted, so this changes little.",
    )
    return 0


def _measure(
    name: str,
    clip: MadeClip,
    *,
    studio: Studio,
    judge: Judge,
    chosen: argparse.Namespace,
) -> Measured:
    options = PaintOptions(size_px=chosen.size, network=chosen.network)
    style = Style(Picture.from_image(Image.open(chosen.style)))
    with _processor() as alone_clock:
        alone = [
            event.picture.to_image()
            for image in clip.images
            for event in paint(Picture.from_image(image), [style], options, studio=studio)
            if isinstance(event, Painted)
        ]
    with tempfile.TemporaryDirectory() as folder:
        with _processor() as clock:
            first = Picture.from_image(clip.frame(0))
            pictures = Pictures(first, (style,), None, None, chosen.network)
            work = ClipPainting(clip, pictures, options, studio, PaintedFrames(Path(folder)))
            done = [event for event in work.paint() if isinstance(event, ClipPainted)]
        painted = list(work.finished())
    if chosen.sheets is not None:
        for kind, frames in (("", painted), ("-alone", alone)):
            sheet = _sheet([frames[number] for number in SHOWN if number < len(frames)])
            write_picture(
                Picture.from_image(sheet),
                chosen.sheets / f"moving-{name}{kind}.{chosen.sheet_kind}",
            )
    error_alone, error, of_photographs = warping_errors(clip.images, alone, painted, clip.images)
    return Measured(
        name,
        alone_clock.seconds,
        clock.seconds,
        error_alone,
        error,
        of_photographs,
        style_distance(judge, alone, chosen.style),
        style_distance(judge, painted, chosen.style),
        done[-1].anew,
    )


@contextmanager
def _processor() -> Iterator[_Clock]:
    clock, began = _Clock(), time.process_time()
    yield clock
    clock.seconds = time.process_time() - began


def _sheet(frames: Sequence[Image.Image]) -> Image.Image:
    columns = 4 if len(frames) > _FEW else 3
    width, height = frames[0].size
    sheet = Image.new("RGB", (columns * width, -(-len(frames) // columns) * height))
    for number, frame in enumerate(frames):
        row, column = divmod(number, columns)
        sheet.paste(frame.convert("RGB"), (column * width, row * height))
    return sheet


def _text(found: Sequence[Measured], chosen: argparse.Namespace) -> str:
    head = (
        "clip",
        "processor s, alone",
        "as a clip",
        "share",
        "warping error, alone",
        "as a clip",
        "share",
        "photographs",
        "style distance, alone",
        "as a clip",
        "begun anew",
    )
    rows = [
        (
            one.clip,
            f"{one.seconds_alone:.1f}",
            f"{one.seconds:.1f}",
            f"{one.seconds / one.seconds_alone:.2f}",
            f"{one.error_alone:.1f}",
            f"{one.error:.1f}",
            f"{one.error / one.error_alone:.2f}",
            f"{one.error_of_photographs:.1f}",
            f"{one.style_alone:.3f}",
            f"{one.style:.3f}",
            ", ".join(map(str, one.anew)),
        )
        for one in found
    ]
    said = (
        f"{chosen.frames} frames of {chosen.size} px with `{chosen.network}`. The warping error is "
        "in levels of 255, by the flow of TV-L1 where Farneback's agrees; that of the photographs "
        "is what this flow leaves.\n\n"
    )
    return said + table(head, rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.moving", description=__doc__)
    parser.add_argument("--clips", nargs="+", choices=tuple(MAKERS), help="some of the six")
    parser.add_argument("--size", type=int, default=192, help="longer side, px")
    parser.add_argument("--frames", type=int, default=FRAMES, help="of each clip, from its first")
    parser.add_argument("--network", choices=NETWORKS, default="lite")
    parser.add_argument("--style", type=Path, default=DEFAULT_STYLE)
    parser.add_argument("--shared", type=Path, default=ROOT / "../shared")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--sheets", type=Path, help="a folder for contact sheets")
    parser.add_argument("--sheet-kind", choices=("png", "jpg"), default="jpg")
    return parser


if __name__ == "__main__":
    sys.exit(main())
