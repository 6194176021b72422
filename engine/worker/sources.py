"""From a job's rows to the pictures that the painter takes."""

import io
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from common.options import StyleInput
from common.sentences import Sentence, sentence
from common.settings import Settings
from common.store import PictureStore
from engine.painting.inputs import Style
from engine.painting.picture import Picture, mask_from_image, resized_mask
from engine.styles.presets import preset_style
from jobs.model import Job

Say = Callable[[str], None]
"""Tells the member what is waited for, such as a download."""


@dataclass(frozen=True, eq=False)
class Sources:
    """The pictures of one job, decoded.

    Attributes:
        network: to paint with; `lite` where a style can only be had as its fingerprint.
        notes: what is not as it was asked for.
    """

    content: Picture
    styles: tuple[Style, ...]
    mask: Tensor | None
    start: Picture | None
    network: str
    notes: tuple[Sentence, ...] = ()


def gather(
    job: Job,
    store: PictureStore,
    settings: Settings,
    network: str,
    *,
    say: Say,
    should_stop: Callable[[], bool],
) -> Sources:
    """Fetch and decode all that a job needs.

    Args:
        job: of which the inputs and options are used.
        store: where its pictures are.
        settings: say where scans of the catalogue's paintings are kept.
        network: `vgg19` or `lite`, as resolved for this job.
        say: told what is waited for.
        should_stop: ends a download once it says so.

    Raises:
        FetchStopped: `should_stop` said so.
        PictureMissing, StorageUnavailable: of the store.
        StyleMissing: a preset needs a download that failed, and has no fingerprint.
    """
    inputs = job.inputs
    content = _picture(store, inputs.content)
    masks = inputs.style_masks or (None,) * len(inputs.styles)
    styles: list[Style] = []
    for wanted, mask_key in zip(inputs.styles, masks, strict=True):
        if wanted.preset is not None:
            found = preset_style(
                wanted.preset,
                settings.styles_dir,
                network,
                options=job.options,
                needs_picture=wanted.region is not None,
                own_weights=settings.atelier_vgg19_weights is not None and network == "vgg19",
                say=say,
                should_stop=should_stop,
            )
            picture, fingerprints = found.picture, found.fingerprints
            name: str | Sentence = found.name
            if found.network != network:
                # Every style of a painting goes through one network: begin again with this one.
                again = gather(
                    job, store, settings, found.network, say=say, should_stop=should_stop
                )
                return Sources(**{**vars(again), "notes": (*found.notes, *again.notes)})
        else:
            picture = _picture(store, wanted.picture) if wanted.picture else None
            fingerprints = ()
            name = _name(wanted, len(styles) + 1)
        styles.append(
            Style(
                picture=picture,
                is_content=wanted.is_content,
                weight=wanted.weight,
                region=wanted.region,
                mask=_mask(store, mask_key, content),
                fingerprints=fingerprints,
                name=name,
            )
        )
    return Sources(
        content=content,
        styles=tuple(styles),
        mask=_mask(store, inputs.mask, content),
        start=_picture(store, inputs.start) if inputs.start else None,
        network=network,
    )


def _name(wanted: StyleInput, number: int) -> Sentence:
    if wanted.is_content:
        return sentence("the photograph as its own style")
    return sentence("style {number}", number=number)


def _picture(store: PictureStore, key: str) -> Picture:
    return Picture.from_image(_image(store, key))


def _mask(store: PictureStore, key: str | None, content: Picture) -> Tensor | None:
    """A mask of the content's size; members draw masks over copies of another size."""
    if key is None:
        return None
    return resized_mask(mask_from_image(_image(store, key)), content.size)


def _image(store: PictureStore, key: str) -> Image.Image:
    image = Image.open(io.BytesIO(store.get_sync(key)), formats=("PNG", "JPEG", "WEBP"))
    image.load()
    return image
