"""The flags of `python -m engine paint`, and the options that they stand for."""

import argparse
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from common.catalogue import load_catalogue
from common.options import (
    MAX_SIZE_PX,
    MIN_SIZE_PX,
    KeepColors,
    OptimizerName,
    PaintOptions,
    Pooling,
    Quality,
    Start,
    StyleFit,
)
from engine.painting.problems import SettingsProblem
from engine.painting.recipe import recipe_names

_STARTS = tuple(name for name in get_args(Start) if name != "file")
_PLAIN = (
    "size_px",
    "quality",
    "strength",
    "style_scale",
    "keep_colors",
    "keep_colors_strength",
    "colors_first",
    "start_noise",
    "seed",
    "recipe",
    "network",
    "content_weight",
    "style_weight",
    "tv_weight",
    "style_statistic",
    "style_fit",
    "pooling",
    "optimizer",
    "iterations",
    "scales",
    "min_improvement",
    "tile_px",
)


def make_parser() -> argparse.ArgumentParser:
    """All flags of `paint`; those left out stay None, and the recipe or the quality decides."""
    parser = argparse.ArgumentParser(
        prog="python -m engine paint",
        description="Paint a photograph in the style of one or more paintings.",
    )
    parser.add_argument("content", type=Path, help="the photograph")
    parser.add_argument("-o", "--output", type=Path, required=True, help="PNG, JPEG, WebP or TIFF")
    _add_styles(parser.add_argument_group("styles (at least one)"))
    _add_looks(parser.add_argument_group("look"))
    _add_method(parser.add_argument_group("method"))
    _add_machine(parser.add_argument_group("machine"))
    _add_records(parser.add_argument_group("records"))
    return parser


def options_of(chosen: argparse.Namespace) -> PaintOptions:
    """The options that were chosen, and what suits a painting of the catalogue where none were.

    Raises:
        SettingsProblem: a value is not possible; the text names the flag and what is.
    """
    values = _suiting(chosen)
    values |= {name: getattr(chosen, name) for name in _PLAIN if getattr(chosen, name) is not None}
    for name in ("content_layers", "style_layers"):
        if getattr(chosen, name) is not None:
            values[name] = parse_layers(getattr(chosen, name))
    if chosen.init is not None:
        values["start"] = chosen.init if chosen.init in _STARTS else "file"
    values["timelapse"] = chosen.timelapse is not None
    try:
        return PaintOptions.model_validate(values)
    except ValidationError as error:
        raise SettingsProblem("{problems}", problems=_sentences(error)) from None


def _suiting(chosen: argparse.Namespace) -> dict[str, Any]:
    """What suits the painting if it is the only style."""
    if chosen.style or chosen.own_style or len(chosen.preset) != 1:
        return {}
    painting = load_catalogue().get(chosen.preset[0])
    return {} if painting is None else painting.suiting


def parse_layers(text: str) -> dict[str, float]:
    """Layers of `relu1_1,relu2_1` or, with weights, `relu1_1=2,relu2_1=0.5`.

    Raises:
        SettingsProblem: a weight is no number, or a layer is named twice.
    """
    layers: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, weight = part.partition("=")
        if (name := name.strip()) in layers:
            raise SettingsProblem("The layer {layer} is named twice.", layer=name)
        layers[name] = parse_number(weight, "a layer's weight") if weight else 1.0
    return layers


def parse_numbers(text: str, what: str, count: int) -> list[float]:
    """So many numbers between commas.

    Raises:
        SettingsProblem: they are not, or not so many.
    """
    numbers = [parse_number(part, what) for part in text.split(",")]
    if len(numbers) != count:
        raise SettingsProblem(
            "{what} needs {count} numbers between commas, not {given}.",
            what=what,
            count=count,
            given=len(numbers),
        )
    return numbers


def parse_number(text: str, what: str) -> float:
    """One number.

    Raises:
        SettingsProblem: it is none.
    """
    try:
        return float(text)
    except ValueError:
        raise SettingsProblem(
            "{what} must be a number, not {text!r}.", what=what, text=text
        ) from None


def start_file(chosen: argparse.Namespace) -> Path | None:
    """The file to start from, if `--init` names one."""
    return None if chosen.init is None or chosen.init in _STARTS else Path(chosen.init)


