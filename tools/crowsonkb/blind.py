"""Sheets for a blind comparison of two pictures, and the evaluation of the choices.

A sheet has the photograph and the painting on top, and the two pictures as A and B below. Choices
are lines `PAIR A` or `PAIR B`, followed by a reason, in a file; only `unblind` reveals which is
which.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from PIL import Image

from tools.pictures import make_sheet

LETTERS = ("A", "B")


def order(pair: str, seed: int, names: Sequence[str]) -> tuple[str, ...]:
    """The names of the pictures A and B; deterministic for a seed."""
    chosen = list(names)
    random.Random(f"{seed} {pair}").shuffle(chosen)  # noqa: S311 (no secret, only unknown)
    return tuple(chosen)


def sheet(
    content: Image.Image, style: Image.Image, pictures: Mapping[str, Image.Image], height_px: int
) -> Image.Image:
    """Photograph and painting above, the pictures by their letters below."""
    above = [("photograph", content), ("painting", style)]
    return make_sheet([above, list(pictures.items())], height_px)


class ChoicesError(ValueError):
    """The choices cannot be read; the text says why."""


def unblinded(
    choices: Path, seed: int, names: Sequence[str], pairs: Collection[str]
) -> tuple[str, dict[str, int]]:
    """A table of the choices, and the count for each picture.

    Raises:
        ChoicesError: a line has neither A nor B, or a pair that is not in `pairs`.
    """
    lines = ["| pair | chosen | why |", "|:--|:--|:--|"]
    counts = dict.fromkeys(names, 0)
    for line in choices.read_text(encoding="utf-8").splitlines():
        if not line.strip():
            continue
        pair, letter, *why = line.split(maxsplit=2)
        if letter not in LETTERS:
            raise ChoicesError(f"{pair}: {letter} is neither A nor B.")
        if pair not in pairs:
            raise ChoicesError(f"There is no pair {pair}; there are {', '.join(pairs)}.")
        chosen = order(pair, seed, names)[LETTERS.index(letter)]
        counts[chosen] += 1
        lines.append(f"| {pair} | {chosen} | {' '.join(why)} |")
    return "\n".join(lines), counts
