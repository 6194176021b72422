"""Copies of a picture keep the provenance metadata of its PNG, and no other metadata."""

import io
import json

import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base

from bot.pictures.child import compare, fit
from bot.pictures.provenance import said_by
from bot.pictures.upload_encoder import UploadEncoder
from engine.output.provenance import DIGITAL_SOURCE, with_provenance
from tests.kit.pictures import encoded, plain_picture

SETTINGS = {"seed": 7, "strength": 0.5, "style": "Impression, soleil levant – é"}


def noise_picture(size: tuple[int, int]) -> bytes:
    return encoded(Image.effect_noise(size, 60).convert("RGB"))


def painted(size: tuple[int, int] = (96, 64)) -> bytes:
    return with_provenance(noise_picture(size), "Atelier 9", "Water Lilies", SETTINGS)


def provenance_of(data: bytes) -> tuple[str, str, dict[str, object], bytes]:
    """The program, description, settings and XMP in the metadata of a file."""
    picture = Image.open(io.BytesIO(data))
    exif = picture.getexif()
    comment = exif.get_ifd(IFD.Exif)[Base.UserComment]
    settings = json.loads(comment.removeprefix(b"UNICODE\0").decode("utf-16-be"))
    return exif[Base.Software], exif[Base.ImageDescription], settings, picture.info["xmp"]


@pytest.mark.parametrize(("limit_bytes", "suffix"), [(1_000_000, ".jpg"), (4_000, ".webp")])
def test_reduced_copy_keeps_the_provenance(limit_bytes: int, suffix: str) -> None:
    copy = fit(painted(), limit_bytes)
    assert copy.suffix == suffix
    assert len(copy.data) <= limit_bytes
    program, description, settings, xmp = provenance_of(copy.data)
    assert program == "Atelier 9"
    assert "Water Lilies" in description
    assert settings == SETTINGS
    assert DIGITAL_SOURCE.encode() in xmp


def test_comparison_keeps_the_provenance() -> None:
    sheet = compare(plain_picture(), painted(), 1_000_000)
    assert provenance_of(sheet.data)[2] == SETTINGS


def test_picture_without_provenance_is_copied_without_metadata() -> None:
    assert said_by(Image.open(io.BytesIO(noise_picture((16, 16))))) == {}
    copy = Image.open(io.BytesIO(fit(noise_picture((16, 16)), 100_000).data))
    assert not copy.getexif()
    assert "xmp" not in copy.info


async def test_confined_upload_encoder_keeps_the_provenance() -> None:
    copy = await UploadEncoder().make("fit", 60_000, painted((256, 256)))
    assert provenance_of(copy.data)[2] == SETTINGS


def test_metadata_of_jpeg_and_webp_is_not_provenance() -> None:
    exif = Image.Exif()
    exif[Base.Software], exif[Base.ImageDescription] = "Camera 3", "At home"
    exif.get_ifd(IFD.Exif)[Base.UserComment] = b"ASCII\0\0\0The garden gate"
    for kind in ("JPEG", "WEBP"):
        photo = encoded(Image.new("RGB", (8, 8)), kind, exif=exif, xmp=b"<x:xmpmeta/>")
        opened = Image.open(io.BytesIO(photo))
        assert {"exif", "xmp"} <= set(opened.info)
        assert said_by(opened) == {}
