"""The picture of a job as a file that fits the place where it is shown."""

from bot.cards.small_print import Attached
from bot.pictures.upload_encoder import UploadEncoder
from bot.texts import Texts
from common.store import PictureStore

MIB = 1024 * 1024
REQUEST_LIMIT_BYTES = 25 * MIB
ROOM_BYTES = 64 * 1024  # for the rest of the request


async def fitted(
    t: Texts,
    store: PictureStore,
    press: UploadEncoder,
    *,
    key: str,
    limit_bytes: int,
    name: str,
    is_result: bool = False,
) -> Attached:
    """The stored picture itself if it fits, else the best JPEG or WebP that does, and says so.

    Raises:
        PictureMissingError: if it is no longer stored.
        ChildError: if it could not be encoded.
    """
    data = await store.get(key)
    limit_bytes = min(limit_bytes, REQUEST_LIMIT_BYTES - ROOM_BYTES)
    if len(data) <= limit_bytes:
        return Attached(data, f"{name}{_suffix(key)}")
    encoded = await press.fit(data, limit_bytes, is_result=is_result)
    note = t(
        "Shown as {format} (quality {quality}): the {original} of {size:.1f} MiB is above the "
        "{limit} MiB that can be uploaded here.",
        format="JPEG" if encoded.suffix == ".jpg" else "WebP",
        quality=encoded.quality,
        original=_suffix(key).removeprefix(".").upper(),
        size=len(data) / MIB,
        limit=f"{limit_bytes / MIB:.3g}",
    )
    if encoded.is_smaller:
        note += " " + t(
            "It is reduced to {width} × {height} px.",
            width=encoded.width_px,
            height=encoded.height_px,
        )
    return Attached(encoded.data, f"{name}{encoded.suffix}", note)


def _suffix(key: str) -> str:
    return "." + key.rpartition(".")[2]
