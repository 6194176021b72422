"""Decode a picture file from outside into an upright 8-bit sRGB PNG without metadata."""

import io
import warnings
import zlib
from typing import Final

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.Image import DecompressionBombError
from pillow_heif import register_heif_opener

from common.pictures.kinds import DecodeLimits, NormalisedPicture, PictureProblem
from common.pictures.levels import to_eight_bits
from common.sentences import Sentence, sentence

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")


def normalise(data: bytes, limits: DecodeLimits | None = None) -> NormalisedPicture:
    """Decode a file and bring it into the one form that the painter takes.

    Strangers' files belong into a process that can be killed: see `DecoderPool`.

    Raises:
        PictureProblem: if the file is no picture, is damaged, or is beyond a limit.
    """
    limits = limits or DecodeLimits()
    if not data:
        raise PictureProblem("That file is empty. Please attach the picture again.")
    if len(data) > limits.max_bytes:
        raise PictureProblem(
            "That file has {size:.1f} MiB; at most {limit:.0f} MiB are accepted. "
            "Please attach a smaller version.",
            size=len(data) / 2**20,
            limit=limits.max_bytes / 2**20,
        )
    register_heif_opener()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged metadata is dropped anyway
        return _normalise(data, limits)


def _normalise(data: bytes, limits: DecodeLimits) -> NormalisedPicture:
    Image.MAX_IMAGE_PIXELS = None  # our own limit speaks first, with a better sentence
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise PictureProblem(
            "That file is not a picture I can read. Please attach a PNG, JPEG, WebP, GIF, BMP, "
            "TIFF, AVIF or HEIC file."
        ) from None
    except (OSError, ValueError, SyntaxError, DecompressionBombError):
        raise _damaged() from None
    source_format = image.format or "?"
    notes: list[Sentence] = []
    try:
        _check_size(image.size, limits)
        if getattr(image, "n_frames", 1) > 1 and source_format != "MPO":
            notes.append(sentence("The file is animated; I used its first frame."))
        if source_format == "JPEG":
            image.draft(None, (limits.max_side_px, limits.max_side_px))
        image.load()
        upright = ImageOps.exif_transpose(image)
        picture = _to_srgb(to_eight_bits(upright))
    except PictureProblem:
        raise
    except MemoryError:
        raise PictureProblem(
            "That picture needs too much memory to decode. Please attach a smaller one."
        ) from None
    except (OSError, ValueError, SyntaxError, KeyError, IndexError, EOFError):
        raise _damaged() from None
    if max(picture.size) > limits.max_side_px:
        picture.thumbnail((limits.max_side_px, limits.max_side_px), Image.Resampling.LANCZOS)
    return _encode(picture, source_format, notes)


def _damaged() -> PictureProblem:
    return PictureProblem(
        "That picture is damaged or incomplete: it could not be decoded. "
        "Please save it again or attach another one."
    )


def _check_size(size: tuple[int, int], limits: DecodeLimits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise PictureProblem(
            "That picture has {width} × {height} pixels; at most {limit:.0f} megapixels are "
            "accepted. Please attach a smaller one.",
            width=width,
            height=height,
            limit=limits.max_pixels / 1e6,
        )
    if min(size) < limits.min_side_px:
        raise PictureProblem(
            "That picture has only {width} × {height} pixels; each side needs at least {limit}. "
            "Please attach a larger one.",
            width=width,
            height=height,
            limit=limits.min_side_px,
        )
    if max(size) > limits.max_aspect * min(size):
        raise PictureProblem(
            "That picture is too narrow ({width} × {height}): one side may be at most "
            "{limit:.0f} times the other. Please crop it.",
            width=width,
            height=height,
            limit=limits.max_aspect,
        )


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert to RGB or RGBA in sRGB, through the embedded profile where there is one."""
    alpha = _alpha_of(image)
    profile_bytes = image.info.get("icc_profile")
    if image.mode == "P":
        image = image.convert("RGB")
    rgb = _through_profile(image, profile_bytes) if profile_bytes else None
    if rgb is None:
        rgb = image.convert("RGB")
    if alpha is not None:
        rgb.putalpha(alpha)
    return rgb


def _alpha_of(image: Image.Image) -> Image.Image | None:
    """Return the alpha channel, or None where the picture is opaque throughout."""
    if not image.has_transparency_data:
        return None
    alpha = image.convert("RGBA").getchannel("A")
    darkest = alpha.getextrema()[0]
    return None if darkest == 255 else alpha


def _through_profile(image: Image.Image, profile_bytes: bytes) -> Image.Image | None:
    """Apply the embedded profile; None if the profile is broken or not for this mode."""
    if image.mode in {"RGBA", "LA", "PA"}:
        image = image.convert({"RGBA": "RGB", "LA": "L", "PA": "RGB"}[image.mode])
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile_bytes))
        converted = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return converted


def _encode(picture: Image.Image, source_format: str, notes: list[Sentence]) -> NormalisedPicture:
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    buffer = io.BytesIO()
    # Runs are what filtered rows are made of: quicker than matches, and smaller.
    clean.save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return NormalisedPicture(
        png=buffer.getvalue(),
        width_px=clean.width,
        height_px=clean.height,
        has_alpha=clean.mode == "RGBA",
        source_format=source_format,
        notes=tuple(notes),
    )
