"""`python -m engine paint`: one picture, without a queue."""

import argparse
import io
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path

from PIL import Image
from rich.console import Console
from torch import Tensor

from engine.arguments import make_parser, options_of, parse_numbers, start_file
from engine.networks.registry import NetworkSource, resolve_network
from engine.output import (
    PICTURE_SUFFIXES,
    TIMELAPSE_SUFFIXES,
    LossRecord,
    OutputProblem,
    TimeLapse,
    check_target,
    plot_losses,
    time_lapse,
    write_loss_lines,
    write_picture,
)
from engine.output.atomic import write_bytes
from engine.painting import (
    Event,
    Painted,
    PaintingFailed,
    Picture,
    Prepared,
    SettingsProblem,
    Stepped,
    Studio,
    Style,
    choose_device,
    mask_from_image,
    paint,
    parse_allowance,
)
from engine.progress import ProgressBar
from engine.styles.presets import StyleMissing, preset_style
from jobs.options import PaintOptions
from jobs.pictures import DecodeLimits, PictureProblem
from jobs.pictures.decode import normalise
from jobs.settings import Settings, SettingsError, load_settings

WRONG_SETTINGS = 2
FAILED = 1
INTERRUPTED = 130
_CHECKPOINT_SECONDS = 10.0
_FRAMES = 120
_FRAME_PX = 1080
_LIMITS = DecodeLimits(
    max_bytes=1 << 30, max_pixels=500_000_000, max_side_px=16384, min_side_px=1, max_aspect=1e5
)
"""The files are the caller's own, so that only what is absurd is refused."""


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
    with ProgressBar(console, quiet=chosen.quiet) as bar:
        studio = _studio(chosen, settings, bar)
        network = chosen.network or settings.atelier_network
        options = options.model_copy(update={"network": resolve_network(network, studio.source)})
        content = _picture(chosen.content)
        styles, options = _styles(chosen, settings, options)
        start = start_file(chosen)
        events = paint(
            content,
            styles,
            options,
            studio=studio,
            mask=_mask(chosen.mask),
            start=None if start is None else _picture(start),
            resume=_resume(chosen.checkpoint),
        )
        with closing(events), ExitStack() as films:
            painted = _follow(events, chosen, bar, films)
            write_picture(painted.picture, chosen.output)
    _write_records(painted, chosen)
    if chosen.checkpoint is not None:
        chosen.checkpoint.unlink(missing_ok=True)
    report = painted.report
    console.print(
        f"{chosen.output}: {report.width_px} × {report.height_px}, {report.network}, "
        f"{report.precision} on {report.device}, {report.iterations} iterations in "
        f"{report.seconds:.1f} s, seed {options.seed}",
        markup=False,
        highlight=False,
    )
    for note in report.notes:
        console.print(f"  {note}", markup=False, highlight=False)
    return 0


def _follow(
    events: Iterator[Event], chosen: argparse.Namespace, bar: ProgressBar, films: ExitStack
) -> Painted:
    """Go through the events, keeping checkpoints and frames as asked."""
    film: TimeLapse | None = None
    saved = time.monotonic()
    next_frame = 0.0
    newest: Stepped | None = None
    try:
        for event in events:
            bar.show(event)
            match event:
                case Prepared() if chosen.timelapse is not None:
                    height, width = event.scales[-1][0]
                    film = films.enter_context(time_lapse(chosen.timelapse, (width, height)))
                case Stepped():
                    newest = event
                    if film is not None and event.fraction >= next_frame:
                        film.add(event.preview(_FRAME_PX))
                        next_frame = event.fraction + 1 / _FRAMES
                    if chosen.checkpoint and time.monotonic() - saved >= _CHECKPOINT_SECONDS:
                        write_bytes(chosen.checkpoint, event.checkpoint())
                        saved = time.monotonic()
                case Painted():
                    if film is not None:
                        film.add(event.picture.to_image())
                    return event
                case _:
                    newest = None
    except KeyboardInterrupt:
        if chosen.checkpoint and newest is not None:
            write_bytes(chosen.checkpoint, newest.checkpoint())
        raise
    raise PaintingFailed("The painting ended without a picture.")


