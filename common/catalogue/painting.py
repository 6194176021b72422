"""One painting of the catalogue, read from a TOML file and checked."""

import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from common.errors import AtelierError
from common.options import Pooling
from common.sentences import Sentence, sentence

TITLE = "{title}"
"""Template of a painting's title within a sentence."""
MEASURED_ON = {
    "cropped scan": sentence(
        "The fingerprint of {painting} was measured on a scan that is cropped above and below.",
        painting="…",
    ),
    "other canvas": sentence(
        "The fingerprint of {painting} was measured on another canvas of the series, wider than "
        "this one.",
        painting="…",
    ),
}
"""Note about a painting's fingerprint, by `fingerprint_of`."""
LATEST_DEATH = 1954
"""Paintings of artists who died later may still be under copyright somewhere."""

FINGERPRINTS = Path(__file__).parent / "fingerprints"
"""Folder of fingerprints, with a subfolder per network."""
SWATCHES = Path(__file__).parent / "swatches"
SCAN_WIDTH_PX = 1280

_Line = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
_FileName = Annotated[str, StringConstraints(pattern=r"^[^/\\?#<>|_]{3,200}\.(jpg|jpeg|png)$")]


class CatalogueError(AtelierError):
    """A file of the catalogue is invalid; the text says which and why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ArtistEntry(_Part):
    """The artist; `died` proves that the painting is in the public domain."""

    name: _Line
    born: int = Field(ge=1200, le=1950)
    died: int = Field(ge=1200, le=LATEST_DEATH)


class ScanEntry(_Part):
    """Its scan on Wikimedia Commons."""

    commons_file: _FileName
    """Name of the file there, with spaces."""
    aspect_ratio: float = Field(ge=0.1, le=10)
    """Width divided by height."""
    aspect_tolerance: float = Field(0.02, ge=0.005, le=0.08)
    """Tolerance of a download's aspect ratio, relative; wider than 2 % if only the painting's
    measures are known, not the scan's."""


class PaintingSettings(_Part):
    """Options that suit it; None leaves them to the recipe."""

    style_scale: float = Field(1.0, ge=0.1, le=4.0)
    strength: float = Field(0.5, ge=0, le=1)
    pooling: Pooling | None = None


class _File(_Part):
    name: _Line
    other_names: tuple[_Line, ...] = Field((), strict=False)
    """Further names for searching."""
    titles: dict[str, _Line] = Field(default_factory=dict)
    """Its titles in other languages, by language code."""
    artist: ArtistEntry
    year: int = Field(ge=1200, le=LATEST_DEATH)
    museum: _Line
    license: _Line
    movement: _Line
    scan: ScanEntry
    settings: PaintingSettings = PaintingSettings()
    fingerprint_of: Literal["cropped scan", "other canvas"] | None = None
    """What its fingerprint was measured on, if not this scan: a crop, or another, wider canvas of
    the series."""


class Painting(_File):
    """A painting that can be chosen as a style."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
    """Its ID, such as `starry-night`."""
    artist_entry: ArtistEntry
    artist: str  # type: ignore[assignment]  # (the file's table, here only the name)

    def title(self, language: str) -> str:
        """Its title in a language (`de`); else its English name."""
        return self.titles.get(language) or self.titles.get(language[:2]) or self.name

    @property
    def titled(self) -> Sentence:
        """Its title for use within a sentence: English, with the ID to find the reader's own."""
        return Sentence(TITLE, {"title": self.name, "painting": self.id})

    @property
    def measured_on(self) -> Sentence | None:
        """Note about what its fingerprint was measured on; None for its own scan."""
        if self.fingerprint_of is None:
            return None
        return Sentence(MEASURED_ON[self.fingerprint_of].template, {"painting": self.titled})

    @property
    def suiting(self) -> dict[str, Any]:
        """The options that suit it, by name, without those left to the recipe."""
        return self.settings.model_dump(exclude_unset=True, exclude_none=True)

    @property
    def image_url(self) -> str:
        """URL of the scan, scaled to a moderate width."""
        name = quote(self.scan.commons_file, safe="(),")
        return f"https://commons.wikimedia.org/wiki/Special:FilePath/{name}?width={SCAN_WIDTH_PX}"

    @cached_property
    def swatch_path(self) -> Path | None:
        """File of a small picture painted from its fingerprint; None if there is none."""
        path = SWATCHES / f"{self.id}.jpg"
        return path if path.is_file() else None

    @cached_property
    def fingerprints(self) -> dict[str, Path]:
        """Files of its fingerprints by network, such as `vgg19`; empty if none are shipped."""
        files = {file.parent.name: file for file in FINGERPRINTS.glob(f"*/{self.id}.safetensors")}
        return dict(sorted(files.items()))


def parse_painting(painting_id: str, text: str) -> Painting:
    """Parse a painting from TOML.

    Raises:
        CatalogueError: listing everything that is invalid.
    """
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{painting_id}.toml is not TOML: {error}") from error
    try:
        file = _File.model_validate(table)
        values = {name: getattr(file, name) for name in _File.model_fields if name != "artist"}
        return Painting(id=painting_id, artist=file.artist.name, artist_entry=file.artist, **values)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False)
        )
        raise CatalogueError(f"{painting_id}.toml cannot be used: {wrong}") from error
