"""Output files of all kinds have the right colors and transparency in Chromium."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bot.pictures.child import compare, fit
from common.pictures.decode import normalize
from engine.output.pictures import encode_picture
from engine.output.timelapse import time_lapse
from engine.painting.picture import Picture
from tools.picture_files.case import Array, patches
from tools.picture_files.chromium import Chromium, executable, viewer
from tools.picture_files.comparing import difference

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="Chromium is not installed"),
]
MIMES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
}
MAX_DIFFERENCE = 2.0


def color_patches() -> Image.Image:
    """Color patches of at least a codec block, so that no codec interpolates within them."""
    return Image.fromarray(patches().astype(np.uint8)).resize((480, 240), Image.Resampling.NEAREST)


def cut_out() -> Image.Image:
    """An orange disk on a transparent orange background."""
    image = Image.new("RGBA", (256, 256), (230, 120, 20, 0))
    ImageDraw.Draw(image).ellipse((30, 30, 226, 226), fill=(230, 120, 20, 255))
    return image


def on_white(image: Image.Image) -> Array:
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image).convert("RGB"))


def test_pictures_and_films_show_their_colors_in_chromium(tmp_path: Path) -> None:
    image, transparent = color_patches(), cut_out()
    with viewer() as chromium:
        for suffix in (".png", ".jpg", ".webp"):
            data = encode_picture(Picture.from_image(image), suffix)
            assert (
                difference(show_in_chromium(chromium, data, suffix), np.asarray(image))
                < MAX_DIFFERENCE
            ), suffix
            data = encode_picture(Picture.from_image(transparent), suffix)
            expected = on_white(transparent) if suffix == ".jpg" else np.asarray(transparent)
            assert (
                difference(show_in_chromium(chromium, data, suffix), expected) < MAX_DIFFERENCE
            ), suffix
        for suffix in (".gif", ".mp4"):
            for picture, expected in (
                (image, np.asarray(image)),
                (transparent, on_white(transparent)),
            ):
                path = tmp_path / f"film{suffix}"
                with time_lapse(path, picture.size) as timelapse:
                    timelapse.add(picture)
                    timelapse.add(picture)
                found = show_in_chromium(chromium, path.read_bytes(), suffix)
                assert difference(found, expected) < MAX_DIFFERENCE, suffix


def test_uploads_and_compare_sheets_show_their_colors_in_chromium() -> None:
    transparent = cut_out()
    png = encode_picture(Picture.from_image(transparent), ".png")
    with viewer() as chromium:
        upload = fit(png, 8_000_000)
        found = show_in_chromium(chromium, upload.data, upload.suffix)
        assert difference(found, np.asarray(transparent)) < MAX_DIFFERENCE
        sheet = compare(png, png, 8_000_000)
        found = show_in_chromium(chromium, sheet.data, sheet.suffix)
        assert difference(found[:, :256], on_white(transparent)) < MAX_DIFFERENCE
        assert difference(found[:, -256:], on_white(transparent)) < MAX_DIFFERENCE


def test_a_tiff_holds_the_same_colors() -> None:
    for image in (color_patches(), cut_out()):
        data = encode_picture(Picture.from_image(image), ".tif")
        read = Image.open(io.BytesIO(normalize(data).png))
        assert difference(np.asarray(read), np.asarray(image)) < MAX_DIFFERENCE


def show_in_chromium(chromium: Chromium, data: bytes, suffix: str) -> Array:
    found = chromium.show(data, MIMES[suffix], at_seconds=1.0 if suffix == ".mp4" else 0)
    assert found is not None, suffix
    return found
