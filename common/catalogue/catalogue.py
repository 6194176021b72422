"""The catalogue: loading, fuzzy search, and which paintings are on this machine."""

import contextlib
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
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
"""Other search terms for a movement."""
PAINTINGS = Path(__file__).parent / "paintings"
SHORTEST_WITH_ERRORS = 3  # minimum length for typos in one of several words
SHORTEST_ALONE = 4  # the same for a single word; shorter ones resemble too many
SHORTEST_SURE = 5  # the same for `sure` searches
SHORTEST_WHOLE = 7  # minimum length for comparing a text as a whole
LEAST_WHOLE = 80.0
_SCAN_SUFFIX = ".jpg"


class Catalogue:
    """Paintings, sorted by name."""

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
        """Find paintings by name, artist, movement or ID, best match first.

        An empty text finds all; a text without letters or digits finds none. Case, accents and a
        few typos are ignored.

        Args:
            text: as typed.
            limit: maximum number of results.
            sure: leave out chance matches of short words, as of "none" with "Monet".
        """
        wanted = _plain(text)
        shortest = SHORTEST_SURE if sure else SHORTEST_ALONE
        if not wanted:  # no letters or digits
            return [] if text.strip() else list(self._paintings[:limit])
        scored = [
            (score, -place)
            for place, names in enumerate(self._texts)
            if (score := max(_likeness(wanted, name, shortest) for name in names)) > 0
        ]
        return [self._paintings[-place] for _, place in sorted(scored, reverse=True)[:limit]]


def scan_path(painting: Painting, styles_dir: Path) -> Path:
    """Path of a painting's scan, whether downloaded or not."""
    return styles_dir / f"{painting.id}{_SCAN_SUFFIX}"


def kept_scan(painting: Painting, styles_dir: Path) -> Path | None:
    """Path of a painting's scan if it was downloaded and is accessible; else None."""
    scan = scan_path(painting, styles_dir)
    return scan if _is_file(scan) else None


def needs_download(painting: Painting, styles_dir: Path) -> bool:
    """Whether neither a painting's scan nor a fingerprint is on this machine."""
    return kept_scan(painting, styles_dir) is None and not painting.fingerprints


def painted_swatch_path(painting: Painting, styles_dir: Path) -> Path:
    """Path of the swatch that the engine paints from a scan."""
    return styles_dir / "swatches" / f"{painting.id}{_SCAN_SUFFIX}"


def swatch_at_hand(painting: Painting, styles_dir: Path) -> Path | None:
    """The shipped swatch, or the one that the engine painted; None if there is none yet."""
    if painting.swatch_path is not None:
        return painting.swatch_path
    painted = painted_swatch_path(painting, styles_dir)
    return painted if _is_file(painted) else None


def _is_file(path: Path) -> bool:
    """Whether a file exists; False if its folder is not accessible."""
    with contextlib.suppress(PermissionError):
        return path.is_file()
    return False


@cache
def load_catalogue() -> Catalogue:
    """The shipped catalogue; cached.

    Raises:
        CatalogueError: a file of it is invalid.
    """
    return read_catalogue(PAINTINGS)


def read_catalogue(folder: Path) -> Catalogue:
    """Read a catalogue from a folder of TOML files.

    Raises:
        CatalogueError: a file is invalid, or there is none.
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
    # For two words typed as one, such as "vangogh".
    joined = [first + second for first, second in pairwise(words)]
    artist = _plain(painting.artist)
    return (*plain, *joined, *(f"{title} {artist}" for title in plain[: len(titles)]))


def _likeness(wanted: str, name: str, shortest_alone: int) -> float:
    """Similarity from 0 to 102: prefixes of the whole first, then each word with typos."""
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
    from rapidfuzz import fuzz  # noqa: PLC0415 (loaded for typos only)

    whole = float(fuzz.partial_ratio(wanted, name))
    return whole / 2 if whole >= LEAST_WHOLE else 0.0


@lru_cache(maxsize=4096)  # artists and movements have the same words in many paintings
def _word_likeness(typed: str, word: str, shortest: int) -> float:
    """Similarity of two words, 0 or 1 to 100; typos only in words of at least `shortest` letters.

    Only half of a word needs to be typed, with one typo per four letters.
    """
    if word.startswith(typed):
        return 100.0
    errors = (len(typed) + 2) // 4 if len(typed) >= shortest else 0
    if not errors:
        return 0.0  # an exact match was handled above
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
