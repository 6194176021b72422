"""The picture of a job as a file that fits the place where it is shown."""

from dataclasses import replace

from bot.cards.fit_clip import fitted_clip
from bot.cards.small_print import Attached
from bot.pictures.upload_encoder import UploadEncoder
from bot.texts import Texts
from bot.wire.uploads import MIB, REQUEST_LIMIT_BYTES, ROOM_BYTES
from common.store import PictureStore
from jobs.model import Job


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


async def fitted_result(
    t: Texts,
    store: PictureStore,
    press: UploadEncoder,
    job: Job,
    limit_bytes: int,
    *,
    is_result: bool = False,
) -> Attached | None:
    """The finished picture of a job, moving if it is to, or all its versions; None: it has none.

    Raises:
        PictureMissingError: if one is no longer stored.
        ChildError: if one could not be encoded.
    """
    if job.result_key is None:
        return None
    name = f"atelier-{job.id}"
    clip = job.report.clip if job.report else None
    if clip is not None:
        return await fitted_clip(
            t, store, press, clip, limit_bytes=limit_bytes, name=name, is_result=is_result
        )
    keys = (job.report.variants if job.report else ()) or (job.result_key,)
    limit_bytes = min(limit_bytes, (REQUEST_LIMIT_BYTES - ROOM_BYTES) // len(keys))
    names = [name] if len(keys) == 1 else [f"{name}-{n}" for n in range(1, len(keys) + 1)]
    first, *more = [
        await fitted(
            t, store, press, key=key, limit_bytes=limit_bytes, name=name, is_result=is_result
        )
        for key, name in zip(keys, names, strict=True)
    ]
    return replace(first, more=tuple(more))


def _suffix(key: str) -> str:
    return "." + key.rpartition(".")[2]
