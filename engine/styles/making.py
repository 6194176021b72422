"""Make the fingerprint of a picture file for the lite network."""

import io

import torch
from PIL import Image

from engine.lite.encoder import LiteEncoder
from engine.painting.picture import Picture
from engine.painting.recipe import load_recipe
from engine.styles.fingerprints import measure_fingerprint
from engine.styles.packing import pack
from jobs.pictures.decode import normalise


def make_fingerprint(data: bytes, recipe: str = "atelier") -> bytes:
    """The fingerprint of a picture file, as a file.

    Raises:
        jobs.pictures.decode.PictureProblem: it is no picture that can be used.
        engine.painting.problems.SettingsProblem: there is no such recipe.
    """
    picture = picture_from_file(data)
    encoder = LiteEncoder(dtype=torch.float32)
    choice = load_recipe(recipe).choice_for(encoder.layers)
    layers = [name for name in encoder.layers if choice is None or name in choice.style]
    return pack(measure_fingerprint(encoder, picture, layers))


def picture_from_file(data: bytes) -> Picture:
    """An upright sRGB picture from a file's bytes."""
    with Image.open(io.BytesIO(normalise(data).png)) as image:
        return Picture.from_image(image)
