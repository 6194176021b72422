"""Every file that a painting becomes shows its colors in Chromium, with white or nothing around."""

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
    pytest.mark.skipif(executable() is None, reason="there is no Chromium"),
]
MIMES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
}
CLOSE = 2.0


def painting() -> Image.Image:
    """Squares of color, each as large as what codecs take at once, on which nothing is guessed."""
    return Image.fromarray(patches().astype(np.uint8)).resize((480, 240), Image.Resampling.NEAREST)


def cut_out() -> Image.Image:
    """An orange disk with orange hidden around it."""
    image = Image.new("RGBA", (256, 256), (230, 120, 20, 0))
    ImageDraw.Draw(image).ellipse((30, 30, 226, 226), fill=(230, 120, 20, 255))
    return image


def on_white(image: Image.Image) -> Array:
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image).convert("RGB"))


def test_pictures_and_films_show_their_colors_in_chromium(tmp_path: Path) -> None:
    image, clear = painting(), cut_out()
    with viewer() as chromium:
        for suffix in (".png", ".jpg", ".webp"):
            data = encode_picture(Picture.from_image(image), suffix)
            assert difference(shown(chromium, data, suffix), np.asarray(image)) < CLOSE, suffix
            data = encode_picture(Picture.from_image(clear), suffix)
            right = on_white(clear) if suffix == ".jpg" else np.asarray(clear)
            assert difference(shown(chromium, data, suffix), right) < CLOSE, suffix
        for suffix in (".gif", ".mp4"):
            for picture, right in ((image, np.asarray(image)), (clear, on_white(clear))):
                path = tmp_path / f"film{suffix}"
                with time_lapse(path, picture.size) as film:
                    film.add(picture)
                    film.add(picture)
                found = shown(chromium, path.read_bytes(), suffix)
                assert difference(found, right) < CLOSE, suffix


def test_uploads_and_compare_sheets_show_their_colors_in_chromium() -> None:
    clear = cut_out()
    png = encode_picture(Picture.from_image(clear), ".png")
    with viewer() as chromium:
        upload = fit(png, 8_000_000)
        found = shown(chromium, upload.data, upload.suffix)
        assert difference(found, np.asarray(clear)) < CLOSE
        sheet = compare(png, png, 8_000_000)
        found = shown(chromium, sheet.data, sheet.suffix)
        assert difference(found[:, :256], on_white(clear)) < CLOSE
        assert difference(found[:, -256:], on_white(clear)) < CLOSE


def test_a_tiff_holds_the_same_colors() -> None:
    for image in (painting(), cut_out()):
        data = encode_picture(Picture.from_image(image), ".tif")
        read = Image.open(io.BytesIO(normalize(data).png))
        assert difference(np.asarray(read), np.asarray(image)) < CLOSE


def shown(chromium: Chromium, data: bytes, suffix: str) -> Array:
    found = chromium.show(data, MIMES[suffix], at_seconds=1.0 if suffix == ".mp4" else 0)
    assert found is not None, suffix
    return found
