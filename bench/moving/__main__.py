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
from bench.moving.clips import (
    FRAMES,
    MAKERS,
    MadeClip,
    add_arguments,
    make_clips,
    painting_of,
)
from bench.moving.measuring import style_distance, warping_errors
from bench.report import publish, table, without_places
from common.options import PaintOptions
from engine.moving.events import ClipPainted
from engine.output.pictures import write_picture
from engine.painting import Control, Picture, Studio, Style, paint
from engine.pipeline.listeners import run_with_listeners
from tools.evaluation import Judge

SHOWN = (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22)
"""Frames of the contact sheets."""
_FEW = 6
_NETWORK, _SIZE_PX = "lite", 192
"""Default network and size."""


@dataclass(frozen=True)
class Measured:
    """Results for a clip, painted as a clip and frame by frame."""

    clip: str
    frames: int
    seconds_alone: float
    """Processor seconds for all frames, painted independently."""
    seconds: float
    """Processor seconds for the clip."""
    anew: tuple[int, ...]
    """Frames that were restarted."""
    steady: "Steady | None"
    """None if only the cost was measured."""

    @property
    def later_frame(self) -> float:
        """Work of each later frame, relative to one painted alone; see `CLIP_FRAME_WORK`."""
        share = self.seconds / self.seconds_alone
        return (share * self.frames - 1) / max(1, self.frames - 1)


@dataclass(frozen=True)
class Steady:
    """Temporal stability and style distance of a clip."""

    error_alone: float
    error: float
    """Warping errors, in levels."""
    error_of_photographs: float
    style_alone: float
    style: float


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
    judge, studio, found = None if chosen.only_cost else Judge.load(), Studio(), []
    for name in chosen.clips or made:
        print(f"… {name}", flush=True)
        one = _measure(name, made[name], studio=studio, judge=judge, chosen=chosen)
        print(one, flush=True)
        found.append(one)
    text = _text(found, chosen)
    usual = (chosen.network, chosen.size) == (_NETWORK, _SIZE_PX)
    name = "moving" if usual else f"moving_{chosen.network}_{chosen.size}"
    publish(
        chosen.out / f"{name}.md",
        "Moving pictures: steadiness and cost",
        text,
        found,
        machine=machine("cpu"),
        command="python -m bench.moving " + " ".join(without_places(arguments or sys.argv[1:])),
        quick=False,
        if_busy="Processor seconds are counted, so this changes little.",
    )
    return 0


def _measure(
    name: str,
    clip: MadeClip,
    *,
    studio: Studio,
    judge: Judge | None,
    chosen: argparse.Namespace,
) -> Measured:
    options = PaintOptions(size_px=chosen.size, network=chosen.network)
    style = Style(Picture.from_image(Image.open(chosen.style)))
    with _processor() as alone_clock:
        alone = [
            run_with_listeners(
                paint(Picture.from_image(image), [style], options, studio=studio)
            ).picture.to_image()
            for image in clip.images
        ]
    with tempfile.TemporaryDirectory() as folder:
        with _processor() as clock:
            work = painting_of(clip, chosen, Path(folder), studio, Control())
            done = [event for event in work.paint() if isinstance(event, ClipPainted)]
        painted = list(work.finished())
    if chosen.sheets is not None:
        for kind, frames in (("", painted), ("-alone", alone)):
            sheet = _sheet([frames[number] for number in SHOWN if number < len(frames)])
            write_picture(
                Picture.from_image(sheet),
                chosen.sheets / f"moving-{name}{kind}.{chosen.sheet_kind}",
            )
    steady = None
    if judge is not None:
        errors = warping_errors(clip.images, alone, painted, clip.images)
        styles = (style_distance(judge, frames, chosen.style) for frames in (alone, painted))
        steady = Steady(*errors, *styles)
    seconds = alone_clock.seconds, clock.seconds
    return Measured(name, len(clip), *seconds, done[-1].anew, steady)


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
    head: tuple[str, ...] = ("clip", "frames", "begun anew", "processor s, alone", "as a clip")
    head, rows = (*head, "share", "a later frame"), [_cost_cells(one) for one in found]
    said = f"{chosen.size} px with `{chosen.network}`. "
    if not chosen.only_cost:
        head = (*head, "warping error, alone", "as a clip", "share")
        head = (*head, "photographs", "style distance, alone", "as a clip", "share")
        rows = [_cost_cells(one) + _steady_cells(one.steady) for one in found if one.steady]
        said += (
            "The warping error is in levels of 255, by the flow of TV-L1 where Farneback's agrees; "
            "that of the photographs is what this flow leaves. "
        )
    said += "What a later frame costs is in parts of one alone.\n\n"
    return said + table(head, rows)


def _cost_cells(one: Measured) -> tuple[str, ...]:
    return (
        one.clip,
        str(one.frames),
        ", ".join(map(str, one.anew)),
        f"{one.seconds_alone:.1f}",
        f"{one.seconds:.1f}",
        f"{one.seconds / one.seconds_alone:.2f}",
        f"{one.later_frame:.2f}",
    )


def _steady_cells(one: Steady) -> tuple[str, ...]:
    return (
        f"{one.error_alone:.1f}",
        f"{one.error:.1f}",
        f"{one.error / one.error_alone:.2f}",
        f"{one.error_of_photographs:.1f}",
        f"{one.style_alone:.3f}",
        f"{one.style:.3f}",
        f"{one.style / one.style_alone:.3f}",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.moving", description=__doc__)
    parser.add_argument("--clips", nargs="+", choices=tuple(MAKERS), help="some of the six")
    parser.add_argument(
        "--frames", type=int, default=FRAMES, help="of each clip that does not loop, from its first"
    )
    add_arguments(parser, size_px=_SIZE_PX, threads=os.cpu_count() or 1)
    parser.add_argument("--only-cost", action="store_true", help="measure nothing but the cost")
    parser.add_argument("--sheets", type=Path, help="a folder for contact sheets")
    parser.add_argument("--sheet-kind", choices=("png", "jpg"), default="jpg")
    return parser


if __name__ == "__main__":
    sys.exit(main())
