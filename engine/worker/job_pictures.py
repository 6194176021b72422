"""Loads the pictures of a job."""

import io
from collections.abc import Callable

from PIL import Image
from torch import Tensor

from common.options import StyleInput
from common.sentences import Sentence, sentence
from common.settings import Settings
from common.store import PictureStore
from engine.painting import Picture, Style, mask_from_image
from engine.painting.picture import Size, resized_mask
from engine.pipeline.pictures import Pictures, Preset, load_pictures
from jobs.model import Job


def fetch_pictures(
    job: Job,
    store: PictureStore,
    settings: Settings,
    network: str,
    *,
    say: Callable[[str], None],
    should_stop: Callable[[], bool],
) -> Pictures:
    """Fetch and decode all that a job needs.

    Args:
        job: its inputs and options are used.
        store: has its pictures.
        settings: name the folder of scans.
        network: `vgg19` or `lite`, as resolved for this job.
        say: called before a download.
        should_stop: ends a download once it returns true.

    Raises:
        FetchStoppedError: `should_stop` returned true.
        PictureMissingError, StorageUnavailableError: from the store.
        StyleMissingError: a preset needs a download that failed, and has no fingerprint.
    """
    inputs = job.inputs
    content = _picture(store, inputs.content)
    masks = inputs.style_masks or (None,) * len(inputs.styles)
    return load_pictures(
        content,
        [
            _style(store, wanted, _mask(store, mask, content.size), number, inputs.content)
            for number, (wanted, mask) in enumerate(zip(inputs.styles, masks, strict=True), start=1)
        ],
        job.options,
        network=network,
        settings=settings,
        mask=_mask(store, inputs.mask, content.size),
        start=_picture(store, inputs.start) if inputs.start else None,
        say=say,
        should_stop=should_stop,
    )


def _style(
    store: PictureStore, wanted: StyleInput, mask: Tensor | None, number: int, content_key: str
) -> Style | Preset:
    if wanted.preset is not None:
        return Preset(wanted.preset, wanted.weight, wanted.region, mask)
    return Style(
        _picture(store, wanted.picture) if wanted.picture else None,
        is_content=wanted.is_content,
        weight=wanted.weight,
        region=wanted.region,
        mask=mask,
        name=_name(wanted, number),
        origin=content_key if wanted.is_content else wanted.picture or "",
    )


def _name(wanted: StyleInput, number: int) -> Sentence:
    if wanted.is_content:
        return sentence("the photo as its own style")
    return sentence("style {number}", number=number)


def _picture(store: PictureStore, key: str) -> Picture:
    return Picture.from_image(_image(store, key))


def _mask(store: PictureStore, key: str | None, size: Size) -> Tensor | None:
    """A mask, resized to the content, as members draw masks on copies of another size."""
    return None if key is None else resized_mask(mask_from_image(_image(store, key)), size)


def _image(store: PictureStore, key: str) -> Image.Image:
    image = Image.open(io.BytesIO(store.get_sync(key)), formats=("PNG", "JPEG", "WEBP"))
    image.load()
    return image
