"""`python -m engine paint`: one picture, without a queue."""

import argparse
import math
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

from rich.console import Console

from common.pictures import PictureProblem
from common.settings import Settings, SettingsError, load_settings
from engine.arguments import make_parser, options_of, start_file
from engine.following import CHECKPOINT_SECONDS, Checkpoints, follow, write_records
from engine.given import read_given
from engine.networks.registry import NetworkSource, resolve_network
from engine.output import (
    PICTURE_SUFFIXES,
    TIMELAPSE_SUFFIXES,
    Film,
    OutputProblem,
    check_target,
    write_picture,
)
from engine.painting import (
    PaintingFailed,
    SettingsProblem,
    Studio,
    choose_device,
    paint,
    parse_allowance,
)
from engine.progress import ProgressBar
from engine.styles.presets import StyleMissing
from engine.styles.statistics_files import StatisticsFiles

WRONG_SETTINGS = 2
FAILED = 1
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Paint as the arguments say; the exit status is 0, 1 (failed), 2 (wrong settings) or 130."""
    chosen = make_parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        settings = load_settings()
        return _paint(chosen, settings, console)
    except (
        SettingsProblem,
        SettingsError,
        PictureProblem,
        OutputProblem,
        StyleMissing,
    ) as problem:
        console.print(str(problem), style="red", markup=False, highlight=False, soft_wrap=True)
        return WRONG_SETTINGS
    except PaintingFailed as problem:
        console.print(str(problem), style="red", markup=False, highlight=False, soft_wrap=True)
        return FAILED
    except KeyboardInterrupt:
        kept = " The checkpoint is saved." if chosen.checkpoint else ""
        console.print(f"Stopped.{kept}", markup=False)
        return INTERRUPTED


def _paint(chosen: argparse.Namespace, settings: Settings, console: Console) -> int:
    options = options_of(chosen)
    _check_targets(chosen)
    checkpoints = _checkpoints(chosen)
    with ProgressBar(console, quiet=chosen.quiet) as bar:
        studio = _studio(chosen, settings, bar)
        network = resolve_network(chosen.network or settings.atelier_network)
        given = read_given(chosen, settings, options, network)
        options = options.model_copy(update={"network": given.network})
        events = paint(
            given.content,
            given.styles,
            options,
            studio=studio,
            mask=given.mask,
            start=given.start,
            resume=None if checkpoints is None else checkpoints.read(),
        )
        with closing(events), ExitStack() as films:
            film = films.enter_context(Film(chosen.timelapse)) if chosen.timelapse else None
            painted = follow(events, bar, film, checkpoints)
            write_picture(painted.picture, chosen.output)
    kept = [one.note for one in (film, checkpoints) if one is not None and one.note is not None]
    report = replace(painted.report, notes=(*given.notes, *painted.report.notes, *kept))
    write_records(report, to_json=chosen.report, losses=chosen.losses, plot=chosen.plot)
    if checkpoints is not None:
        checkpoints.remove()
    said = (
        f"{chosen.output}: {report.width_px} × {report.height_px}, {report.network}, "
        f"{report.precision} on {report.device}, {report.iterations} iterations in "
        f"{report.seconds:.1f} s, seed {options.seed}"
    )
    for line in (said, *(f"  {note}" for note in report.notes)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


def _checkpoints(chosen: argparse.Namespace) -> Checkpoints | None:
    if chosen.checkpoint is None:
        return None
    every = CHECKPOINT_SECONDS if chosen.checkpoint_every is None else chosen.checkpoint_every
    if not 0 <= every < math.inf:
        raise SettingsProblem(
            "--checkpoint-every is a number of seconds, 0 for each iteration, not {value:g}.",
            value=every,
        )
    return Checkpoints(chosen.checkpoint, every)


def _studio(chosen: argparse.Namespace, settings: Settings, bar: ProgressBar) -> Studio:
    memory = chosen.max_memory or settings.atelier_max_memory
    device = choose_device(chosen.device or settings.atelier_device)
    return Studio(
        source=NetworkSource(settings.atelier_vgg19_weights, say=bar.say),
        device=device,
        precision=chosen.precision or settings.atelier_precision,
        max_memory_bytes=parse_allowance(memory, device) if memory else None,
        statistics=StatisticsFiles(settings.atelier_data_dir / "statistics"),
    )


def _check_targets(chosen: argparse.Namespace) -> None:
    """Whether all files can be written, and none of them over another or over what is read."""
    targets = {
        "--output": (chosen.output, PICTURE_SUFFIXES),
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
            raise SettingsProblem(
                "{flag} {file} is {already} too; name another file.",
                flag=flag,
                file=str(file),
                already=already,
            )
        taken[file.resolve()] = flag


if __name__ == "__main__":
    sys.exit(main())
