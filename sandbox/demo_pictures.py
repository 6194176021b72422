"""The pictures of the demo: photographs and textures that come with scikit-image."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

MAX_UPLOAD_BYTES = 10 * 1024 * 1024


class NoPictureError(Exception):
    """A picture for the demo is missing; the message says which and what to do."""


@dataclass(frozen=True)
class DemoPictures:
    """The inputs of the demo: one photograph for the preset, one with a style picture."""

    first_photograph: Path
    second_photograph: Path
    style: Path


def bundled(name: str) -> Path:
    """The path of one of scikit-image's pictures, without a download."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise NoPictureError(
            "scikit-image, whose photographs the demonstration paints, is not installed; "
            "install the requirements, or name your own pictures with --content and --style."
        )
    path = Path(spec.origin).parent / "data" / name
    if not path.is_file():
        raise NoPictureError(
            f"{name} is not among scikit-image's pictures; "
            "name your own pictures with --content and --style."
        )
    return path


def choose(content: Path | None, style: Path | None) -> DemoPictures:
    """The caller's pictures if given, else the bundled ones."""
    pictures = DemoPictures(
        first_photograph=content or bundled("chelsea.png"),
        second_photograph=content or bundled("coffee.png"),
        style=style or bundled("ihc.png"),
    )
    for path in (pictures.first_photograph, pictures.second_photograph, pictures.style):
        if not path.is_file():
            raise NoPictureError(f"There is no file {path}.")
        if path.stat().st_size > MAX_UPLOAD_BYTES:
            raise NoPictureError(
                f"{path} is larger than the 10 MiB that Discord lets users upload."
            )
    return pictures
