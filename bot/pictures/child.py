"""The child process that encodes, so that the bot itself stays small and responsive.

A request names in `what` what to make of its files, in at most `limit_bytes`: `fit` or `compare`,
for clips `fit_clip` or `compare_clips`. The answer has the fields of an `Encoded` and its bytes.
See `common.child` for the protocol.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from PIL import Image, ImageFile

from bot.pictures.encoded import Encoded
from bot.pictures.provenance import said_by
from common.child import Header, Message, serve
from common.confining import confine, leave_network, readable_modules
from common.pictures.white import on_white

QUALITIES: Final = (95, 90, 85, 80, 72, 64, 55, 45)
GOOD_JPEG: Final = 85  # below this, WebP looks better at the same size
WEBP_MAX_SIDE_PX: Final = 16383
SHRINK: Final = 0.8
COMPARE_MAX_HEIGHT_PX: Final = 1600
COMPARE_MAX_WIDTH_PX: Final = 4096
GAP_PX: Final = 12
MEMORY_BYTES: Final = 4 * 1024**3  # of address space; enough for two pictures of 8192 px


def fit(data: bytes, limit_bytes: int) -> Encoded:
    """The best JPEG or WebP of at most `limit_bytes`; scaled down only if nothing else helps.

    It keeps the picture's provenance metadata.
    """
    Image.MAX_IMAGE_PIXELS = None  # our own picture, so no decompression bomb
    picture: Image.Image = Image.open(io.BytesIO(data))
    return _fit(picture, limit_bytes, said_by(picture))


def _fit(picture: Image.Image, limit_bytes: int, said: Mapping[str, Any]) -> Encoded:
    has_alpha = picture.mode in {"RGBA", "LA"} or "transparency" in picture.info
    picture = picture.convert("RGBA" if has_alpha else "RGB")
    is_smaller = False
    while True:
        encoded = _best(picture, limit_bytes, said, has_alpha=has_alpha)
        if encoded is not None:
            suffix, quality, content = encoded
            return Encoded(content, suffix, quality, *picture.size, is_smaller)
        width, height = (max(1, round(side * SHRINK)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
        is_smaller = True


def _best(
    picture: Image.Image, limit_bytes: int, said: Mapping[str, Any], *, has_alpha: bool
) -> tuple[str, int, bytes] | None:
    if not has_alpha:
        for quality in (quality for quality in QUALITIES if quality >= GOOD_JPEG):
            content = _save(picture, "JPEG", **said, quality=quality, subsampling=0, optimize=True)
            if len(content) <= limit_bytes:
                return ".jpg", quality, content
    if max(picture.size) > WEBP_MAX_SIDE_PX:
        return None
    for quality in QUALITIES:
        content = _save(picture, "WEBP", **said, quality=quality, method=3, use_sharp_yuv=True)
        if len(content) <= limit_bytes:
            return ".webp", quality, content
    return None


def compare(before: bytes, after: bytes, limit_bytes: int) -> Encoded:
    """Two pictures side by side at the same height, on white, with the metadata of the second."""
    Image.MAX_IMAGE_PIXELS = None  # both were checked when they were attached
    opened = [Image.open(io.BytesIO(data)) for data in (before, after)]
    said = said_by(opened[1])
    pictures = [on_white(picture) for picture in opened]
    height = min(COMPARE_MAX_HEIGHT_PX, max(picture.height for picture in pictures))
    widths = [max(1, round(picture.width * height / picture.height)) for picture in pictures]
    shrink = min(1.0, COMPARE_MAX_WIDTH_PX / (sum(widths) + GAP_PX))
    height = max(1, int(height * shrink))
    widths = [max(1, int(width * shrink)) for width in widths]
    sheet = Image.new("RGB", (sum(widths) + GAP_PX, height), "white")
    left = 0
    for picture, width in zip(pictures, widths, strict=True):
        sheet.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (left, 0))
        left += width + GAP_PX
    return _fit(sheet, limit_bytes, said)


def _save(picture: Image.Image, kind: str, **options: object) -> bytes:
    # Pillow guesses the buffer that a JPEG needs, and fails if the guess is too small.
    ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, 4 * picture.width * picture.height)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _answer(request: Header, files: Sequence[bytes]) -> Message:
    makers: dict[str, Callable[..., Encoded]] = {"fit": fit, "compare": compare}
    if request["what"] not in makers:
        from bot.pictures import clips  # noqa: PLC0415 - stills do not need FFmpeg, which is large

        makers = {"fit_clip": clips.fit_clip, "compare_clips": clips.compare_clips}
    encoded = makers[request["what"]](*files, request["limit_bytes"])
    return {**asdict(encoded), "data": None}, [encoded.data]


def main() -> None:
    """Drop the rights that encoding does not need, and serve until standard input closes."""
    leave_network()
    Image.init()  # loads all codecs while files may still be read
    confine(memory_bytes=MEMORY_BYTES, folder=None, readable=readable_modules())
    serve(_answer)


if __name__ == "__main__":
    main()