def _add_styles(group: Any) -> None:
    group.add_argument(
        "--style",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a picture, or what `python -m engine styles fingerprint` made of one",
    )
    group.add_argument(
        "--preset", action="append", default=[], metavar="NAME", help="of the catalogue"
    )
    group.add_argument("--own-style", action="store_true", help="the photograph as its own style")
    group.add_argument(
        "--style-weights",
        metavar="0.7,0.3",
        help="one for each style, in the order: files, presets, own style",
    )
    group.add_argument(
        "--style-region",
        action="append",
        default=[],
        metavar="L,T,R,B",
        help="part of each style file to use, as shares of it",
    )
    group.add_argument(
        "--style-mask",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="where each style applies, as large as the content: white yes, black no",
    )
    group.add_argument(
        "--mask",
        type=Path,
        metavar="FILE",
        help="where to paint at all; black stays the photograph",
    )


def _add_looks(group: Any) -> None:
    group.add_argument(
        "--size",
        dest="size_px",
        type=int,
        metavar="PX",
        help=f"longest side, {MIN_SIZE_PX} to {MAX_SIZE_PX}; default 512",
    )
    group.add_argument("--quality", choices=get_args(Quality), help="default standard")
    group.add_argument(
        "--strength", type=float, help="0 keeps the photograph, 1 is all style; default 0.5"
    )
    group.add_argument(
        "--style-scale", type=float, help="size of the brush strokes, 0.1 to 4; default 1"
    )
    group.add_argument(
        "--keep-colors", choices=get_args(KeepColors), help="the photograph's colours"
    )
    group.add_argument("--keep-colors-strength", type=float, help="0 to 1")
    group.add_argument(
        "--colors-first",
        type=float,
        help="how far the photograph takes the style's palette before it is painted, 0 to 1",
    )
    group.add_argument("--seed", type=int)
    group.add_argument(
        "--init", metavar="|".join((*_STARTS, "FILE")), help="what to start from; default content"
    )
    group.add_argument(
        "--init-noise", dest="start_noise", type=float, help="share of noise in it, 0 to 1"
    )


def _add_method(group: Any) -> None:
    group.add_argument("--recipe", metavar="|".join(recipe_names()))
    group.add_argument("--network", choices=("auto", "vgg19", "lite"))
    group.add_argument("--content-layers", metavar="relu4_2[=WEIGHT],…")
    group.add_argument("--style-layers", metavar="relu1_1[=WEIGHT],…")
    group.add_argument("--content-weight", type=float)
    group.add_argument("--style-weight", type=float)
    group.add_argument("--tv-weight", type=float, help="smoothness")
    group.add_argument("--style-statistic", choices=("gram", "wasserstein"))
    group.add_argument("--style-fit", choices=get_args(StyleFit))
    group.add_argument("--pooling", choices=get_args(Pooling))
    group.add_argument("--optimizer", choices=get_args(OptimizerName))
    group.add_argument("--iterations", type=int, help="at each scale")
    group.add_argument("--scales", type=int, help="number of sizes, from small to large")
    group.add_argument(
        "--min-improvement",
        type=float,
        metavar="SHARE",
        help="end a scale when ten iterations improve the loss by less",
    )


def _add_machine(group: Any) -> None:
    group.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps")
    group.add_argument("--precision", choices=("auto", "fp32", "bf16"))
    group.add_argument(
        "--tile", dest="tile_px", type=int, metavar="PX", help="force tiles with cores of this size"
    )
    group.add_argument(
        "--max-memory", metavar="2GiB", help="above it the picture is painted in tiles"
    )


def _add_records(group: Any) -> None:
    group.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="saved while painting; if it is there, painting goes on from it",
    )
    group.add_argument(
        "--checkpoint-every",
        type=float,
        metavar="SECONDS",
        help="how often at most; default 10, and 0 for each iteration",
    )
    group.add_argument(
        "--timelapse", type=Path, metavar="FILE", help="GIF or MP4 of what is painted in this run"
    )
    group.add_argument("--report", type=Path, metavar="FILE.json")
    group.add_argument("--losses", type=Path, metavar="FILE.jsonl")
    group.add_argument("--plot", type=Path, metavar="FILE.png", help="the course of the loss")
    group.add_argument("--quiet", action="store_true", help="no progress bar")


def _sentences(error: ValidationError) -> str:
    lines: list[str] = []
    for problem in error.errors(include_url=False, include_context=False):
        flag = str(problem["loc"][0]) if problem["loc"] else ""
        text = problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        given = "" if isinstance(problem["input"], dict) else f", not {problem['input']}"
        name = flag.removesuffix("_px").replace("_", "-")
        lines.append(f"{name}: {text}{given}" if name else text)
    return "These settings cannot be used: " + "; ".join(lines) + "."
