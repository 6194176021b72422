"""The catalogue's files, and its search, which tolerates typing errors."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.catalogue import (
    CatalogueError,
    Painting,
    load_catalogue,
    needs_download,
    parse_painting,
)
from common.catalogue.catalogue import kept_scan, read_catalogue, scan_path
from tests.kit.other_user import without_access

PAINTINGS = list(load_catalogue())
VALID_FILE = """
name = "A Painting"
year = 1900
museum = "A museum"
license = "Public domain"
movement = "Realism"
[artist]
name = "Somebody"
born = 1850
died = 1920
[scan]
commons_file = "A painting.jpg"
aspect_ratio = 1.5
"""


def test_catalogue_has_enough_paintings_by_enough_artists() -> None:
    assert len(PAINTINGS) >= 16
    assert len({painting.artist for painting in PAINTINGS}) >= 12


@pytest.mark.parametrize("painting", PAINTINGS, ids=lambda painting: painting.id)
def test_each_painting_is_public_domain_with_a_source(painting: Painting) -> None:
    entry = painting.artist_entry
    assert entry.born < painting.year <= entry.died < 1955
    assert "Public domain" in painting.license
    assert painting.image_url.startswith("https://commons.wikimedia.org/wiki/Special:FilePath/")
    assert painting.image_url.isascii()
    assert " " not in painting.image_url
    assert not painting.fingerprints or painting.swatch_path is not None


def test_valid_painting_file_gets_defaults() -> None:
    painting = parse_painting("a-painting", VALID_FILE)
    assert (painting.id, painting.artist, painting.scan.aspect_ratio) == (
        "a-painting",
        "Somebody",
        1.5,
    )
    settings = painting.settings
    assert (settings.style_scale, settings.strength, settings.pooling) == (1.0, 0.5, None)
    assert painting.scan.aspect_tolerance == 0.02
    assert not painting.fingerprints
    assert painting.swatch_path is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda text: text.replace('name = "A Painting"', ""), "name"),
        (lambda text: text.replace("died = 1920", "died = 1973"), "artist.died"),
        (lambda text: text.replace("year = 1900", 'year = "1900"'), "year"),
        (lambda text: text.replace("aspect_ratio = 1.5", "aspect_ratio = 0"), "scan.aspect_ratio"),
        (lambda text: text.replace("A painting.jpg", "../passwords"), "scan.commons_file"),
        (lambda text: text + "\nsize = 3", "scan.size"),
        (lambda text: text + '[settings]\npooling = "median"', "settings.pooling"),
        (lambda text: text + "[settings]\nstyle_scale = 0.0", "settings.style_scale"),
        (lambda _: "name = ", "not TOML"),
    ],
)
def test_invalid_painting_file_is_refused_naming_the_field(
    change: Callable[[str], str], field: str
) -> None:
    with pytest.raises(CatalogueError) as refused:
        parse_painting("a-painting", change(VALID_FILE))
    assert "a-painting.toml" in str(refused.value)
    assert field in str(refused.value)


def test_empty_catalogue_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no paintings"):
        read_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("query", "expected_id"),
    [
        ("star", "starry-night"),
        ("stary nite", "starry-night"),
        ("nuit etoilee", "starry-night"),
        ("CAFE", "cafe-terrace-at-night"),
        ("klee", "temple-gardens"),
        ("mondrain", "composition-in-red-blue-and-yellow"),
        ("starry night van gogh", "starry-night"),
        ("pointilism", "la-grande-jatte"),
        ("vangoh", "almond-blossom"),
        ("cubism", "composition-in-red-blue-and-yellow"),
        ("cubist", "simultaneous-windows"),
        ("composition-vii", "composition-vii"),
    ],
)
def test_search_finds_the_intended_painting_first(query: str, expected_id: str) -> None:
    assert load_catalogue().search(query)[0].id == expected_id


def test_search_finds_all_of_an_artist_and_of_a_movement() -> None:
    of_artist = {painting.id for painting in PAINTINGS if painting.artist == "Vincent van Gogh"}
    assert of_artist <= {painting.id for painting in load_catalogue().search("vna gogh")}
    prints = {painting.id for painting in PAINTINGS if painting.movement == "Ukiyo-e"}
    assert {painting.id for painting in load_catalogue().search("ukiyo")} == prints


def test_search_without_a_text_finds_all_and_nonsense_finds_none() -> None:
    assert load_catalogue().search("") == PAINTINGS[:25]
    assert load_catalogue().search("  ", limit=3) == PAINTINGS[:3]
    for nonsense in ("xyzzyq", "🎨", "???", "…", "_"):
        assert load_catalogue().search(nonsense) == []
    for word in ("none", "test", "any", "cat"):
        assert load_catalogue().search(word, sure=True) == []


def _with_error(word: str, position: int, kind: str) -> str:
    position %= len(word)
    match kind:
        case "lost":
            return word[:position] + word[position + 1 :]
        case "doubled":
            return word[: position + 1] + word[position:]
        case "swapped":
            at = min(position, len(word) - 2)
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case _:
            return word[:position] + "q" + word[position + 1 :]


@given(
    painting=st.sampled_from(PAINTINGS),
    position=st.integers(0, 30),
    kind=st.sampled_from(["lost", "doubled", "swapped", "wrong"]),
    data=st.data(),
)
def test_one_error_in_a_word_does_not_hide_a_painting(
    painting: Painting, position: int, kind: str, data: st.DataObject
) -> None:
    words = re.findall(r"\w{5,}", f"{painting.name} {painting.artist}")
    word = data.draw(st.sampled_from(words))
    assert painting in load_catalogue().search(_with_error(word, position, kind))


@given(st.text(max_size=200))
def test_search_takes_any_text(text: str) -> None:
    assert len(load_catalogue().search(text, limit=5)) <= 5


def test_scans_in_an_unreadable_folder_are_unavailable(tmp_path: Path) -> None:
    painting = PAINTINGS[0]
    scan_path(painting, tmp_path).touch()
    with without_access(tmp_path):
        assert kept_scan(painting, tmp_path) is None
    assert kept_scan(painting, tmp_path) == scan_path(painting, tmp_path)


def test_painting_without_scan_and_fingerprint_needs_a_download(tmp_path: Path) -> None:
    painting = parse_painting("a-painting", VALID_FILE)
    assert needs_download(painting, tmp_path)
    scan_path(painting, tmp_path).write_bytes(b"a scan")
    assert not needs_download(painting, tmp_path)
    assert not any(needs_download(one, tmp_path) for one in PAINTINGS if one.fingerprints)
