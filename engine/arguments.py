"""The flags of `python -m engine paint`, and the options that they stand for."""

import argparse
from pathlib import Path
from typing import Any, NoReturn, get_args

from pydantic import ValidationError

from common.catalogue import load_catalogue
from common.command_line import OneLineParser
from common.options import OPTIONS, PaintOptions, Precision
from engine.errors import PaintSettingsError
from engine.recipes.recipe import recipe_names

STARTS = tuple(name for name in OPTIONS["start"].choices if name != "file")
"""Values of `--init` besides a file."""
_FLAGS = {
    "start": "--init",
    "size_px": "--size",
    "start_noise": "--init-noise",
    "tile_px": "--tile",
}
_METAVARS = {"size_px": "PX", "tile_px": "PX", "min_improvement": "SHARE"}
_OTHERWISE = frozenset({"start", "timelapse", "timelapse_format", "content_layers", "style_layers"})
"""Options whose flags do not simply take their values."""
_OF_JOBS = frozenset({"variants", "vary", "softest"})
"""Options of the queue's jobs only; the command paints one picture."""
_PLAIN = tuple(name for name in OPTIONS if name not in _OTHERWISE | _OF_JOBS)
_KEEPING = tuple(name for name in OPTIONS["keep_colors"].choices if name != "no")
"""Methods to keep the photograph's colors."""
_METHOD = _PLAIN.index("recipe")
"""The options before this one are those of the look."""
_HELP = {
    "moving": "Paint all of an animation or video, not only its first frame. "
    "Default: as the output's name suggests.",
    "network": "The network that judges style. Default: vgg19, or lite for a draft, unless "
    "ATELIER_NETWORK says otherwise.",
    "optimizer": "Which optimizer to use. Default: the recipe's.",
    "seed": "Another number gives other strokes; the same number, the same picture. Default: 0.",
    "size_px": "The longest side of the result in pixels. Default: 512, or a moving picture's own.",
}
"""Help of options that differ from Discord's, or have no help there."""


class _Parser(OneLineParser):
    """Explains superfluous arguments, such as a second picture."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with status 2."""
        words = message.partition("unrecognized arguments: ")[2].split()
        if words and not any(word.startswith("-") for word in words):
            more = f" (and {len(words) - 1} more)" if len(words) > 1 else ""
            rule = "one photo is painted at a time, and each style needs its own --style"
            if all(_is_number(word) for word in words):
                rule = "several numbers need commas between them, and no spaces"
            message = f"{rule}; unexpected: {words[0]}{more}"
        super().error(message)


def _is_number(word: str) -> bool:
    return word.replace(".", "").replace(",", "").isdecimal()


def make_parser() -> argparse.ArgumentParser:
    """All flags of `paint`; those left out stay None, and the recipe or the quality decides."""
    parser = _Parser(
        prog="python -m engine paint",
        description="Paint a photo in the style of one or more paintings.",
    )
    parser.add_argument("content", type=Path, help="the photo")
    parser.add_argument(
        "-o",
        "--output",
        type=_output,
        metavar="FILE",
        help="PNG, JPEG, WebP or TIFF (16 bits), or GIF, MP4 or WebP of a moving picture; an "
        "existing file is overwritten (default: a new file here, named after both pictures)",
    )
    _add_styles(parser.add_argument_group("styles (at least one)"))
    look, method = parser.add_argument_group("look"), parser.add_argument_group("method")
    for name in _PLAIN:
        _add_option(look if _PLAIN.index(name) < _METHOD else method, name)
    look.add_argument("--init", metavar="|".join((*STARTS, "FILE")), help=OPTIONS["start"].help)
    for kind, example in (("content", "relu4_2"), ("style", "relu1_1")):
        method.add_argument(
            f"--{kind}-layers",
            metavar=f"{example}[=WEIGHT],…",
            help=f"layers in which {kind} is compared (default: the recipe's)",
        )
    _add_machine(parser.add_argument_group("machine"))
    _add_records(parser.add_argument_group("records"))
    return parser


def options_of(chosen: argparse.Namespace) -> PaintOptions:
    """The chosen options, completed by those that suit a painting of the catalogue.

    Raises:
        PaintSettingsError: invalid value; the text names the flag and the valid values.
    """
    values = _suiting(chosen)
    values |= {name: getattr(chosen, name) for name in _PLAIN if getattr(chosen, name) is not None}
    for name in ("content_layers", "style_layers"):
        if getattr(chosen, name) is not None:
            values[name] = parse_layers(getattr(chosen, name))
    if chosen.init is not None:
        values["start"] = chosen.init if chosen.init in STARTS else "file"
    values["timelapse"] = chosen.timelapse is not None
    try:
        options = PaintOptions.model_validate(values)
    except ValidationError as error:
        raise PaintSettingsError("{problems}", problems=_sentences(error)) from None
    _check_colors(chosen, options)
    return options


def _check_colors(chosen: argparse.Namespace, options: PaintOptions) -> None:
    """Check that the flags for colors have an effect together.

    Raises:
        PaintSettingsError: one of them has none.
    """
    if options.keep_colors != "no" and chosen.colors_first:
        raise PaintSettingsError(
            "--colors-first gives the photo the style's colors, and --keep-colors keeps its "
            "own; leave out one of them."
        )
    if chosen.keep_colors is None and chosen.keep_colors_strength is not None:
        raise PaintSettingsError(
            "--keep-colors-strength says how much of the photo's colors to keep; also say how, "
            "with --keep-colors match (or {others}).",
            others=" or ".join(each for each in _KEEPING if each != "match"),
        )


