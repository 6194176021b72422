"""Makes the fingerprint of a picture file for a network."""

import io

import torch
from PIL import Image

from common.pictures import DecodeLimits
from common.pictures.decode import normalize
from engine.networks.registry import NetworkSource, open_encoder
from engine.painting.picture import Picture
from engine.painting.plain_border import without_plain_border
from engine.recipes.recipe import load_recipe
from engine.styles.fingerprints import measure_fingerprint
from engine.styles.packing import pack


def make_fingerprint(
    data: bytes,
    recipe: str = "atelier",
    network: str = "vgg19",
    source: NetworkSource | None = None,
    *,
    limits: DecodeLimits | None = None,
) -> bytes:
    """The fingerprint of a picture file, as a file.

    Args:
        data: the picture file.
        recipe: whose layers are measured, and whose pooling is used.
        network: `vgg19` or `lite`.
        source: where networks come from.
        limits: for decoding the file; None for those of untrusted files.

    Raises:
        common.pictures.PictureError: no usable picture.
        engine.errors.PaintSettingsError: there is no such recipe.
        engine.networks.encoder.WeightsError: the network cannot be had.
    """
    chosen = load_recipe(recipe)
    picture = without_plain_border(picture_from_file(data, limits))
    encoder = open_encoder(
        network,
        source or NetworkSource(),
        device=torch.device("cpu"),
        dtype=torch.float32,
        pooling=chosen.pooling,
    )
    choice = chosen.choice_for(encoder.layers)
    layers = [name for name in encoder.layers if choice is None or name in choice.style]
    calm = choice is not None and choice.calm > 0
    return pack(measure_fingerprint(encoder, picture, layers, calm=calm))


def picture_from_file(data: bytes, limits: DecodeLimits | None = None) -> Picture:
    """An upright sRGB picture from a file's bytes."""
    with Image.open(io.BytesIO(normalize(data, limits).png)) as image:
        return Picture.from_image(image)
