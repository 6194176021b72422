"""What headless Chromium shows of a file: drawn on a canvas of sRGB and read back."""

import base64
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tools.picture_files.case import Array

_FLAGS: Final = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--force-color-profile=srgb",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
_PATIENCE_MS: Final = 30_000
_READ: Final = """async ([file, mime, video]) => {
  const shown = document.getElementById(video ? 'video' : 'picture');
  const source = 'data:' + mime + ';base64,' + file;
  const done = video ? new Promise((yes, no) => {
    shown.onerror = no;
    shown.onloadeddata = () => { shown.onseeked = yes; shown.currentTime = video; };
  }) : null;
  shown.src = source;
  try { await (video ? done : shown.decode()); } catch (error) { return null; }
  const canvas = document.createElement('canvas');
  canvas.width = video ? shown.videoWidth : shown.naturalWidth;
  canvas.height = video ? shown.videoHeight : shown.naturalHeight;
  const context = canvas.getContext('2d', {colorSpace: 'srgb', willReadFrequently: true});
  context.drawImage(shown, 0, 0);
  // A video may have arrived at a time and not yet have a frame to show: until then all is clear.
  for (let tries = 0; video && tries < 100 && !context.getImageData(0, 0, 1, 1).data[3]; tries++) {
    await new Promise(later => setTimeout(later, 50));
    context.drawImage(shown, 0, 0);
  }
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  let text = '';
  for (let at = 0; at < pixels.length; at += 8192)
    text += String.fromCharCode.apply(null, pixels.subarray(at, at + 8192));
  return [canvas.width, canvas.height, btoa(text)];
}"""


_READ_FRAMES: Final = """async ([file, type]) => {
  const data = Uint8Array.from(atob(file), one => one.charCodeAt(0));
  const decoder = new ImageDecoder({data, type, preferAnimation: true});
  await Promise.all([decoder.completed, decoder.tracks.ready]);
  const frames = [];
  for (let frameIndex = 0; frameIndex < decoder.tracks.selectedTrack.frameCount; frameIndex++) {
    const {image} = await decoder.decode({frameIndex});
    const canvas = document.createElement('canvas');
    canvas.width = image.displayWidth;
    canvas.height = image.displayHeight;
    canvas.getContext('2d').drawImage(image, 0, 0);
    frames.push([image.duration / 1000, canvas.toDataURL('image/png').split(',')[1]]);
  }
  return frames;
}"""
_PAGE: Final = "https://viewer.test/"


class Chromium:
    """A browser that shows files."""

    def __init__(self, page: Page, version: str) -> None:
        self._page = page
        self.version = version

    def show(self, data: bytes, mime: str, *, at_seconds: float = 0) -> Array | None:
        """[H, W, 4] of a picture, or of a video at this time; None if it cannot be read."""
        file = base64.b64encode(data).decode()
        found = self._page.evaluate(_READ, [file, mime, at_seconds])
        if found is None:
            return None
        width, height, text = found
        levels = np.frombuffer(base64.b64decode(text), np.uint8)
        return levels.reshape(height, width, 4)

    def frames(self, data: bytes, mime: str) -> list[tuple[float, Array]]:
        """Milliseconds and [H, W, 4] of each frame of an animated picture."""
        file = base64.b64encode(data).decode()
        return [
            (ms, np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")))
            for ms, png in self._page.evaluate(_READ_FRAMES, [file, mime])
        ]


def executable() -> str | None:
    """Where Chromium is, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def viewer() -> Iterator[Chromium]:
    """Open Chromium, and close it at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=_FLAGS)
        try:
            page = browser.new_page()
            page.set_default_timeout(_PATIENCE_MS)
            html = "<img id=picture><video id=video muted></video>"
            page.route(_PAGE, lambda route: route.fulfill(body=html, content_type="text/html"))
            page.goto(_PAGE)  # frames are decoded on safe pages only
            yield Chromium(page, browser.version)
        finally:
            browser.close()
