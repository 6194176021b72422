"""Uploads previews in the background, as a slow store must not delay the painting."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from PIL import Image

from common.store import PictureStore, StorageUnavailableError
from engine.output.pictures import encode_picture
from engine.painting.picture import Picture

log = logging.getLogger(__name__)

SOON_SECONDS = 0.5
"""How long to wait for an upload, so that with a fast store it is shown at once."""
_THREAD = ThreadPoolExecutor(1, thread_name_prefix="previews")


@dataclass
class Previews:
    """The previews of one painting, uploaded one at a time."""

    store: PictureStore
    _newest: str | None = None
    _storing: "Future[str] | None" = field(default=None, init=False)

    @property
    def is_free(self) -> bool:
        """Whether another one can be uploaded, as none is under way."""
        self._look()
        return self._storing is None

    @property
    def newest(self) -> str | None:
        """Key of the last stored preview; None before the first."""
        self._look()
        return self._newest

    def show(self, image: Image.Image) -> None:
        """Upload a picture, unless another is under way."""
        if self.is_free:
            self.show_file(encode_picture(Picture.from_image(image), ".jpg"), ".jpg")

    def show_file(self, data: bytes, suffix: str) -> None:
        """As `show`, of an encoded file."""
        if self.is_free:
            self._storing = _THREAD.submit(self.store.put_sync, data, suffix)
            wait([self._storing], timeout=SOON_SECONDS)

    def _look(self) -> None:
        if self._storing is None or not self._storing.done():
            return
        stored, self._storing = self._storing, None
        try:
            self._newest = stored.result()
        except StorageUnavailableError as problem:  # a full disk must not end a painting
            log.warning("no preview: %s", problem)


def enlarged(image: Image.Image, side_px: int) -> Image.Image:
    """A preview of a small scale as large as the later ones: a message should not grow with it."""
    grown = side_px / max(image.size)
    if grown <= 1:
        return image
    size = [max(1, round(side * grown)) for side in image.size]
    return image.resize((size[0], size[1]), Image.Resampling.BICUBIC)
