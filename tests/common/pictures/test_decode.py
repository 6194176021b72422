"""Any file becomes an upright sRGB PNG or is refused with an explanation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pillow_heif import register_heif_opener

from common.pictures import DecodeLimits, PictureError
from common.pictures.decode import normalize
from common.pictures.reducing import Reducer
from tests.kit.pictures import SKIMAGE_DATA, decoded, decompression_bomb, encoded
from tools.picture_files.profiles import rgb_profile

COFFEE = SKIMAGE_DATA / "coffee.png"


def gradient_image(width: int = 64, height: int = 48) -> Image.Image:
    red = np.tile(np.linspace(0, 255, width), (height, 1))
    green = np.tile(np.linspace(0, 255, height)[:, None], (1, width))
    return Image.fromarray(np.dstack([red, green, 255 - red]).astype(np.uint8))


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_every_promised_format_is_read(name: str) -> None:
    register_heif_opener()
    picture = normalize(encoded(gradient_image(), name))
    image = decoded(picture.png)
    assert (image.mode, image.size) == ("RGB", (64, 48))
    difference = np.abs(np.asarray(image, float) - np.asarray(gradient_image(), float)).mean()
    assert difference < 12  # GIF has 256 colors, the others lose less


def test_photograph_keeps_its_exact_pixels() -> None:
    picture = normalize(COFFEE.read_bytes())
    with Image.open(COFFEE) as original:
        assert np.array_equal(np.asarray(decoded(picture.png)), np.asarray(original.convert("RGB")))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied_and_dropped(orientation: int) -> None:
    upright = gradient_image(64, 32)
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Secret Camera"
    picture = normalize(encoded(stored, "PNG", exif=exif))
    image = decoded(picture.png)
    assert np.array_equal(np.asarray(image), np.asarray(upright))
    assert not image.getexif()
    assert b"Secret" not in picture.png


def test_cmyk_and_grey_become_rgb() -> None:
    for mode in ("CMYK", "L"):
        picture = normalize(encoded(gradient_image().convert(mode), "JPEG", quality=95))
        assert decoded(picture.png).mode == "RGB"


def test_sixteen_bit_grey_keeps_its_tones() -> None:
    tones = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (32, 1))
    for name in ("PNG", "TIFF"):
        image = decoded(normalize(encoded(Image.fromarray(tones), name)).png)
        assert np.abs(np.asarray(image)[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_floating_point_tiff_keeps_its_tones() -> None:
    tones = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (32, 1))
    image = decoded(normalize(encoded(Image.fromarray(tones), "TIFF")).png)
    assert np.abs(np.asarray(image)[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_palette_with_transparency_keeps_alpha() -> None:
    image = gradient_image().convert("P")
    image.info["transparency"] = 0
    picture = normalize(encoded(image, "PNG", transparency=image.getpixel((0, 0))))
    assert picture.has_alpha
    assert decoded(picture.png).mode == "RGBA"


def test_opaque_alpha_is_dropped_and_real_alpha_kept() -> None:
    image = gradient_image()
    image.putalpha(255)
    assert not normalize(encoded(image)).has_alpha
    image.putalpha(Image.new("L", image.size, 128))
    assert decoded(normalize(encoded(image)).png).getchannel("A").getextrema() == (128, 128)


def test_embedded_profile_is_applied_and_dropped() -> None:
    half_the_light = Image.new("RGB", (32, 32), (128, 128, 128))
    image = decoded(normalize(encoded(half_the_light, icc_profile=rgb_profile(1.0))).png)
    assert image.getpixel((5, 5)) == (188, 188, 188)
    assert "icc_profile" not in image.info


def test_a_broken_profile_is_ignored() -> None:
    picture = normalize(encoded(gradient_image(), icc_profile=b"nonsense"))
    assert np.array_equal(np.asarray(decoded(picture.png)), np.asarray(gradient_image()))


def test_animation_uses_its_first_frame_with_a_note() -> None:
    frames = [Image.new("RGB", (32, 32), color) for color in ("red", "lime", "blue")]
    for name in ("GIF", "WEBP", "PNG"):
        extra = {"lossless": True} if name == "WEBP" else {}
        data = encoded(frames[0], name, save_all=True, append_images=frames[1:], **extra)
        picture = normalize(data)
        assert decoded(picture.png).convert("RGB").getpixel((5, 5)) == (255, 0, 0)
        assert any("first frame" in str(note) for note in picture.notes)


def test_large_pictures_are_reduced_keeping_their_aspect() -> None:
    picture = normalize(encoded(gradient_image(3000, 1500)), DecodeLimits(max_side_px=1000))
    assert (picture.width_px, picture.height_px) == (1000, 500)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"hello, I am a text", "not a picture"),
        (b"%PDF-1.7 not for us", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (encoded(Image.new("RGB", (1, 1))), "only 1 × 1"),
        (encoded(Image.new("RGB", (10000, 10))), "only 10000 × 10"),
        (encoded(Image.new("RGB", (1000, 20))), "too narrow"),
        (encoded(Image.new("RGB", (80, 648))), "at most 8 times the other"),
        (encoded(gradient_image(640, 480), "PNG")[:600], "damaged"),
        (encoded(gradient_image(640, 480), "JPEG")[:3000], "damaged"),
        (decompression_bomb(), " MP are accepted"),
        (b"\xef\xbb\xbf\n<!DOCTYPE HTML><html>gone</html>", "it is a web page."),
        (b"<HTML><body>403</body></HTML>", "it is a web page."),
        (b"ID3\4\0\0\0\0\0\0", "it is a sound file."),
        (b"RIFF\x24\0\0\0WAVEfmt ", "it is a sound file."),
        (b"RIFF\x24\0\0\0AVI LIST", "it is an AVI video."),
    ],
)
def test_unusable_file_is_refused_with_an_explanation(data: bytes, message: str) -> None:
    with pytest.raises(PictureError, match=message) as problem:
        normalize(data)
    assert str(problem.value).endswith(".")


@pytest.mark.parametrize(
    "layout",
    [{}, {"progressive": True}, {"restart_marker_rows": 1}],
    ids=str,
)
def test_large_truncated_jpeg_is_refused_unless_almost_nothing_is_missing(
    layout: dict[str, int],
) -> None:
    with Image.open(COFFEE) as coffee:
        file = encoded(coffee.convert("RGB").resize((4000, 3000)), "JPEG", **layout)
    with pytest.raises(PictureError, match="damaged"):
        normalize(file[: int(0.85 * len(file))])
    normalize(file[: int(0.99 * len(file))])


def test_oversized_file_is_refused_with_an_explanation() -> None:
    with pytest.raises(PictureError, match="MiB"):
        normalize(b"x" * 2000, DecodeLimits(max_bytes=1000))


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]),
    overwrites=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=6),
    keep=st.floats(0.02, 1),
)
def test_damaged_files_raise_only_picture_error(
    name: str, overwrites: list[tuple[float, bytes]], keep: float
) -> None:
    data = bytearray(encoded(gradient_image(), name))
    for position, replacement in overwrites:
        at = int(position * (len(data) - 1))
        data[at : at + len(replacement)] = replacement
    data = data[: max(1, int(len(data) * keep))]
    try:
        picture = normalize(bytes(data), DecodeLimits(max_pixels=4_000_000))
    except PictureError:
        return
    assert decoded(picture.png).mode in {"RGB", "RGBA"}


def test_picture_eight_times_as_wide_as_high_is_accepted() -> None:
    assert normalize(encoded(Image.new("RGB", (640, 80)))).width_px == 640


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("alpha_white", [None, 200.0])
def test_reducer_averages_pieces_like_the_whole_picture(
    dtype: str, alpha_white: float | None
) -> None:
    noise = np.random.default_rng(0).integers(1, 200, (37, 53, 4)).astype(dtype)
    factor, pieces = 3, ((0, 10, 0, 53), (10, 11, 0, 20), (10, 11, 20, 53), (11, 37, 0, 53))
    reducer = Reducer(noise.shape, factor, noise.dtype, alpha_white)
    for top, bottom, left, right in pieces:
        reducer.add(top, left, noise[top:bottom, left:right])
    weights = np.ones_like(noise[..., :1]) if alpha_white is None else noise[..., 3:] / alpha_white
    weighted = np.concatenate([noise[..., :3] * weights, noise[..., 3:]], axis=2)
    for row in range(13):
        for column in range(18):
            block = np.s_[row * 3 : row * 3 + 3, column * 3 : column * 3 + 3]
            mean = weighted[block].mean((0, 1), dtype=float)
            mean[:3] /= weights[block].mean(dtype=float)
            assert np.abs(reducer.result()[row, column] - mean).max() <= 0.51
