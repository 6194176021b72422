"""A painting of the catalogue as a style: its scan, or the statistics that ship with it."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from engine.painting.picture import Picture
from engine.painting.statistics import StyleStatistics
from jobs.catalogue import load_catalogue
from jobs.catalogue.catalogue import scan_path
from jobs.pictures import normalise
from jobs.settings import Settings


class StyleMissing(Exception):
    """A preset needs a download that failed; the text says so to the member."""


@dataclass(frozen=True, eq=False)
class PresetStyle:
    """A preset ready to paint with: a picture, or fingerprints for `network` alone."""

    name: str
    network: str
    picture: Picture | None = None
    fingerprints: Sequence[StyleStatistics] = field(default=())
    notes: tuple[str, ...] = ()


def preset_style(preset: str, settings: Settings, network: str) -> PresetStyle:
    """Find the painting.

    Raises:
        StyleMissing: there is none of this id, or its scan is not on this machine.
    """
    painting = load_catalogue().get(preset)
    if painting is None:
        raise StyleMissing(f"There is no painting {preset!r} in the catalogue; see /styles.")
    scan = scan_path(painting, settings.styles_dir)
    if not scan.is_file():
        raise StyleMissing(f"{painting.name} is not on this machine yet; choose another style.")
    picture = normalise(scan.read_bytes())
    image = Image.open(io.BytesIO(picture.png), formats=("PNG",))
    return PresetStyle(painting.name, network, Picture.from_image(image))
