"""All paintings: loading, finding by a text with typing errors, and what is at hand of each."""

import contextlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from common.catalogue.painting import CatalogueError, Painting, parse_painting

_ALSO_CALLED = {
    "Abstract art": ("Abstraction", "Abstract Expressionism"),
    "Art Nouveau": ("Jugendstil", "Vienna Secession", "Symbolism"),
    "De Stijl": ("Neoplasticism", "Cubism"),
    "Orphism": ("Cubism", "Cubist"),
    "Pointillism": ("Neo-Impressionism", "Divisionism"),
    "Post-Impressionism": ("Postimpressionism",),
    "Ukiyo-e": ("Japanese woodblock print", "Japonism"),
}
"""Other names by which members look for a movement, or for what came out of it."""
PAINTINGS = Path(__file__).parent / "paintings"
SHORTEST_WITH_ERRORS = 3  # letters of a word among others
SHORTEST_ALONE = 4  # letters of a word alone; shorter ones are like too many
SHORTEST_SURE = 5  # the same, where nothing more is typed
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

    def search(self, text: str, limit: int = 25, *, sure: bool = False) -> list[Painting]:
        """Paintings whose name, artist, movement or id is like the text, the likest first.

        An empty text finds all, one without a letter or digit none. Upper case and accents do not
        matter, nor a few typing errors.

        Args:
            text: as it was typed.
            limit: how many at most.
            sure: leave out what is like a short word by chance, such as "none" is like "Monet".
        """
        wanted = _plain(text)
        shortest = SHORTEST_SURE if sure else SHORTEST_ALONE
        if not wanted:  # nothing was typed, or nothing that could be a name
            return [] if text.strip() else list(self._paintings[:limit])
        scored = [
            (score, -place)
            for place, names in enumerate(self._texts)
            if (score := max(_likeness(wanted, name, shortest) for name in names)) > 0
        ]
        return [self._paintings[-place] for _, place in sorted(scored, reverse=True)[:limit]]

    @staticmethod
    def availability(painting: Painting, styles_dir: Path) -> Availability:
        """What of a painting is on this machine.

        Args:
            painting: of the catalogue.
            styles_dir: where downloaded scans are kept.
        """
        there = kept_scan(painting, styles_dir)
        if there is None and not painting.fingerprints:
            return NeedsDownload(painting.image_url)
        return Ready(there, bool(painting.fingerprints))


def scan_path(painting: Painting, styles_dir: Path) -> Path:
    """Where the scan of a painting is kept once it is downloaded."""
    return styles_dir / f"{painting.id}{_SCAN_SUFFIX}"


def kept_scan(painting: Painting, styles_dir: Path) -> Path | None:
    """The scan of a painting, if it was downloaded already; None also where nobody may look."""
    scan = scan_path(painting, styles_dir)
    return scan if _is_file(scan) else None


def painted_swatch_path(painting: Painting, styles_dir: Path) -> Path:
    """Where the engine keeps the swatch that it painted of a scan."""
    return styles_dir / "swatches" / f"{painting.id}{_SCAN_SUFFIX}"


def swatch_at_hand(painting: Painting, styles_dir: Path) -> Path | None:
    """The swatch that ships with the package, or that the engine painted; None: not yet."""
    if painting.swatch_path is not None:
        return painting.swatch_path
    painted = painted_swatch_path(painting, styles_dir)
    return painted if _is_file(painted) else None


def _is_file(path: Path) -> bool:
    """Whether it is there; a folder that is another user's has nothing for this one."""
    with contextlib.suppress(PermissionError):
        return path.is_file()
    return False


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
    movements = (painting.movement, *_ALSO_CALLED.get(painting.movement, ()))
    titles = dict.fromkeys((painting.name, *painting.titles.values(), *painting.other_names))
    names = (*titles, painting.artist, painting.id, *movements)
    plain = [_plain(name) for name in names]
    words = _plain(painting.artist).split()
    # As "vangogh": two words that were typed as one.
    joined = [first + second for first, second in pairwise(words)]
    artist = _plain(painting.artist)
    return (*plain, *joined, *(f"{title} {artist}" for title in plain[: len(titles)]))


def _likeness(wanted: str, name: str, shortest_alone: int) -> float:
    """0 for no likeness, up to 102: whole beginnings first, then each word with its errors."""
    words = name.split()
    if name.startswith(wanted):
        return 102.0
    if f" {wanted}" in name:
        return 101.0
    parts = wanted.split()
    shortest = shortest_alone if len(parts) == 1 else SHORTEST_WITH_ERRORS
    by_word = min(max(_word_likeness(part, word, shortest) for word in words) for part in parts)
    if by_word > 0 or len(wanted) < SHORTEST_WHOLE:
        return by_word
    from rapidfuzz import fuzz  # noqa: PLC0415 (2 MiB, for typing errors alone)

    whole = float(fuzz.partial_ratio(wanted, name))
    return whole / 2 if whole >= LEAST_WHOLE else 0.0


def _word_likeness(typed: str, word: str, shortest: int) -> float:
    """0 or 1 to 100; errors are forgiven in words of at least `shortest` letters.

    A word may be typed by half only, and with an error for each four letters.
    """
    if word.startswith(typed):
        return 100.0
    errors = (len(typed) + 2) // 4 if len(typed) >= shortest else 0
    if not errors:
        return 0.0  # unless it is the same, with which it began
    from rapidfuzz.distance import OSA  # noqa: PLC0415 (see `_likeness`)

    found = min(
        OSA.distance(typed, word, score_cutoff=errors),
        OSA.distance(typed, word[: len(typed)], score_cutoff=errors),
    )
    return 100.0 * (1 - found / (len(typed) + 1)) if found <= errors else 0.0


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join("".join(each if each.isalnum() else " " for each in kept).split())
