"""The PNG encoder for stored pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from common.pictures.encode import encoded_png


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (3, 1), (1, 5), (64, 48)])
def test_encoded_png_decodes_to_the_same_pixels(mode: str, size: tuple[int, int]) -> None:
    random = np.random.default_rng(5)
    pixels = random.integers(0, 256, (size[1], size[0], len(mode)), dtype=np.uint8)
    with Image.open(io.BytesIO(encoded_png(Image.fromarray(pixels)))) as decoded:
        decoded.load()
        assert (decoded.format, decoded.mode, decoded.size) == ("PNG", mode, size)
        assert np.array_equal(np.asarray(decoded), pixels)
        assert not decoded.info


def test_smooth_picture_compresses_well() -> None:
    across, down = np.meshgrid(np.arange(256), np.arange(256))
    smooth = np.stack([across, down, (across + down) // 2], axis=2).astype(np.uint8)
    assert len(encoded_png(Image.fromarray(smooth))) < smooth.nbytes / 20
