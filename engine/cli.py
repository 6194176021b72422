"""`python -m engine paint`: one picture, without a queue."""

import argparse
import itertools
import math
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from common.command_line import for_shell
from common.options import network_for
from common.pictures import PictureError
from common.settings import Settings, SettingsError, load_settings
from engine.arguments import make_parser, options_of, start_file
from engine.cli_inputs import read_pictures
from engine.cli_moving import may_move, moving_content, output_suffixes, paint_moving
from engine.output import (
    TIMELAPSE_SUFFIXES,
    Film,
    OutputError,
    check_target,
    plot_losses,
    write_loss_lines,
    write_picture,
)
from engine.output.atomic import write_bytes
from engine.painting import PaintingFailedError, PaintSettingsError, Report
from engine.pipeline import (
    CheckpointFile,
    FilmRecorder,
    Listener,
    follow,
    loss_records,
    open_studio,
    report_file,
)
from engine.progress import ProgressBar
from engine.scratch import scratch_folder
from engine.styles.presets import StyleMissingError

_CHECKPOINT_SECONDS = 10.0
_FRAMES = 120
_FRAME_PX = 1080

WRONG_SETTINGS = 2
FAILED = 1
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Paint as the arguments say; the exit status is 0, 1 (failed), 2 (wrong settings) or 130."""
    chosen = make_parser().parse_args(arguments)
    if chosen.output is None:
        chosen.output = _new_name(chosen)
    console = Console(stderr=True)
    try:
        settings = load_settings()
        return _paint(chosen, settings, console)
    except (
        PaintSettingsError,
        SettingsError,
        PictureError,
        OutputError,
        StyleMissingError,
    ) as problem:
        console.print(
            for_shell(problem), style="red", markup=False, highlight=False, soft_wrap=True
        )
        return WRONG_SETTINGS
    except PaintingFailedError as problem:
        console.print(
            for_shell(problem), style="red", markup=False, highlight=False, soft_wrap=True
        )
        return FAILED
    except KeyboardInterrupt:
        kept = " The checkpoint is saved." if chosen.checkpoint else ""
        console.print(f"Stopped.{kept}", markup=False)
        return INTERRUPTED


def _new_name(chosen: argparse.Namespace) -> Path:
    """A name in this folder that no file has, after the photograph and the first style."""
    styles = [*(path.stem for path in chosen.style or ()), *(chosen.preset or ())]
    stem = "-".join([chosen.content.stem, *styles[:1]])
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    suffix = ".mp4" if chosen.moving else ".png"
    return next(path for name in names if not (path := Path(f"{name}{suffix}")).exists())


def _paint(chosen: argparse.Namespace, settings: Settings, console: Console) -> int:
    options = options_of(chosen)
    _check_targets(chosen)
    if may_move(chosen):
        with scratch_folder() as folder:
            moving = moving_content(chosen, Path(folder))
            if moving is not None:
                return paint_moving(
                    chosen,
                    moving,
                    Path(folder),
                    settings=settings,
                    options=options,
                    checkpoints=_checkpoints(chosen, every_seconds=0.0),
                    console=console,
                )
    checkpoints = _checkpoints(chosen, every_seconds=_CHECKPOINT_SECONDS)
    with ProgressBar(console, quiet=chosen.quiet) as bar:
        studio = open_studio(
            settings,
            device=chosen.device,
            precision=chosen.precision,
            max_memory=chosen.max_memory,
            say=bar.say,
        )
        network = network_for(options, settings.atelier_network)
        pictures = read_pictures(chosen, settings, options, network)
        resume = None if checkpoints is None else checkpoints.read()
        events = pictures.paint(options, studio=studio, resume=resume)
        with closing(events), ExitStack() as films:
            listeners: list[Listener] = [bar]
            film = films.enter_context(Film(chosen.timelapse)) if chosen.timelapse else None
            if film is not None:
                listeners.append(
                    FilmRecorder(
                        film,
                        frames=_FRAMES,
                        long_side_px=_FRAME_PX,
                        share=lambda event: event.fraction,
                    )
                )
            if checkpoints is not None:
                listeners.append(checkpoints)
            try:
                painted = follow(events, *listeners)
            except KeyboardInterrupt:
                if checkpoints is not None:
                    checkpoints.keep_newest()
                raise
            write_picture(painted.picture, chosen.output)
    kept = [one.note for one in (film, checkpoints) if one is not None and one.note is not None]
    report = replace(painted.report, notes=(*pictures.notes, *painted.report.notes, *kept))
    _write_records(report, chosen)
    if checkpoints is not None:
        checkpoints.remove()
    said = (
        f"{chosen.output}: {report.width_px} × {report.height_px}, {report.network}, "
        f"{report.precision} on {report.device}, {report.iterations} iterations in "
        f"{report.seconds:.1f} s, seed {options.seed}"
    )
    for line in (said, *(f"  {for_shell(note)}" for note in report.notes)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


def _write_records(report: Report, chosen: argparse.Namespace) -> None:
    """Write the report, the losses and their plot, each if there is a file for it."""
    if chosen.report is not None:
        write_bytes(chosen.report, report_file(report))
    records = loss_records(report)
    if chosen.losses is not None:
        write_loss_lines(records, chosen.losses)
    if chosen.plot is not None:
        plot_losses(records, chosen.plot)


def _checkpoints(chosen: argparse.Namespace, *, every_seconds: float) -> CheckpointFile | None:
    if chosen.checkpoint is None:
        return None
    every = every_seconds if chosen.checkpoint_every is None else chosen.checkpoint_every
    if not 0 <= every < math.inf:
        raise PaintSettingsError(
            "--checkpoint-every is a number of seconds, 0 for each iteration, not {value:g}.",
            value=every,
        )
    return CheckpointFile(chosen.checkpoint, every)


def _check_targets(chosen: argparse.Namespace) -> None:
    """Whether all files can be written, and none of them over another or over what is read."""
    targets = {
        "--output": (chosen.output, output_suffixes(chosen)),
        "--timelapse": (chosen.timelapse, TIMELAPSE_SUFFIXES),
        "--report": (chosen.report, (".json",)),
        "--losses": (chosen.losses, (".jsonl",)),
        "--plot": (chosen.plot, (".png",)),
        "--checkpoint": (chosen.checkpoint, None),
    }
    given = [chosen.content, *chosen.style, *chosen.style_mask, chosen.mask, start_file(chosen)]
    taken = {file.resolve(): "a picture to paint from" for file in given if file is not None}
    for flag, (file, suffixes) in targets.items():
        if file is None:
            continue
        check_target(file, suffixes)
        if (already := taken.get(file.resolve())) is not None:
            raise PaintSettingsError(
                "{flag} {file} is {already} too; name another file.",
                flag=flag,
                file=str(file),
                already=already,
            )
        taken[file.resolve()] = flag


if __name__ == "__main__":
    sys.exit(main())
