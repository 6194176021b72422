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
"""The template of a painting's title inside a sentence; beside it stands whose it is."""
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
"""By `fingerprint_of`: what is to be said of it, to those who want to know, with the painting."""
LATEST_DEATH = 1954
"""Artists who died later may still be protected somewhere."""

FINGERPRINTS = Path(__file__).parent / "fingerprints"
"""Of each network that has some, a folder."""
SWATCHES = Path(__file__).parent / "swatches"
SCAN_WIDTH_PX = 1280

_Line = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
_FileName = Annotated[str, StringConstraints(pattern=r"^[^/\\?#<>|_]{3,200}\.(jpg|jpeg|png)$")]


class CatalogueError(AtelierError):
    """A file of the catalogue cannot be used; the text says which and why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ArtistEntry(_Part):
    """Who painted it; `died` is what makes it free everywhere."""

    name: _Line
    born: int = Field(ge=1200, le=1950)
    died: int = Field(ge=1200, le=LATEST_DEATH)


class ScanEntry(_Part):
    """The scan on Wikimedia Commons."""

    commons_file: _FileName
    """The file's name there, with spaces."""
    aspect_ratio: float = Field(ge=0.1, le=10)
    """Width divided by height."""
    aspect_tolerance: float = Field(0.02, ge=0.005, le=0.08)
    """How far off a download may be, as a share; wider than 2 % where only the painting's own
    measures are known, not the scan's.
    """


class PaintingSettings(_Part):
    """Settings that suit it; what is not given is left to the recipe."""

    style_scale: float = Field(1.0, ge=0.1, le=4.0)
    strength: float = Field(0.5, ge=0, le=1)
    pooling: Pooling | None = None


class _File(_Part):
    name: _Line
    other_names: tuple[_Line, ...] = Field((), strict=False)
    """More names by which it is found."""
    titles: dict[str, _Line] = Field(default_factory=dict)
    """What it is called in other languages, by their codes."""
    artist: ArtistEntry
    year: int = Field(ge=1200, le=LATEST_DEATH)
    museum: _Line
    license: _Line
    movement: _Line
    scan: ScanEntry
    settings: PaintingSettings = PaintingSettings()
    fingerprint_of: Literal["cropped scan", "other canvas"] | None = None
    """What its fingerprint was measured on, where not on this scan: one that is cropped above and
    below, or another canvas of the series, wider than this one.
    """


class Painting(_File):
    """A painting to choose as a style."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
    """The name by which it is chosen, such as `starry-night`."""
    artist_entry: ArtistEntry
    artist: str  # type: ignore[assignment]  # (the file's table, here only the name)

    def title(self, language: str) -> str:
        """What it is called in a language (`de`); its name where no other is known."""
        return self.titles.get(language) or self.titles.get(language[:2]) or self.name

    @property
    def titled(self) -> Sentence:
        """Its title inside a sentence: English, with the id by which a reader's own is found."""
        return Sentence(TITLE, {"title": self.name, "painting": self.id})

    @property
    def measured_on(self) -> Sentence | None:
        """What its fingerprint was measured on; None for its own scan."""
        if self.fingerprint_of is None:
            return None
        return Sentence(MEASURED_ON[self.fingerprint_of].template, {"painting": self.titled})

    @property
    def suiting(self) -> dict[str, Any]:
        """Options that suit it, by their names; without those that are left to the recipe."""
        return self.settings.model_dump(exclude_unset=True, exclude_none=True)

    @property
    def image_url(self) -> str:
        """The scan itself, scaled to a moderate width."""
        name = quote(self.scan.commons_file, safe="(),")
        return f"https://commons.wikimedia.org/wiki/Special:FilePath/{name}?width={SCAN_WIDTH_PX}"

    @cached_property
    def swatch_path(self) -> Path | None:
        """A small picture painted from its statistics alone; None where there is none."""
        path = SWATCHES / f"{self.id}.jpg"
        return path if path.is_file() else None

    @cached_property
    def fingerprints(self) -> dict[str, Path]:
        """Its statistics by network, such as `vgg19`; empty where none are shipped."""
        files = {file.parent.name: file for file in FINGERPRINTS.glob(f"*/{self.id}.safetensors")}
        return dict(sorted(files.items()))


def parse_painting(painting_id: str, text: str) -> Painting:
    """A painting from TOML.

    Raises:
        CatalogueError: with every place that is wrong.
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
