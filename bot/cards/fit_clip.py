"""A painting that moves as a file that fits the place where it is shown."""

from collections.abc import Sequence

from bot.cards.small_print import Attached
from bot.pictures.upload_encoder import UploadEncoder
from bot.texts import Texts
from bot.wire.uploads import MIB, REQUEST_LIMIT_BYTES, ROOM_BYTES
from common.store import PictureStore
from jobs.model import PaintedClip

NAMES = {"mp4": "MP4", "gif": "GIF", "webp": "WebP"}
OF_LOOPS = ("gif", "webp", "mp4")
"""What is shown of what goes on for ever, the best first: a GIF plays by itself and everywhere."""
OF_FILMS = ("mp4", "webp", "gif")
"""What is shown of what is shown once."""


async def fitted_clip(
    t: Texts,
    store: PictureStore,
    press: UploadEncoder,
    clip: PaintedClip,
    *,
    limit_bytes: int,
    name: str,
    is_result: bool = False,
) -> Attached:
    """The best of its files that can be uploaded, else a smaller one made for it; and says so.

    Raises:
        PictureMissingError: if it is no longer stored.
        ChildError: if it could not be encoded.
    """
    limit_bytes = min(limit_bytes, REQUEST_LIMIT_BYTES - ROOM_BYTES)
    order = [kind for kind in best_kinds(clip.plays) if kind in clip.files]
    too_large: list[tuple[str, int]] = []
    for kind in order:
        key = clip.files[kind]
        size_bytes = await store.total_bytes([key])
        if 0 < size_bytes <= limit_bytes:
            note = _instead(t, too_large, kind, limit_bytes) if too_large else None
            return Attached(await store.get(key), f"{name}.{kind}", note)
        if size_bytes:
            too_large.append((kind, size_bytes))
    encoded = await press.fit_clip(await store.get(clip.key), limit_bytes, is_result=is_result)
    note = t(
        "Shown as a smaller video of {width} × {height} px: at most {limit} MiB can be uploaded "
        "here.",
        width=encoded.width_px,
        height=encoded.height_px,
        limit=f"{limit_bytes / MIB:.3g}",
    )
    return Attached(encoded.data, f"{name}{encoded.suffix}", note)


def best_kinds(plays: int) -> Sequence[str]:
    """The kinds of file in which a clip is shown, by how often it plays; the best first."""
    return OF_FILMS if plays == 1 else OF_LOOPS


def _instead(t: Texts, too_large: list[tuple[str, int]], kind: str, limit_bytes: int) -> str:
    """Which file would have been better, and why it is not the one."""
    better, size_bytes = too_large[0]
    return t(
        "Shown as {format}: the {original} of {size:.1f} MiB is above the {limit} MiB that can be "
        "uploaded here.",
        format=NAMES[kind],
        original=NAMES[better],
        size=size_bytes / MIB,
        limit=f"{limit_bytes / MIB:.3g}",
    )
