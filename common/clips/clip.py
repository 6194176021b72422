"""The clip file: the format in which the store holds moving pictures.

It is an uncompressed ZIP of `clip.json` and `000000.png`, `000001.png`, …, all of one size, in sRGB
with 8 bits, RGB or RGBA. PNGs are compressed already, and every ZIP program can open the file.
Writing the same frames always gives the same bytes.
"""

import io
import itertools
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import BinaryIO, Final, Self

from PIL import Image, UnidentifiedImageError

from common.errors import AtelierError
from common.pictures.encode import encoded_png

CLIP_SUFFIX: Final = ".clip"
FOR_EVER: Final = 0
"""Number of plays of a clip that loops forever."""
_DESCRIPTION: Final = "clip.json"
_MAX_DESCRIPTION_BYTES: Final = 1024 * 1024
_FORMAT: Final = 1
_LONGEST_MS: Final = 3_600_000
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_PNG_OVERHEAD_BYTES: Final = 1024 * 1024


class ClipDamagedError(AtelierError):
    """A clip file is invalid or exceeds a limit; the text says why."""


@dataclass(frozen=True, slots=True)
class ClipFileLimits:
    """Limits on clip files, as a store may contain files of others."""

    max_frames: int = 10_000
    max_side_px: int = 8192
    max_pixels: int = 50_000_000
    """Per frame."""


