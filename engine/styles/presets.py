"""Paintings of the catalogue as styles: the scan, or the fingerprint that ships with Atelier."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from common.catalogue import Painting, load_catalogue
from common.catalogue.catalogue import kept_scan
from common.options import PaintOptions
from common.pictures import DecoderUnavailableError, PictureError, decode_in_child
from common.sentences import ExplainedError, Sentence, sentence
from common.system_errors import system_reason
from engine.painting.picture import Picture
from engine.painting.statistics import StyleStatistics
from engine.recipes.recipe import load_recipe
from engine.styles.fetch import FetchError, NotHereError, fetch_scan
from engine.styles.fingerprints import load_fingerprint

_LAST_RESORT = "lite"
"""The network to fall back to, with its fingerprint, if the scan for another is unavailable."""

_NEAREST = 3
_SHORT_TIMEOUT_SECONDS = 15.0


class StyleMissingError(ExplainedError):
    """A preset is unknown or unavailable."""

    @property
    def is_trouble_here(self) -> bool:
        """Whether this machine is the cause, such as a full disk, and not the preset."""
        return isinstance(self.__cause__, NotHereError)


@dataclass(frozen=True, eq=False)
class PresetStyle:
    """A preset ready to paint with: a picture, or fingerprints for `network` alone."""

    name: Sentence
    network: str
    """The requested network, or the one of the fingerprints."""
    picture: Picture | None
    fingerprints: Sequence[StyleStatistics] = ()
    notes: tuple[Sentence, ...] = ()
    """What differs from the request."""


def preset_style(
    preset: str,
    styles_dir: Path,
    network: str,
    *,
    options: PaintOptions | None = None,
    needs_picture: bool = False,
    own_weights: bool = False,
    say: Callable[[str], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> PresetStyle:
    """Find a painting, and download its scan if that is necessary.

    If a fingerprint for the network ships and was measured with the pooling and layers of the
    options, it is used. Otherwise the scan is needed. If that is unavailable, lite's fingerprint is
    used, unless the picture itself is needed.

    Args:
        preset: id of a painting in the catalogue.
        styles_dir: folder of the scans.
        network: `vgg19` or `lite`.
        options: of the painting; None for the defaults.
        needs_picture: whether statistics are not enough, for example for a region.
        own_weights: whether the network's weights are not the shipped ones.
        say: called before a download.
        should_stop: ends a download once it returns true.

    Raises:
        FetchStoppedError: `should_stop` returned true.
        StyleMissingError: unknown id, or its scan is needed and unavailable.
    """
    painting = load_catalogue().get(preset)
    if painting is None:
        raise _unknown(preset)
    options = options or PaintOptions()
    needs_picture = needs_picture or options.keep_colors in {"match", "histogram"}
    if network in painting.fingerprints and not needs_picture and not own_weights:
        statistics = load_fingerprint(painting.fingerprints[network])
        if all(_measured_as(options, one) for one in statistics):
            return PresetStyle(painting.titled, network, None, statistics, _measured_on(painting))
    try:
        picture = _scan(painting, styles_dir, say, should_stop)
    except FetchError as problem:
        if not painting.fingerprints or (network == _LAST_RESORT and not needs_picture):
            raise StyleMissingError(
                "{problem} Choose another preset, or attach a picture of it.",
                problem=problem.sentence,
            ) from problem
        if needs_picture:
            raise StyleMissingError(
                "{problem} Without the scan I know neither its colors nor its parts; please keep "
                "the photo's colors by luminance or not at all, or attach a picture of it.",
                problem=problem.sentence,
            ) from problem
        note = sentence(
            "{problem} So its fingerprint was used, with the lite network.",
            problem=problem.sentence,
        )
        statistics = load_fingerprint(painting.fingerprints[_LAST_RESORT])
        notes = (note, *_measured_on(painting))
        return PresetStyle(painting.titled, _LAST_RESORT, None, statistics, notes)
    return PresetStyle(painting.titled, network, picture)


def _measured_as(options: PaintOptions, statistics: StyleStatistics) -> bool:
    """Whether statistics were measured with the pooling and the layers of a painting."""
    recipe = load_recipe(options.recipe)
    wanted = (
        [options.style_layers] if options.style_layers else [one.style for one in recipe.choices]
    )
    # lite always has its own pooling.
    pooled = statistics.key.encoder == "lite" or (
        statistics.key.pooling == (options.pooling or recipe.pooling)
    )
    return pooled and any(set(layers) <= set(statistics.layers) for layers in wanted)


def _unknown(preset: str) -> StyleMissingError:
    nearest = load_catalogue().search(preset, limit=_NEAREST)
    if not nearest:
        return StyleMissingError(
            "There is no painting {preset!r} in the catalogue; see /styles, or "
            "`python -m engine styles list`.",
            preset=preset,
        )
    return StyleMissingError(
        "There is no painting {preset!r} in the catalogue; the nearest are: {names}.",
        preset=preset,
        names=", ".join(one.id for one in nearest),
    )


def _scan(
    painting: Painting,
    styles_dir: Path,
    say: Callable[[str], None] | None,
    should_stop: Callable[[], bool] | None,
) -> Picture:
    if say is not None and kept_scan(painting, styles_dir) is None:
        say(f"fetching {painting.name}")
    path = fetch_scan(
        painting, styles_dir, timeout_seconds=_SHORT_TIMEOUT_SECONDS, should_stop=should_stop
    )
    return read_scan(painting, path)


def read_scan(painting: Painting, path: Path) -> Picture:
    """Decode a scan, which is untrusted, in a confined process.

    Raises:
        FetchError: it is damaged, and deleted to be downloaded again; or it cannot be read.
    """
    try:
        with Image.open(
            io.BytesIO(decode_in_child(path.read_bytes()).png), formats=("PNG",)
        ) as image:
            return Picture.from_image(image)
    except PictureError as error:
        path.unlink(missing_ok=True)  # damaged since it was checked
        raise FetchError("The scan of {painting} is damaged.", painting=painting.titled) from error
    except (OSError, DecoderUnavailableError) as error:
        raise NotHereError(
            "The scan of {painting} cannot be read: {reason}.",
            painting=painting.titled,
            reason=system_reason(error),
        ) from error


def _measured_on(painting: Painting) -> tuple[Sentence, ...]:
    return () if painting.measured_on is None else (painting.measured_on,)
