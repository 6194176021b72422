"""A painting of the catalogue as a style: its scan, or the statistics that ship with it."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from common.catalogue import Painting, load_catalogue
from common.catalogue.catalogue import scan_path
from common.pictures import PictureProblem
from common.pictures.decode import normalise
from common.sentences import Problem, Sentence, sentence
from engine.painting.picture import Picture
from engine.painting.statistics import StyleStatistics
from engine.styles.fetch import FetchProblem, fetch_scan
from engine.styles.packing import unpack, with_sizes_between

FINGERPRINT_NETWORK = "lite"
"""The network whose statistics ship with the catalogue."""

_NEAREST = 3
_SHORT_TIMEOUT_SECONDS = 15.0


class StyleMissing(Problem):
    """A preset cannot be had."""


@dataclass(frozen=True, eq=False)
class PresetStyle:
    """A preset ready to paint with: a picture, or fingerprints for `network` alone.

    Attributes:
        network: the one that was asked for, or the one that the fingerprints are for.
        notes: what is not as it was asked for.
    """

    name: str
    network: str
    picture: Picture | None = None
    fingerprints: Sequence[StyleStatistics] = ()
    notes: tuple[Sentence, ...] = ()


def preset_style(
    preset: str,
    styles_dir: Path,
    network: str,
    *,
    needs_picture: bool = False,
    say: Callable[[str], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> PresetStyle:
    """Find a painting; download its scan if nothing else will do.

    The lite network takes the fingerprint where there is one. Every other network needs the
    scan; if that cannot be had, the fingerprint serves, with the lite network, unless it is the
    picture itself that is needed.

    Args:
        preset: id of a painting in the catalogue.
        styles_dir: where scans are kept.
        network: `vgg19` or `lite`.
        needs_picture: statistics are not enough, as colours or a region of it are wanted.
        say: told about a download.
        should_stop: ends a download once it says so.

    Raises:
        FetchStopped: `should_stop` said so.
        StyleMissing: there is none of this id, or its scan is needed and cannot be had.
    """
    painting = load_catalogue().get(preset)
    if painting is None:
        raise _unknown(preset)
    prefers_fingerprint = network == FINGERPRINT_NETWORK and not needs_picture
    if prefers_fingerprint and painting.fingerprint_path is not None:
        return _by_fingerprint(painting)
    try:
        picture = _scan(painting, styles_dir, say, should_stop)
    except FetchProblem as problem:
        if painting.fingerprint_path is None:
            raise StyleMissing(
                "{problem} Choose another preset, or attach a picture of it.",
                problem=problem.sentence,
            ) from problem
        if needs_picture:
            raise StyleMissing(
                "{problem} Its fingerprint has neither its colours nor a part of it; let the "
                "photograph's colours be kept by luminance or not at all, or attach a picture of "
                "it.",
                problem=problem.sentence,
            ) from problem
        note = sentence(
            "{problem} So its fingerprint was used, with the lite network.",
            problem=problem.sentence,
        )
        return _by_fingerprint(painting, note)
    return PresetStyle(painting.name, network, picture)


def _unknown(preset: str) -> StyleMissing:
    nearest = load_catalogue().search(preset, limit=_NEAREST)
    if not nearest:
        return StyleMissing(
            "There is no painting {preset!r} in the catalogue; see /styles, or "
            "`python -m engine styles list`.",
            preset=preset,
        )
    return StyleMissing(
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
    if say is not None and not scan_path(painting, styles_dir).is_file():
        say(f"fetching {painting.name}")
    path = fetch_scan(
        painting, styles_dir, timeout_seconds=_SHORT_TIMEOUT_SECONDS, should_stop=should_stop
    )
    return read_scan(painting, path)


def read_scan(painting: Painting, path: Path) -> Picture:
    """Decode a scan that was kept.

    Raises:
        FetchProblem: it is damaged, and deleted, so that it is fetched anew; or the system
            refuses.
    """
    try:
        with Image.open(io.BytesIO(normalise(path.read_bytes()).png), formats=("PNG",)) as image:
            return Picture.from_image(image)
    except PictureProblem as error:
        path.unlink(missing_ok=True)  # damaged since it was checked
        raise FetchProblem("The scan of {painting} is damaged.", painting=painting.name) from error
    except OSError as error:
        raise FetchProblem(
            "The scan of {painting} cannot be read: {reason}.",
            painting=painting.name,
            reason=error.strerror or "",
        ) from error


def _by_fingerprint(painting: Painting, *notes: Sentence) -> PresetStyle:
    assert painting.fingerprint_path is not None
    return PresetStyle(
        painting.name,
        FINGERPRINT_NETWORK,
        fingerprints=with_sizes_between(unpack(painting.fingerprint_path.read_bytes())),
        notes=(*notes, *_measured_on(painting)),
    )


def _measured_on(painting: Painting) -> list[Sentence]:
    match painting.fingerprint_of:
        case "cropped scan":
            return [
                sentence(
                    "The fingerprint of {painting} was measured on a scan that is cropped above "
                    "and below.",
                    painting=painting.name,
                )
            ]
        case "other canvas":
            return [
                sentence(
                    "The fingerprint of {painting} was measured on another canvas of the series, "
                    "wider than this one.",
                    painting=painting.name,
                )
            ]
        case None:
            return []
