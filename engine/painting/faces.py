"""Faces of a photograph, whose content gets a greater weight.

The cascade that scikit-image ships (Viola and Jones, 2001, on local binary patterns) has many false
positives. A face is detected again if the photograph is mirrored, slightly rotated or rescaled, a
false positive mostly is not. So a detection counts if six of eight such versions agree (test-time
augmentation).
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from cachetools import LRUCache, cached
from PIL import Image
from torch import Tensor

from engine.painting.picture import Picture, Size, fit_size, resized

_LONGEST_PX = 256
"""Longer side of the photograph for detection."""
_ENOUGH_PX = 1024
_LEAST_SHARE = 0.15
"""Least size of a face, relative to the longer side: smaller ones have too few pixels to detect."""
_SIZES = (0.83, 0.91, 1.07, 1.15)
_TURNS_DEGREES = (-6, 6)
_LOOKS, _AGREEING = 2 + len(_SIZES) + len(_TURNS_DEGREES), 6
_LEAST_IOU = 0.4
"""Intersection over union from which on two boxes are of one face."""
_GROWTH, _NEIGHBORS = 1.1, 3
_WINDOW_PX = 24
"""Window of the cascade, the smallest face that it detects."""
_REACH_X, _REACH_Y = 0.6, 0.75
"""Half axes of a face's ellipse, relative to the box from brows to mouth."""
_SOFTNESS = 0.5
"""Width of the ellipse's soft edge, relative to its half axes."""
_FLAT_LEVELS, _MOST_FLAT = 3, 0.6
"""A face is drawn, not photographed, if more of it than that is of one luma, within some levels."""
_REMEMBERED = 256
"""Photographs whose faces are cached, for their other versions."""


@dataclass(frozen=True)
class Face:
    """A box from brows to mouth, relative to width and height of the photograph."""

    left: float
    top: float
    width: float
    height: float


def find_faces(photograph: Picture) -> tuple[Face, ...]:
    """Frontal faces that are not small and not drawn by lines.

    The skin of a drawn face is paper, which nothing is to be kept of.
    """
    # Reduced before it is copied to bytes, to save memory.
    size = fit_size(photograph.size, min(_ENOUGH_PX, max(photograph.size)))
    image = Picture(resized(photograph.pixels, size)).to_image().convert("RGB")
    image.thumbnail((_LONGEST_PX, _LONGEST_PX), Image.Resampling.BICUBIC)
    return _faces_in(image)


def _content(image: Image.Image) -> bytes:
    shape = f"{image.width}x{image.height}".encode()
    return hashlib.blake2b(image.tobytes(), digest_size=16, key=shape).digest()


@cached(LRUCache(_REMEMBERED), key=_content, lock=threading.Lock())
def _faces_in(image: Image.Image) -> tuple[Face, ...]:
    """The faces of a photograph that is as small as it is looked at."""
    groups: list[tuple[set[int], list[Face]]] = []
    for number, (look, back) in enumerate(_augmented(image)):
        most = max((len(looks) for looks, _ in groups), default=0)
        if most + _LOOKS - number < _AGREEING:
            return ()  # the remaining versions cannot make six agree
        for found in _detected(look):
            face = back(found)
            group = next((one for one in groups if _iou(one[1][0], face) > _LEAST_IOU), None)
            if group is None:
                groups.append(({number}, [face]))
            else:
                group[0].add(number)
                group[1].append(face)
    agreed = [faces for looks, faces in groups if len(looks) >= _AGREEING]
    return tuple(face for faces in agreed if not _is_drawn(image, face := _mean(faces)))


def _is_drawn(image: Image.Image, face: Face) -> bool:
    left, right = face.left * image.width, (face.left + face.width) * image.width
    top, bottom = face.top * image.height, (face.top + face.height) * image.height
    luma = np.asarray(
        image.convert("L").crop((round(left), round(top), round(right), round(bottom)))
    )
    paper = np.bincount(luma.ravel()).argmax()
    return bool((np.abs(luma.astype(int) - paper) <= _FLAT_LEVELS).mean() > _MOST_FLAT)


def face_mask(faces: tuple[Face, ...], size: Size) -> Tensor:
    """[H, W] in 0..1: soft ellipses over the faces, from the chin to the forehead."""
    height, width = size
    rows = ((torch.arange(height) + 0.5) / height)[:, None]
    columns = ((torch.arange(width) + 0.5) / width)[None]
    mask = torch.zeros(height, width)
    for face in faces:
        down = (rows - face.top - 0.5 * face.height) / (_REACH_Y * face.height)
        across = (columns - face.left - 0.5 * face.width) / (_REACH_X * face.width)
        radius = (down.square() + across.square()).sqrt()
        inner = ((1 - radius) / _SOFTNESS + 0.5).clamp(0, 1)
        mask = torch.maximum(mask, inner * inner * (3 - 2 * inner))
    return mask


def _augmented(image: Image.Image) -> Iterator[tuple[Image.Image, Callable[[Face], Face]]]:
    """Eight versions of the photograph, each with the map of its faces back to the photograph."""
    yield image, lambda face: face
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    yield mirrored, lambda face: Face(1 - face.left - face.width, face.top, face.width, face.height)
    for factor in _SIZES:
        size = (round(image.width * factor), round(image.height * factor))
        yield image.resize(size, Image.Resampling.BICUBIC), lambda face: face
    for degrees in _TURNS_DEGREES:
        turned = image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))
        yield turned, _turning_back(degrees, image.width, image.height)


def _turning_back(degrees: float, width: int, height: int) -> Callable[[Face], Face]:
    angle = np.deg2rad(degrees)
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))

    def back(face: Face) -> Face:
        x = (face.left + face.width / 2 - 0.5) * width
        y = (face.top + face.height / 2 - 0.5) * height
        x, y = cosine * x - sine * y, sine * x + cosine * y
        return Face(
            x / width + 0.5 - face.width / 2,
            y / height + 0.5 - face.height / 2,
            face.width,
            face.height,
        )

    return back


def _detected(image: Image.Image) -> list[Face]:
    longest = max(image.size)
    least = max(_WINDOW_PX, round(_LEAST_SHARE * longest))
    found = _cascade().detect_multi_scale(
        img=np.asarray(image),
        scale_factor=_GROWTH,
        step_ratio=1,
        min_size=(least, least),
        max_size=(longest, longest),
        min_neighbor_number=_NEIGHBORS,
    )
    return [
        Face(
            one["c"] / image.width,
            one["r"] / image.height,
            one["width"] / image.width,
            one["height"] / image.height,
        )
        for one in found
    ]


@cache
def _cascade() -> Any:
    # Not before a photograph is looked at, as it loads much.
    from skimage.data import lbp_frontal_face_cascade_filename  # noqa: PLC0415
    from skimage.feature import Cascade  # noqa: PLC0415

    file: Any = lbp_frontal_face_cascade_filename
    return Cascade(file())


def _iou(one: Face, other: Face) -> float:
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (one.width * one.height + other.width * other.height - both)


def _mean(faces: list[Face]) -> Face:
    count = len(faces)
    return Face(
        sum(one.left for one in faces) / count,
        sum(one.top for one in faces) / count,
        sum(one.width for one in faces) / count,
        sum(one.height for one in faces) / count,
    )
