"""`python -m bench.moving.stopping`: the longest time for which a clip ignores a cancel."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import torch

from bench.children.judge import machine
from bench.moving.clips import MAKERS, MadeClip, add_arguments, make_clips, painting_of
from bench.report import publish, table, without_places
from common.clips.clip import read_clip, write_clip
from common.clips.encoding import CLIP_KINDS, encode_clip
from engine.moving.events import FramePainted, FrameStepped
from engine.painting import Control, Studio


@dataclass(frozen=True)
class Looked:
    """Number of cancellation checks in a part of the work, and the longest gap between two."""

    part: str
    looks: int
    seconds: float
    """Of the processor."""


@dataclass
class _Looks:
    """A cancellation check that never cancels, and records its calls."""

    part: str = "beginning"
    counts: dict[str, int] = field(default_factory=dict)
    longest: dict[str, float] = field(default_factory=dict)
    _at: float = field(default_factory=time.process_time)

    def __call__(self) -> bool:
        now = time.process_time()
        self.counts[self.part] = self.counts.get(self.part, 0) + 1
        self.longest[self.part] = max(self.longest.get(self.part, 0.0), now - self._at)
        self._at = now
        return False

    def found(self) -> list[Looked]:
        """The results by part, in order."""
        return [Looked(part, self.counts[part], self.longest[part]) for part in self.counts]


def main(arguments: Sequence[str] | None = None) -> int:
    """Paint a clip, encode it as the worker does, and write the table."""
    chosen = _parser().parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    clip = make_clips(chosen.shared, chosen.size)[chosen.clip].begun(chosen.frames)
    found = _painted(clip, chosen)
    rows = [(one.part, str(one.looks), f"{one.seconds:.2f}") for one in found]
    publish(
        chosen.out / f"moving_stopping_{chosen.network}.md",
        "Moving pictures: how soon a cancel is seen",
        f"{len(clip)} frames of {chosen.size} px with `{chosen.network}`. A cancel reaches the "
        "painter within about a second; it stops at its next look.\n\n"
        + table(("part", "looks", "longest, processor s"), rows),
        found,
        machine=machine("cpu"),
        command="python -m bench.moving.stopping "
        + " ".join(without_places(arguments or sys.argv[1:])),
        quick=False,
        if_busy="Processor seconds are counted, so this changes little.",
    )
    return 0


def _painted(clip: MadeClip, chosen: argparse.Namespace) -> list[Looked]:
    looks = _Looks()
    control = Control(should_stop=looks)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = painting_of(clip, chosen, folder / "frames", Studio(), control)
        with closing(work.paint()) as events:
            for event in events:
                match event:
                    case FrameStepped():
                        looks.part = "painting"
                    case FramePainted():
                        event.checkpoint()
                        looks.part = "between frames"
        looks.part = "writing the frames"
        lossless = folder / "painted.clip"
        write_clip(lossless, work.finished(), [83] * len(clip))
        for kind in CLIP_KINDS:
            looks.part = f"encoding {kind}"
            encode_clip(read_clip(lossless), folder / f"painted.{kind}", kind, check=control.check)
            control.check()
    return looks.found()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.moving.stopping", description=__doc__)
    parser.add_argument("--clip", choices=tuple(MAKERS), default="loop")
    parser.add_argument("--frames", type=int, default=24)
    add_arguments(parser, size_px=512, threads=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
