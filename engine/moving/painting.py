"""Painting a clip: a generator of events, one frame after the other."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Protocol

import numpy as np
import torch
from PIL import Image

from common.options import PaintOptions
from engine.moving.clip_progress import ClipProgress
from engine.moving.events import ClipEvent, ClipPainted, FramePainted, FrameStepped
from engine.moving.faces import EVERY, ClipFaces
from engine.moving.flow import Pixels
from engine.moving.loop import LoopEnd
from engine.moving.painted_frames import PaintedFrames
from engine.moving.scenes import FramePair, Prior, Scenes
from engine.networks.encoder import Encoder
from engine.painting import (
    Control,
    Painted,
    PaintingFailedError,
    Picture,
    Prepared,
    Report,
    Stepped,
    Studio,
)
from engine.painting.checkpoint import fingerprint
from engine.painting.color import finish
from engine.painting.faces import Face, face_mask
from engine.painting.inputs import (
    Inputs,
    WarpedFrame,
    check_inputs,
    faces_to_keep,
    with_colors_first,
)
from engine.painting.painter import paint_inputs, picture_identity
from engine.painting.palette import Coloring
from engine.painting.picture import Size, fit_size, resized
from engine.painting.plan import Scale, colors_first
from engine.pipeline.pictures import Pictures
from engine.recipes.recipe import load_recipe

_PREVIEW_FRAMES = 12
_MADE = "colors by scene"
"""Part of the fingerprint: checkpoints of versions that painted frames otherwise are invalid."""


class Frames(Protocol):
    """The frames of a clip, such as `common.clips.clip.Clip`."""

    @property
    def loops(self) -> bool:
        """Whether the first frame follows the last."""

    def __len__(self) -> int: ...

    def frame(self, number: int) -> Image.Image:
        """A frame from 0, all of one size."""


@dataclass(eq=False)
class ClipPainting:
    """The painting of one clip."""

    clip: Frames
    pictures: Pictures
    """Its first frame, with styles and masks."""
    options: PaintOptions
    studio: Studio
    frames: PaintedFrames
    """The frames as they were painted; `finished` applies the final colors."""
    control: Control = field(default_factory=Control)
    _inputs: Inputs = field(init=False)
    _colors_first: float = field(init=False)
    _size: Size = field(init=False)
    _progress: ClipProgress = field(init=False)
    _faces: ClipFaces = field(init=False)
    _colorings: dict[int, Coloring] = field(init=False, default_factory=dict)
    """By the first frame of their scene."""
    _report_so_far: Report | None = field(init=False, default=None)
    """The report of all painted frames."""

    def __post_init__(self) -> None:
        options = self.options.model_copy(update={"network": self.pictures.network})
        self._inputs = check_inputs(
            self.pictures.content,
            self.pictures.styles,
            options,
            self.pictures.mask,
            self.pictures.start,
        )
        self._colors_first = colors_first(options, load_recipe(options.recipe))
        self.options = options
        self._size = fit_size(self.pictures.content.size, options.size_px)
        self._progress = ClipProgress(len(self.clip))
        self._faces = ClipFaces(len(self.clip), self._find_faces, self._content)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all pictures and settings, which a checkpoint must match."""
        frames = [Picture.from_image(self._clip_frame(one)).hash for one in range(len(self.clip))]
        options, recipe = self.options, load_recipe(self.options.recipe)
        return fingerprint(
            _MADE,
            frames,
            self.clip.loops,
            *picture_identity(self._inputs),
            options.model_dump_json(exclude={"timelapse", "timelapse_format"}),
            recipe.model_dump_json(),
            self._encoder.name,
            self._encoder.weights_hash,
        )

    @property
    def _encoder(self) -> Encoder:
        pooling = self.options.pooling or load_recipe(self.options.recipe).pooling
        return self.studio.encoder(self.options.network, pooling)

    def resume(self, checkpoint: bytes, file: Callable[[int], bytes]) -> None:
        """Resume an earlier run; to be called before `paint`.

        Args:
            checkpoint: of that run.
            file: returns the file of each of its frames. If it raises, that is passed on, and no
                frames are taken over.

        Raises:
            PaintSettingsError: the checkpoint belongs to another painting.
            PaintingStoppedError: `control` asked to stop.
            OSError: the disk is full.
        """

        def checked(number: int) -> bytes:
            self.control.check()
            return file(number)

        try:
            self._report_so_far = self.frames.restore(
                checkpoint,
                self.fingerprint,
                checked,
                network=self._encoder.name,
                weights=self._encoder.weights_hash,
            )
        except BaseException:
            self.frames.clear()
            raise

    def paint(self) -> Generator[ClipEvent, None, None]:
        """Paint all frames; the last event is `ClipPainted`.

        Raises:
            PaintSettingsError: invalid pictures or settings.
            PaintingFailedError, PaintingStoppedError: see `engine.painting.paint`.
            OSError: the disk is full.
        """
        found = self.fingerprint
        scenes, count = Scenes(self.control.check), len(self.clip)
        mode = self._clip_frame(0).mode
        anew: list[int] = []
        copied = 0
        end: LoopEnd | None = None
        for number in range(count):
            picture = self._photograph(number)
            content = _pixels(resized(picture.pixels, self._size))
            prior = scenes.prior_of(content)
            if prior is not None and end is not None and scenes.is_first:
                prior = end.blend_into(prior, number)
            if prior is None:
                anew.append(number + 1)
            faces = self._faces_in(number, prior)
            is_new = number >= len(self.frames)
            if prior is not None and prior.all_still:
                copied += 1
            if is_new:
                if prior is not None and prior.all_still:
                    painted = _picture(prior.painted, picture, self._size)
                else:
                    begins = number if scenes.current is None else scenes.current.first.number
                    coloring = self._coloring(begins)
                    painted = yield from self._paint_frame(number, picture, prior, coloring, faces)
                self.frames.add(painted.to_image().convert(mode))
            pair = FramePair(number, content, _of_image(self.frames.frame(number)), faces)
            if number == 0 and self.clip.loops:
                end = LoopEnd.of(pair, count, self._content)
            scenes.add(pair, prior)
            if is_new:
                yield FramePainted(
                    number + 1,
                    count,
                    self._progress.fraction(len(self.frames)),
                    self._progress.seconds_left(len(self.frames)),
                    prior is None,
                    lambda: self.frames.checkpoint(found, self._report()),
                    partial(self._preview, number),
                )
        yield ClipPainted(self._report(), tuple(anew), copied)

    def finished(self) -> Iterator[Image.Image]:
        """The painted frames with their final colors; `control` can stop it before each."""
        for number in range(len(self.frames)):
            self.control.check()
            yield self.finished_frame(number)

    def finished_frame(self, number: int) -> Image.Image:
        """A painted frame with its final colors: the photograph's, if the options keep those."""
        image = self.frames.frame(number)
        if self.options.keep_colors != "luminance":
            return image
        painted = Picture.from_image(image)
        photograph = Picture.from_image(self.clip.frame(number)).filled()
        content = resized(photograph.pixels, painted.size)[None]
        strength = self.options.keep_colors_strength
        pixels = finish(painted.pixels[None], content, "luminance", strength)[0]
        return Picture(pixels, painted.alpha).to_image().convert(image.mode)

    def _content(self, number: int) -> Pixels:
        """A frame of the photograph at the size that is painted."""
        return _pixels(resized(self._photograph(number).pixels, self._size))

    def _photograph(self, number: int) -> Picture:
        return Picture.from_image(self._clip_frame(number)).filled()

    def _clip_frame(self, number: int) -> Image.Image:
        """A frame of the clip; `control` can stop it before each."""
        self.control.check()
        return self.clip.frame(number)

    def _coloring(self, begins: int) -> Coloring:
        """How to recolor all frames of the scene that begins with this one."""
        if begins not in self._colorings:
            faces = self._faces.in_scene(begins)
            self._colorings[begins] = Coloring.of(self._photograph(begins).pixels, faces=faces)
        return self._colorings[begins]

    def _find_faces(self, number: int) -> tuple[Face, ...]:
        weight = load_recipe(self.options.recipe).loss.faces
        inputs = replace(self._inputs, content=self._photograph(number))
        return faces_to_keep(inputs, self.options, weight)

    def _faces_in(self, number: int, prior: Prior | None) -> Pixels | None:
        """Mask [H, W] of faces: detected in each `EVERY`th frame, warped in between."""
        moved = None if prior is None else prior.faces
        if prior is not None and (prior.all_still or number % EVERY):
            return moved
        found = self._faces.of(number)
        if not found:
            return moved
        seen = face_mask(found, self._size).numpy()
        return seen if moved is None else np.maximum(seen, moved)

    def _paint_frame(
        self,
        number: int,
        picture: Picture,
        prior: Prior | None,
        coloring: Coloring,
        faces: Pixels | None,
    ) -> Generator[ClipEvent, None, Picture]:
        inputs = replace(
            self._inputs, content=picture, start=None if number else self._inputs.start
        )
        if faces is not None:
            inputs = replace(inputs, faces=torch.from_numpy(np.ascontiguousarray(faces)))
        inputs = with_colors_first(inputs, self._colors_first, coloring)
        options = self.options.model_copy(update={"keep_colors": "no"})
        if prior is not None:
            options = options.model_copy(update={"start": "content"})
            weights, still = (
                torch.from_numpy(np.ascontiguousarray(one, dtype=np.float32))
                for one in (prior.weights, prior.still)
            )
            inputs = replace(inputs, warped=WarpedFrame(_tensor(prior.painted), weights, still))
        events = paint_inputs(
            inputs, options, studio=self.studio, control=self.control, of_clip=True
        )
        for event in events:
            match event:
                case Prepared(scales=scales):
                    self._progress.begin(_work(scales), alone=prior is None)
                    if number == 0:
                        yield event
                case Stepped():
                    self._progress.step(event.fraction)
                    yield FrameStepped(
                        number + 1,
                        len(self.clip),
                        self._progress.fraction(number),
                        self._progress.seconds_left(number),
                        event.preview,
                    )
                case Painted(painted, report):
                    self._progress.step(1.0)
                    self._add_report(report)
                    return painted
                case _:
                    yield event
        raise PaintingFailedError("The painting ended without a picture.")

    def _preview(self, number: int, most_px: int) -> list[Image.Image]:
        newest = range(max(0, number + 1 - _PREVIEW_FRAMES), number + 1)
        images = [self.finished_frame(one) for one in newest]
        for image in images:
            image.thumbnail((most_px, most_px))
        return images

    def _report(self) -> Report:
        """The report of all frames so far."""
        if self._report_so_far is None:
            raise PaintingFailedError("The checkpoint contains no picture to continue from.")
        return self._report_so_far

    def _add_report(self, report: Report) -> None:
        """Add the report of a frame; settings are those of the first frame."""
        first = replace(report, losses=()) if self._report_so_far is None else self._report_so_far
        both = (report,) if self._report_so_far is None else (self._report_so_far, report)
        seconds = sum(one.seconds for one in both)
        iterations = sum(one.iterations for one in both)
        self._report_so_far = replace(
            first,
            seconds=seconds,
            iterations=iterations,
            seconds_per_iteration=seconds / max(1, iterations),
            peak_memory_bytes=max(one.peak_memory_bytes for one in both),
            notes=tuple(dict.fromkeys(note for one in both for note in one.notes)),
        )


def _work(scales: tuple[tuple[Size, int], ...]) -> float:
    return float(sum(Scale(size, count).work * count for size, count in scales))


def _pixels(tensor: torch.Tensor) -> Pixels:
    return np.ascontiguousarray(tensor.permute(1, 2, 0).numpy(), dtype=np.float32)


def _tensor(pixels: Pixels) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32))


def _of_image(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB"), dtype=np.float32) / np.float32(255)


def _picture(painted: Pixels, content: Picture, size: Size) -> Picture:
    """The earlier painting as the next frame, with the content's alpha."""
    if content.alpha is None:
        return Picture(_tensor(painted))
    return Picture(_tensor(painted), resized(content.alpha[None], size)[0])
