"""Clip paintings of the fake engine: posterized frames."""

import io
import os

from PIL import Image, ImageOps

from common.clips.clip import Clip, read_clip, write_clip
from common.store import PictureStore
from jobs.model import Job, PaintedClip


async def painted_clip(
    job: Job, store: PictureStore, *, noise: bool = False
) -> tuple[Image.Image, PaintedClip]:
    """The first painted frame and the painted clip, whose files are put into the store."""
    assert job.inputs.clip is not None
    clip = read_clip(await store.get(job.inputs.clip.picture))
    frames = [_paint_frame(frame, job.options.size_px, noise=noise) for frame in clip.frames()]
    file = io.BytesIO()
    write_clip(file, frames, clip.durations_ms, plays=clip.plays)
    files = {kind: await store.put(_encode(frames, clip, kind), kind) for kind in ("gif", "webp")}
    files["mp4"] = await store.put(b"\0\0\0\x18ftypisom" + bytes(30_000), "mp4")
    return frames[0], PaintedClip(
        await store.put(file.getvalue(), "clip"),
        frames=len(clip),
        seconds=clip.seconds,
        plays=clip.plays,
        files=files,
        has_alpha=clip.description.has_alpha,
    )


async def moving_preview(job: Job, store: PictureStore) -> str:
    """Store a GIF of two frames; returns its key."""
    assert job.inputs.clip is not None
    clip = read_clip(await store.get(job.inputs.clip.picture))
    return await store.put(_encode(list(clip.frames())[:2], clip, "gif"), "gif")


def _paint_frame(frame: Image.Image, size_px: int, *, noise: bool) -> Image.Image:
    picture = frame.convert("RGB")
    picture.thumbnail((size_px, size_px))
    if noise:
        return Image.frombytes("RGB", picture.size, os.urandom(3 * picture.width * picture.height))
    return ImageOps.posterize(picture, 3)


def _encode(frames: list[Image.Image], clip: Clip, kind: str) -> bytes:
    file = io.BytesIO()
    durations = list(clip.durations_ms[: len(frames)])
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return file.getvalue()
