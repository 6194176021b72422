"""A painting of the catalogue as a style: its scan, or the statistics that ship with it."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from common.catalogue import Painting, load_catalogue
from common.catalogue.catalogue import kept_scan
from common.options import PaintOptions
from common.pictures import DecoderUnavailableError, PictureError, decode_apart
from common.sentences import ExplainedError, Sentence, sentence
from common.system_errors import system_reason
from engine.painting.picture import Picture
from engine.painting.statistics import StyleStatistics
from engine.recipes.recipe import load_recipe
from engine.styles.fetch import FetchError, NotHereError, fetch_scan
from engine.styles.fingerprints import load_fingerprint

_LAST_RESORT = "lite"
"""The network that paints from a fingerprint where another network would need the scan."""

_NEAREST = 3
_SHORT_TIMEOUT_SECONDS = 15.0


class StyleMissingError(ExplainedError):
    """A preset cannot be had."""

    @property
    def is_trouble_here(self) -> bool:
        """Whether this machine is to blame, as with a full disk, and not the preset."""
        return isinstance(self.__cause__, NotHereError)


@dataclass(frozen=True, eq=False)
class PresetStyle:
    """A preset ready to paint with: a picture, or fingerprints for `network` alone."""

    name: Sentence
    network: str
    """The one that was asked for, or the one that the fingerprints are for."""
    picture: Picture | None = None
    fingerprints: Sequence[StyleStatistics] = ()
    notes: tuple[Sentence, ...] = ()
    """What is not as it was asked for."""


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
    """Find a painting; download its scan if nothing else will do.

    A network takes the fingerprint that ships for it, if it was measured as the options say.
    Else the scan is needed; if that cannot be had, the lite network's fingerprint serves, unless it
    is the picture itself that is needed.

    Args:
        preset: id of a painting in the catalogue.
        styles_dir: where scans are kept.
        network: `vgg19` or `lite`.
        options: of the painting; None for the recipe's.
        needs_picture: statistics are not enough, as a region of it is wanted.
        own_weights: the network's weights are not those that come along.
        say: told about a download.
        should_stop: ends a download once it says so.

    Raises:
        FetchStoppedError: `should_stop` said so.
        StyleMissingError: there is none of this id, or its scan is needed and cannot be had.
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
    # Lite halves in its own way, whatever is asked for.
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
    """Decode a scan that was kept: a stranger's file, so in a process that is confined.

    Raises:
        FetchError: it is damaged, and deleted, so that it is fetched anew; or the system
            refuses.
    """
    try:
        with Image.open(io.BytesIO(decode_apart(path.read_bytes()).png), formats=("PNG",)) as image:
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
