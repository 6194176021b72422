"""A job's picture, still or moving, as a file within the upload limit."""

import logging
from dataclasses import replace

from bot.cards.small_print import Attached
from bot.kit import Bot
from bot.texts import Texts
from bot.wire.uploads import MOST_BYTES
from common.settings import MIB
from common.store import PictureMissingError
from jobs.model import Job, PaintedClip

log = logging.getLogger(__name__)

NAMES = {"mp4": "MP4", "gif": "GIF", "webp": "WebP"}
OF_LOOPS = ("gif", "webp", "mp4")
"""Formats for loops, best first: a GIF plays by itself in every client.

Also for clips with transparency, however often they play: MP4 would fill it with white.
"""
OF_FILMS = ("mp4", "webp", "gif")
"""Formats for clips that play once, best first."""


async def fitted_result(
    t: Texts, client: Bot, job: Job, limit_bytes: int, *, is_result: bool = False
) -> Attached | None:
    """The finished picture of a job, its clip or its versions; None if it has none.

    Versions that are no longer stored are left out, which the note says.

    Raises:
        PictureMissingError: None is stored any more.
        ChildError: One could not be encoded.
    """
    keys = job.versions or ((job.result_key,) if job.result_key else ())
    if not keys:
        return None
    name = f"atelier-{job.id}"
    if job.report is not None and job.report.clip is not None:
        clip = job.report.clip
        return await _fitted_clip(t, client, clip, limit_bytes, name, is_result=is_result)
    limit_bytes = min(limit_bytes, MOST_BYTES // len(keys))
    names = [name] if len(keys) == 1 else [f"{name}-{n}" for n in range(1, len(keys) + 1)]
    found, lost = list[Attached](), list[str]()
    for place, (key, name) in enumerate(zip(keys, names, strict=True)):
        try:
            one = await fitted(t, client, key, limit_bytes, name, is_result=is_result)
        except PictureMissingError:
            if len(lost) + 1 == len(keys):
                raise
            log.warning("Picture %d of job %d is gone", place + 1, job.id)
            lost.append(str(place + 1))
        else:
            found.append(replace(one, place=place))
    first, *more = found
    if lost:
        said = t.plural(
            "Picture {numbers} is no longer kept.",
            "Pictures {numbers} are no longer kept.",
            count=len(lost),
            numbers=", ".join(lost),
        )
        first = replace(first, note=f"{first.note}\n-# {said}" if first.note else said)
    return replace(first, more=tuple(more))


async def fitted(
    t: Texts, client: Bot, key: str, limit_bytes: int, name: str, *, is_result: bool = False
) -> Attached:
    """The stored file if it is within the limit; else the best JPEG or WebP that is, with a note.

    Raises:
        PictureMissingError: It is no longer stored.
        ChildError: It could not be encoded.
    """
    data = await client.queue.store.get(key)
    limit_bytes = min(limit_bytes, MOST_BYTES)
    suffix = key.rpartition(".")[2]
    if len(data) <= limit_bytes:
        return Attached(data, f"{name}.{suffix}")
    encoded = await client.encoder.make("fit", limit_bytes, data, is_result=is_result)
    note = t(
        "Shown as {format} (quality {quality}): the {original} is {size:.1f} MiB, more than "
        "the {limit} MiB that can be uploaded here.",
        format="JPEG" if encoded.suffix == ".jpg" else "WebP",
        quality=encoded.quality,
        original=suffix.upper(),
        size=len(data) / MIB,
        limit=t.number(limit_bytes / MIB, ".3g"),
    )
    if encoded.is_smaller:
        note += " " + t(
            "It was reduced to {width} × {height} px.",
            width=encoded.width_px,
            height=encoded.height_px,
        )
    return Attached(encoded.data, f"{name}{encoded.suffix}", note)


async def _fitted_clip(
    t: Texts, client: Bot, clip: PaintedClip, limit_bytes: int, name: str, *, is_result: bool
) -> Attached:
    """The best stored format within the limit; else a smaller MP4. A note says so."""
    store, limit_bytes = client.queue.store, min(limit_bytes, MOST_BYTES)
    limit = t.number(limit_bytes / MIB, ".3g")
    too_large: list[tuple[str, int]] = []
    for kind in OF_FILMS if clip.plays == 1 and not clip.has_alpha else OF_LOOPS:
        size_bytes = await store.total_bytes([clip.files[kind]]) if kind in clip.files else 0
        if size_bytes > limit_bytes:
            too_large.append((kind, size_bytes))
        elif size_bytes:
            note = None
            if too_large:  # a better format, if it had fit
                better, better_bytes = too_large[0]
                note = t(
                    "Shown as {format}: the {original} is {size:.1f} MiB, more than the "
                    "{limit} MiB that can be uploaded here.",
                    format=NAMES[kind],
                    original=NAMES[better],
                    size=better_bytes / MIB,
                    limit=limit,
                )
            return Attached(await store.get(clip.files[kind]), f"{name}.{kind}", note)
    encoded = await client.encoder.make(
        "fit_clip", limit_bytes, await store.get(clip.key), is_result=is_result
    )
    note = t(
        "Shown as a smaller video of {width} × {height} px: at most {limit} MiB can be uploaded "
        "here.",
        width=encoded.width_px,
        height=encoded.height_px,
        limit=limit,
    )
    return Attached(encoded.data, f"{name}{encoded.suffix}", note)