@dataclass(frozen=True, slots=True)
class Description:
    """The content of `clip.json`."""

    width_px: int
    height_px: int
    durations_ms: tuple[int, ...]
    """Duration of each frame."""
    plays: int = FOR_EVER
    """Number of plays; 0: forever."""
    source: str = "CLIP"
    """Format of the source file, such as `GIF` or `MP4`."""
    has_alpha: bool = False

    def to_json(self) -> bytes:
        """Serialize."""
        return json.dumps({"format": _FORMAT, **asdict(self)}).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Parse; unknown names, of later versions, are ignored.

        Raises:
            ClipDamagedError: it is invalid.
        """
        try:
            said = json.loads(text)
            is_known = said.pop("format") == _FORMAT
            known = {each.name for each in fields(cls)}
            about = cls(**{name: value for name, value in said.items() if name in known})
            about = replace(about, durations_ms=tuple(about.durations_ms))
            numbers = (about.width_px, about.height_px, *about.durations_ms)
            fits = is_known and (
                all(type(number) is int for number in (*numbers, about.plays))
                and min(numbers) >= 1
                and max(about.durations_ms) <= _LONGEST_MS
                and about.plays >= 0
                and about.source.isalnum()
                and type(about.has_alpha) is bool
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ClipDamagedError("its description cannot be read") from error
        if not fits:
            raise ClipDamagedError("its description cannot be true")
        return about


@dataclass(frozen=True)
class Clip:
    """An open clip file; its frames are read on demand."""

    description: Description
    file: Path | bytes = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.description.width_px, self.description.height_px

    @property
    def durations_ms(self) -> tuple[int, ...]:
        """How long each frame is shown."""
        return self.description.durations_ms

    @property
    def seconds(self) -> float:
        """Duration of one play."""
        return sum(self.durations_ms) / 1000

    @property
    def plays(self) -> int:
        """Number of plays; 0: forever."""
        return self.description.plays

    @property
    def loops(self) -> bool:
        """Whether it loops, so that the first frame follows the last."""
        return self.plays != 1

    def __len__(self) -> int:
        return len(self.durations_ms)

    def frame(self, number: int) -> Image.Image:
        """One frame, counted from 0: RGB, or RGBA where the clip has alpha.

        Raises:
            ClipDamagedError: it cannot be read.
        """
        if not 0 <= number < len(self):
            raise IndexError(number)
        with _opened(self.file) as archive:
            return _frame(archive, self.description, number)

    def frames(self) -> Iterator[Image.Image]:
        """All frames, one at a time.

        Raises:
            ClipDamagedError: one cannot be read.
        """
        with _opened(self.file) as archive:
            for number in range(len(self)):
                yield _frame(archive, self.description, number)


def read_clip(file: Path | bytes, limits: ClipFileLimits | None = None) -> Clip:
    """Open a clip file; its frames are checked when they are read.

    Args:
        file: The path, or the content.
        limits: What is accepted.

    Raises:
        ClipDamagedError: it is not a clip file, or exceeds a limit.
        OSError: it cannot be read.
    """
    limits = limits or ClipFileLimits()
    with _opened(file) as archive:
        about = Description.from_json(_read(archive, _DESCRIPTION, _MAX_DESCRIPTION_BYTES))
        if len(about.durations_ms) > limits.max_frames:
            raise ClipDamagedError(f"it has more than {limits.max_frames} frames")
        if max(about.width_px, about.height_px) > limits.max_side_px:
            raise ClipDamagedError(f"it is longer than {limits.max_side_px} px")
        if about.width_px * about.height_px > limits.max_pixels:
            raise ClipDamagedError(f"its frames have more than {limits.max_pixels} pixels")
        names = {each.filename for each in archive.infolist()}
        if not names.issuperset(_name(number) for number in range(len(about.durations_ms))):
            raise ClipDamagedError("a frame is missing")
    return Clip(about, file)


def write_clip(
    file: Path | BinaryIO,
    frames: Iterable[Image.Image],
    durations_ms: Sequence[int],
    *,
    plays: int = FOR_EVER,
    source: str = "CLIP",
) -> Description:
    """Write a clip file, with at most one frame in memory.

    Args:
        file: A path, or a writable, seekable file.
        frames: RGB or RGBA, all of the first one's mode and size; one per duration.
        durations_ms: How long each is shown.
        plays: Number of plays; 0: forever.
        source: Format of the source file.

    Raises:
        ValueError: the frames are not alike, or not as many as their durations.
        OSError: the system refuses.
    """
    about: Description | None = None

    def encoded() -> Iterator[bytes]:
        nonlocal about
        for number, frame in enumerate(frames):
            if about is None:
                about = described(frame)
            if frame.size != (about.width_px, about.height_px) or frame.mode != _mode(about):
                raise ValueError(f"frame {number} is {frame.mode} of {frame.size}")
            yield encoded_png(frame)

    def described(frame: Image.Image) -> Description:
        return Description(
            width_px=frame.width,
            height_px=frame.height,
            durations_ms=tuple(durations_ms),
            plays=plays,
            source=source,
            has_alpha=frame.mode == "RGBA",
        )

    pngs = encoded()
    first = next(pngs, None)
    if about is None or first is None:
        raise ValueError("0 frames")
    write_encoded(file, about, itertools.chain([first], pngs))
    return about


def write_encoded(file: Path | BinaryIO, about: Description, pngs: Iterable[bytes]) -> None:
    """Write a clip file of frames that are PNGs already.

    Args:
        file: As `write_clip`.
        about: Describes the frames.
        pngs: The frames.

    Raises:
        ValueError: their number is not the one described.
        OSError: the file cannot be written.
    """
    count = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _put(archive, _DESCRIPTION, about.to_json())
        for count, png in enumerate(pngs, start=1):
            _put(archive, _name(count - 1), png)
    if count != len(about.durations_ms):
        raise ValueError(f"{count} frames for {len(about.durations_ms)} durations")


def _name(number: int) -> str:
    return f"{number:06d}.png"


def _mode(about: Description) -> str:
    return "RGBA" if about.has_alpha else "RGB"


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _DATE), data)


def _opened(file: Path | bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(file) if isinstance(file, bytes) else file)
    # NotImplementedError: of later ZIP versions.
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ClipDamagedError("it is not a clip file") from error


def _read(archive: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """A file of the archive, whose declared length is limited."""
    try:
        entry = archive.getinfo(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > most_bytes:
            raise ClipDamagedError(f"{name} is longer than it may be")
        return archive.read(entry)
    except KeyError:
        raise ClipDamagedError(f"{name} is missing") from None
    # The last two: unsupported ZIP features, and encryption.
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ClipDamagedError(f"{name} cannot be read") from error


def _frame(archive: zipfile.ZipFile, about: Description, number: int) -> Image.Image:
    size = about.width_px, about.height_px
    png = _read(archive, _name(number), 5 * size[0] * size[1] + _PNG_OVERHEAD_BYTES)
    try:
        image = Image.open(io.BytesIO(png), formats=("PNG",))
        if image.size != size or image.mode != _mode(about):
            raise ClipDamagedError(f"frame {number} is {image.mode} of {image.size}")
        image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ClipDamagedError(f"frame {number} cannot be read") from error
    return image