def _studio(chosen: argparse.Namespace, settings: Settings, bar: ProgressBar) -> Studio:
    memory = chosen.max_memory or settings.atelier_max_memory
    device = choose_device(chosen.device or settings.atelier_device)
    return Studio(
        source=NetworkSource(
            settings.models_dir, settings.atelier_vgg19_weights, progress=bar.download
        ),
        device=device,
        precision=chosen.precision or settings.atelier_precision,
        max_memory_bytes=parse_allowance(memory, device) if memory else None,
    )


def _styles(
    chosen: argparse.Namespace, settings: Settings, options: PaintOptions
) -> tuple[list[Style], PaintOptions]:
    """The styles in the order files, presets, own; presets may need another network."""
    count = len(chosen.style) + len(chosen.preset) + int(chosen.own_style)
    if count == 0:
        raise SettingsProblem("Give a style: --style FILE, --preset NAME or --own-style.")
    weights = [1.0] * count
    if chosen.style_weights is not None:
        weights = parse_numbers(chosen.style_weights, "--style-weights", count)
    styles = [
        Style(_picture(file), region=_region(chosen, number), name=file.name)
        for number, file in enumerate(chosen.style)
    ]
    for preset in chosen.preset:
        found = preset_style(
            preset,
            settings.styles_dir,
            options.network,
            needs_picture=options.keep_colors in {"match", "histogram"},
        )
        for note in found.notes:
            Console(stderr=True).print(str(note), markup=False)
        options = options.model_copy(update={"network": found.network})
        styles.append(Style(found.picture, fingerprints=found.fingerprints, name=found.name))
    if chosen.own_style:
        styles.append(Style(is_content=True, name="the photograph"))
    masks = [_mask(file) for file in chosen.style_mask] or [None] * count
    if len(masks) != count:
        raise SettingsProblem(
            "There are {count} styles, so give {count} times --style-mask.", count=count
        )
    return [
        Style(**{**vars(style), "weight": weight, "mask": mask})
        for style, weight, mask in zip(styles, weights, masks, strict=True)
    ], options


def _region(chosen: argparse.Namespace, number: int) -> tuple[float, float, float, float] | None:
    if number >= len(chosen.style_region):
        return None
    left, top, right, bottom = parse_numbers(chosen.style_region[number], "--style-region", 4)
    return left, top, right, bottom


def _picture(file: Path) -> Picture:
    return Picture.from_image(_image(file))


def _mask(file: Path | None) -> Tensor | None:
    return None if file is None else mask_from_image(_image(file))


def _image(file: Path) -> Image.Image:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsProblem(
            "{file} cannot be read: {reason}.", file=str(file), reason=error.strerror or ""
        ) from None
    try:
        return Image.open(io.BytesIO(normalise(data, _LIMITS).png), formats=("PNG",))
    except PictureProblem as problem:
        raise SettingsProblem(
            "{file}: {problem}", file=file.name, problem=problem.sentence
        ) from None


def _resume(file: Path | None) -> bytes | None:
    return file.read_bytes() if file is not None and file.is_file() else None


def _check_targets(chosen: argparse.Namespace) -> None:
    check_target(chosen.output, PICTURE_SUFFIXES)
    for file, suffixes in (
        (chosen.timelapse, TIMELAPSE_SUFFIXES),
        (chosen.report, (".json",)),
        (chosen.losses, (".jsonl",)),
        (chosen.plot, (".png",)),
    ):
        if file is not None:
            check_target(file, suffixes)


def _write_records(painted: Painted, chosen: argparse.Namespace) -> None:
    if chosen.report is not None:
        report = {**asdict(painted.report), "notes": [str(one) for one in painted.report.notes]}
        text = json.dumps(report, indent=1)
        write_bytes(chosen.report, text.encode())
    records = loss_records(painted)
    if chosen.losses is not None:
        write_loss_lines(records, chosen.losses)
    if chosen.plot is not None:
        plot_losses(records, chosen.plot)


def loss_records(painted: Painted) -> list[LossRecord]:
    """The losses of a report in the form that is written and plotted."""
    scales = painted.report.settings["scales"]
    return [
        LossRecord(
            iteration=number,
            scale=one.scale,
            size_px=max(scales[one.scale]["height_px"], scales[one.scale]["width_px"]),
            loss=one.total,
            terms={"style": one.style, "content": one.content, "tv": one.tv},
        )
        for number, one in enumerate(painted.report.losses, start=1)
    ]


if __name__ == "__main__":
    sys.exit(main())
