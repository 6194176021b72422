"""All paintings: loading, finding by a text with typing errors, and what is at hand of each."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from common.catalogue.painting import CatalogueError, Painting, parse_painting

PAINTINGS = Path(__file__).parent / "paintings"
SHORTEST_WITH_ERRORS = 3  # letters of a word
SHORTEST_WHOLE = 7  # letters of a text that is compared as a whole
LEAST_WHOLE = 80.0
_SCAN_SUFFIX = ".jpg"


@dataclass(frozen=True)
class Ready:
    """It can be painted now, from its scan or from a fingerprint."""

    scan: Path | None
    fingerprint: bool


@dataclass(frozen=True)
class NeedsDownload:
    """Neither its scan nor a fingerprint is on this machine."""

    url: str


Availability = Ready | NeedsDownload


class Catalogue:
    """Paintings in the order of their names."""

    def __init__(self, paintings: Iterable[Painting]) -> None:
        self._paintings = tuple(sorted(paintings, key=lambda each: _plain(each.name)))
        self._by_id = {painting.id: painting for painting in self._paintings}
        self._texts = [_searchable(painting) for painting in self._paintings]

    def __iter__(self) -> Iterator[Painting]:
        return iter(self._paintings)

    def __len__(self) -> int:
        return len(self._paintings)

    def get(self, painting_id: str) -> Painting | None:
        """The painting of this id."""
        return self._by_id.get(painting_id)

    def search(self, text: str, limit: int = 25) -> list[Painting]:
        """Paintings whose name, artist, movement or id is like the text, the likest first.

        An empty text finds all. Upper case and accents do not matter, nor a few typing errors.
        """
        wanted = _plain(text)
        if not wanted:
            return list(self._paintings[:limit])
        scored = [
            (score, -place)
            for place, names in enumerate(self._texts)
            if (score := max(_likeness(wanted, name) for name in names)) > 0
        ]
        return [self._paintings[-place] for _, place in sorted(scored, reverse=True)[:limit]]

    @staticmethod
    def availability(painting: Painting, styles_dir: Path) -> Availability:
        """What of a painting is on this machine.

        Args:
            painting: of the catalogue.
            styles_dir: where downloaded scans are kept.
        """
        scan = scan_path(painting, styles_dir)
        there = scan if scan.is_file() else None
        if there is None and not painting.fingerprints:
            return NeedsDownload(painting.image_url)
        return Ready(there, bool(painting.fingerprints))


def scan_path(painting: Painting, styles_dir: Path) -> Path:
    """Where the scan of a painting is kept once it is downloaded."""
    return styles_dir / f"{painting.id}{_SCAN_SUFFIX}"


def painted_swatch_path(painting: Painting, styles_dir: Path) -> Path:
    """Where the engine keeps the swatch that it painted of a scan."""
    return styles_dir / "swatches" / f"{painting.id}{_SCAN_SUFFIX}"


def swatch_at_hand(painting: Painting, styles_dir: Path) -> Path | None:
    """The swatch that ships with the package, or that the engine painted; None: not yet."""
    if painting.swatch_path is not None:
        return painting.swatch_path
    painted = painted_swatch_path(painting, styles_dir)
    return painted if painted.is_file() else None


@cache
def load_catalogue() -> Catalogue:
    """The catalogue that comes with the package; read once.

    Raises:
        CatalogueError: a file of it is wrong.
    """
    return read_catalogue(PAINTINGS)


def read_catalogue(folder: Path) -> Catalogue:
    """A catalogue from a folder of TOML files.

    Raises:
        CatalogueError: a file of it is wrong, or there is none.
    """
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise CatalogueError(f"There are no paintings in {folder}.")
    return Catalogue(parse_painting(file.stem, file.read_text(encoding="utf-8")) for file in files)


def _searchable(painting: Painting) -> tuple[str, ...]:
    names = (painting.name, *painting.other_names, painting.artist, painting.movement, painting.id)
    plain = [_plain(name) for name in names]
    return (*plain, f"{plain[0]} {_plain(painting.artist)}")


def _likeness(wanted: str, name: str) -> float:
    """0 for no likeness, up to 102: whole beginnings first, then each word with its errors."""
    words = name.split()
    if name.startswith(wanted):
        return 102.0
    if f" {wanted}" in name:
        return 101.0
    by_word = min(max(_word_likeness(part, word) for word in words) for part in wanted.split())
    if by_word > 0 or len(wanted) < SHORTEST_WHOLE:
        return by_word
    whole = float(fuzz.partial_ratio(wanted, name))
    return whole / 2 if whole >= LEAST_WHOLE else 0.0


def _word_likeness(typed: str, word: str) -> float:
    """0 or 1 to 100. A word may be typed by half only, and with an error for each four letters."""
    if word.startswith(typed):
        return 100.0
    errors = (len(typed) + 2) // 4 if len(typed) >= SHORTEST_WITH_ERRORS else 0
    found = min(
        OSA.distance(typed, word, score_cutoff=errors),
        OSA.distance(typed, word[: len(typed)], score_cutoff=errors),
    )
    return 100.0 * (1 - found / (len(typed) + 1)) if found <= errors else 0.0


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join("".join(each if each.isalnum() else " " for each in kept).split())
