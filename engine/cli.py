"""`python -m engine paint`: one picture, without a queue."""

import argparse
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from os.path import realpath
from pathlib import Path

from rich.console import Console

from common.command_line import FAILED, WRONG_USE, for_shell
from common.gpus import unused_card
from common.interrupts import status_of
from common.options import PaintOptions, network_for
from common.pictures import PictureError
from common.settings import Settings
from common.settings_loading import SettingsError, load_settings
from engine.arguments import make_parser, options_of, start_file
from engine.cli_inputs import read_pictures
from engine.cli_moving import (
    PaintedOutput,
    may_move,
    moving_content,
    output_suffixes,
    paint_moving,
)
from engine.cli_output import OutputFile
from engine.errors import CheckpointError
from engine.output.atomic import write_bytes
from engine.output.errors import NotWrittenError, OutputError, check_target
from engine.output.losses import loss_lines, loss_plot
from engine.output.pictures import write_picture
from engine.output.timelapse import TIMELAPSE_SUFFIXES
from engine.painting import PaintingFailedError, PaintSettingsError, Report, Studio
from engine.pipeline.listeners import Listener, run_with_listeners
from engine.pipeline.pictures import Pictures
from engine.pipeline.recording import CheckpointFile, report_file
from engine.pipeline.studio import open_studio
from engine.pipeline.timelapse import TimeLapseRecorder
from engine.progress import ProgressBar
from engine.styles.fetch import FetchError
from engine.styles.presets import StyleMissingError

_CHECKPOINT_SECONDS = 10.0
_FRAMES = 120
_FRAME_PX = 1080


def main(arguments: Sequence[str] | None = None) -> int:
    """Paint as the arguments say.

    The exit status is 0, 1 (failed), 2 (wrong settings), or of the signal: 130 after Ctrl-C.
    """
    chosen = make_parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        return _paint(chosen, load_settings(), console)
    except (
        PaintSettingsError,
        SettingsError,
        PictureError,
        OutputError,
        StyleMissingError,
        PaintingFailedError,
    ) as problem:
        _say(console, for_shell(problem), style="red")
        has_failed = isinstance(problem, PaintingFailedError | NotWrittenError)
        is_offline = isinstance(problem.__cause__, FetchError)
        return FAILED if has_failed or is_offline else WRONG_USE
    except KeyboardInterrupt as interrupt:
        _say(console, " ".join(["Stopped.", *getattr(interrupt, "__notes__", ())]))
        return status_of(interrupt)


def _say(console: Console, line: str, style: str | None = None) -> None:
    console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _paint(chosen: argparse.Namespace, settings: Settings, console: Console) -> int:
    options = options_of(chosen)
    output = OutputFile.of(chosen)
    chosen.output = output.path
    _check_targets(chosen)
    with ExitStack() as stack:
        bar = stack.enter_context(ProgressBar(console, quiet=chosen.quiet))
        moving = moving_content(chosen, stack) if may_move(chosen) else None
        checkpoints = _checkpoints(chosen, 0.0 if moving else _CHECKPOINT_SECONDS)
        with _keeping(checkpoints):
            studio = open_studio(
                settings,
                device=chosen.device,
                precision=chosen.precision,
                max_memory=chosen.max_memory,
                say=bar.say,
            )
            if not chosen.quiet:
                wanted = chosen.device or settings.atelier_device
                if unused := unused_card(wanted, str(studio.device)):
                    bar.say(unused)
            network = network_for(options, settings.atelier_network)
            first, paint = None, partial(_paint_still, chosen.timelapse)
            if moving is not None:
                options, first = moving.sized(chosen, options), moving.first
                paint = partial(paint_moving, moving)
            pictures = read_pictures(chosen, settings, options, network, first)
            made = paint(
                pictures, options, studio=studio, bar=bar, checkpoints=checkpoints, output=output
            )
    notes = (*made.notes, *([checkpoints.note] if checkpoints and checkpoints.note else []))
    report = replace(made.report, notes=notes)
    times = "1 iteration" if report.iterations == 1 else f"{report.iterations} iterations"
    said = (
        f"{output.path}: {made.size}, {report.network}, "
        f"{report.precision} on {report.device}, {times} in "
        f"{report.seconds:.1f} s, seed {options.seed}"
    )
    for line in (said, *(f"  {for_shell(note)}" for note in report.notes)):
        _say(console, line)
    _write_records(report, chosen)  # said before: whatever comes of these, the picture is there
    if checkpoints is not None:
        checkpoints.remove()
    return 0 if made.is_whole else FAILED


@contextmanager
def _keeping(checkpoints: CheckpointFile | None) -> Iterator[None]:
    """Write a checkpoint when the painting is stopped, and name the file of an invalid one."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if checkpoints is not None and (said := checkpoints.keep_last()):
            interrupt.add_note(said)
        raise
    except CheckpointError as problem:
        file = "" if checkpoints is None else str(checkpoints.path)
        raise PaintSettingsError(
            "{file}: {problem} Delete it to start over, or name another file.",
            file=file,
            problem=problem.sentence,
        ) from problem


def _paint_still(
    timelapse_file: Path | None,
    pictures: Pictures,
    options: PaintOptions,
    *,
    studio: Studio,
    bar: ProgressBar,
    checkpoints: CheckpointFile | None,
    output: OutputFile,
) -> PaintedOutput:
    listeners: list[Listener] = [bar]
    timelapse = None
    resume = None if checkpoints is None else checkpoints.read()
    events = pictures.paint(options, studio=studio, resume=resume)
    with closing(events), ExitStack() as recording:
        if timelapse_file:
            timelapse = TimeLapseRecorder(
                timelapse_file,
                frames=_FRAMES,
                long_side_px=_FRAME_PX,
                share=lambda event: event.fraction,
            )
            listeners.append(recording.enter_context(timelapse))
        if checkpoints is not None:
            listeners.append(checkpoints)
        painted = run_with_listeners(events, *listeners)
        output.write(lambda file: write_picture(painted.picture, file))
    report = painted.report
    timelapse_notes = [timelapse.note] if timelapse and timelapse.note else []
    notes = (*pictures.notes, *report.notes, *timelapse_notes)
    size = f"{report.width_px} × {report.height_px}"
    return PaintedOutput(report, size, notes, is_whole=not timelapse_notes)


def _write_records(report: Report, chosen: argparse.Namespace) -> None:
    """Write the report, the losses and their plot, each if there is a file for it."""
    if chosen.report is not None:
        write_bytes(chosen.report, report_file(report))
    if chosen.losses is not None:
        write_bytes(chosen.losses, loss_lines(report.losses, report.long_sides_px))
    if chosen.plot is not None:
        write_bytes(chosen.plot, loss_plot(report.losses, report.long_sides_px))


def _checkpoints(chosen: argparse.Namespace, every_seconds: float) -> CheckpointFile | None:
    if chosen.checkpoint is None:
        if chosen.checkpoint_every is not None:
            raise PaintSettingsError(
                "--checkpoint-every says how often; also name the file, with --checkpoint."
            )
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
    taken = {realpath(file): "a picture to paint from" for file in given if file is not None}
    for flag, (file, suffixes) in targets.items():
        if file is None:
            continue
        check_target(file, suffixes)
        if (already := taken.get(realpath(file))) is not None:
            raise PaintSettingsError(
                "{flag} {file} is {already} too; name another file.",
                flag=flag,
                file=str(file),
                already=already,
            )
        taken[realpath(file)] = flag