def _suiting(chosen: argparse.Namespace) -> dict[str, Any]:
    """Options that suit the painting, if it is the only style."""
    if chosen.style or chosen.own_style or len(chosen.preset) != 1:
        return {}
    painting = load_catalogue().get(chosen.preset[0])
    return {} if painting is None else painting.suiting


def parse_layers(text: str) -> dict[str, float]:
    """Layers of `relu1_1,relu2_1` or, with weights, `relu1_1=2,relu2_1=0.5`.

    Raises:
        PaintSettingsError: a weight is no number, or a layer is named twice.
    """
    layers: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, weight = part.partition("=")
        if (name := name.strip()) in layers:
            raise PaintSettingsError("The layer {layer} is named twice.", layer=name)
        layers[name] = parse_number(weight, "a layer's weight") if weight else 1.0
    return layers


def parse_numbers(text: str, what: str, count: int) -> list[float]:
    """`count` numbers between commas.

    Raises:
        PaintSettingsError: they are none, or of another count.
    """
    numbers = [parse_number(part, what) for part in text.split(",")]
    if len(numbers) != count:
        raise PaintSettingsError(
            "{what} needs {count} numbers between commas, not {given}.",
            what=what,
            count=count,
            given=len(numbers),
        )
    return numbers


def parse_number(text: str, what: str) -> float:
    """One number.

    Raises:
        PaintSettingsError: it is none.
    """
    try:
        return float(text)
    except ValueError:
        raise PaintSettingsError(
            "{what} must be a number, not {text!r}.", what=what, text=text
        ) from None


def start_file(chosen: argparse.Namespace) -> Path | None:
    """The file to start from, if `--init` names one."""
    return None if chosen.init is None or chosen.init in STARTS else Path(chosen.init)


def _output(text: str) -> Path:
    """A file to write. A name without an ending is mostly the rest of a flag, as of `-output`."""
    path = Path(text)
    if not path.suffix and text.isidentifier() and not path.is_dir():
        raise argparse.ArgumentTypeError(
            f"{text} has no ending such as .png (flags of whole words have two dashes)"
        )
    return path


def _add_styles(group: Any) -> None:
    group.add_argument(
        "--style",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a picture, or its fingerprint (`python -m engine styles fingerprint`); repeatable",
    )
    group.add_argument(
        "--preset",
        action="append",
        default=[],
        metavar="NAME",
        help="a painting of the catalogue; `python -m engine styles list` shows them all",
    )
    group.add_argument("--own-style", action="store_true", help="use the photo as its own style")
    group.add_argument(
        "--style-weights",
        metavar="0.7,0.3",
        help="one number for each style, in this order: files, presets, own style",
    )
    group.add_argument(
        "--style-region",
        action="append",
        default=[],
        metavar="L,T,R,B",
        help="part of each style file to use: left, top, right, bottom, from 0 to 1 (default: "
        "everything inside a plain border; 0,0,1,1 includes the border)",
    )
    group.add_argument(
        "--style-mask",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="where each style applies: white yes, black no; as large as the photo",
    )
    group.add_argument(
        "--mask",
        type=Path,
        metavar="FILE",
        help="where to paint at all; black stays as in the photo",
    )


def _flag(name: str) -> str:
    return _FLAGS.get(name, "--" + name.replace("_", "-"))


def _add_option(group: Any, name: str) -> None:
    """The flag of an option, from its row in the table."""
    option, flag = OPTIONS[name], _flag(name)
    text = _HELP.get(name, option.help)
    if option.value_type is bool:
        switch = argparse.BooleanOptionalAction
        group.add_argument(flag, dest=name, action=switch, default=None, help=text)
        return
    group.add_argument(
        flag,
        dest=name,
        type=option.value_type,
        choices=option.choices or None,
        metavar="|".join(recipe_names()) if name == "recipe" else _METAVARS.get(name),
        help=text,
    )


def _add_machine(group: Any) -> None:
    group.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    group.add_argument(
        "--precision", choices=get_args(Precision), help="the network's precision (default: auto)"
    )
    group.add_argument(
        "--max-memory", metavar="2GiB", help="paint in tiles rather than use more memory than this"
    )


def _add_records(group: Any) -> None:
    group.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="saved while painting; if the file exists, painting continues from it",
    )
    group.add_argument(
        "--checkpoint-every",
        type=float,
        metavar="SECONDS",
        help="save it at most this often (default: 10; 0 saves after each iteration)",
    )
    group.add_argument(
        "--timelapse",
        type=Path,
        metavar="FILE",
        help="a GIF or MP4 of the picture being painted in this run",
    )
    group.add_argument(
        "--report",
        type=Path,
        metavar="FILE.json",
        help="how it was painted: all settings, and times",
    )
    group.add_argument(
        "--losses", type=Path, metavar="FILE.jsonl", help="the loss of each iteration, one per line"
    )
    group.add_argument("--plot", type=Path, metavar="FILE.png", help="a plot of the loss over time")
    group.add_argument("--quiet", action="store_true", help="show no progress, only the last line")


def _sentences(error: ValidationError) -> str:
    lines: list[str] = []
    for problem in error.errors(include_url=False, include_context=False):
        option = str(problem["loc"][0]) if problem["loc"] else ""
        text = problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        given = "" if isinstance(problem["input"], dict) else f", not {problem['input']}"
        name = _flag(option).removeprefix("--") if option else ""
        lines.append(f"{name}: {text}{given}" if name else text)
    return "These settings cannot be used: " + "; ".join(lines) + "."
