"""Swatches: small pictures of a painting's strokes, painted without a photograph."""

import io
import logging
from collections.abc import Callable
from pathlib import Path

import torch

from common.catalogue import Painting, load_catalogue
from common.catalogue.catalogue import kept_scan, painted_swatch_path, swatch_at_hand
from common.files import write_whole
from common.options import PaintOptions
from engine.errors import PaintingStoppedError
from engine.painting.inputs import Style
from engine.painting.painter import paint
from engine.painting.picture import Picture
from engine.painting.studio import Control, Studio
from engine.pipeline.listeners import run_with_listeners
from engine.styles.presets import read_scan

log = logging.getLogger(__name__)

_SIZE_PX = (288, 384)
_QUALITY = 90


def paint_swatch(style: Style, network: str = "vgg19", control: Control | None = None) -> bytes:
    """Paint a style from noise in its colors, without a photograph: a JPEG of 384 × 288 px.

    On the CPU, so that it never takes the GPU's memory. With fewer iterations there are strokes,
    but not recognizably the painter's.

    Raises:
        PaintingStoppedError: `control` asked for it.
        PaintingFailedError: the style cannot be painted.
    """
    blank = Picture(torch.full((3, *_SIZE_PX), 0.5))
    options = PaintOptions(
        size_px=max(_SIZE_PX),
        strength=1.0,
        start="style",
        network=network,
        faces="off",
    )
    painted = run_with_listeners(
        paint(blank, [style], options, studio=Studio(), control=control or Control())
    )
    buffer = io.BytesIO()
    image = painted.picture.to_image().convert("RGB")
    image.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


class MissingSwatches:
    """Paints swatches for paintings with a downloaded scan and no shipped swatch."""

    def __init__(self, styles_dir: Path, network: str = "vgg19") -> None:
        self._styles_dir = styles_dir
        self._network = network
        self._failed: set[str] = set()

    def paint(self, should_stop: Callable[[], bool]) -> None:
        """Paint them one after the other; one that fails is not retried until the next start.

        Args:
            should_stop: asked between tiles; an unfinished swatch is painted another time.
        """
        for painting in load_catalogue():
            if should_stop():
                return
            scan = kept_scan(painting, self._styles_dir)
            here = swatch_at_hand(painting, self._styles_dir) is not None
            if here or painting.id in self._failed or scan is None:
                continue
            try:
                self._paint(painting, scan, should_stop)
            except PaintingStoppedError:
                return
            except Exception:
                self._failed.add(painting.id)
                log.exception("There is no swatch of %s", painting.name)

    def _paint(self, painting: Painting, scan: Path, should_stop: Callable[[], bool]) -> None:
        style = Style(picture=read_scan(painting, scan), name=painting.name)
        data = paint_swatch(style, self._network, Control(should_stop))
        write_whole(painted_swatch_path(painting, self._styles_dir), data)
        log.info("painted a swatch of %s", painting.name)
