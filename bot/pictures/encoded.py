"""What the encoding process returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from common.child import ChildError

_STARTS: Final = {
    ".jpg": (0, b"\xff\xd8\xff"),
    ".webp": (8, b"WEBP"),
    ".mp4": (4, b"ftyp"),
}


@dataclass(frozen=True)
class Encoded:
    """A picture ready for upload."""

    data: bytes
    suffix: str
    quality: int
    width_px: int
    height_px: int
    is_smaller: bool = False  # whether it was scaled down


def checked(answer: Mapping[str, Any], files: Sequence[bytes]) -> Encoded:
    """Validate an answer of the encoding process, which has read files that came from strangers.

    Raises:
        ChildError: It is not an encoder's answer.
    """
    try:
        made = Encoded(**{**answer, "data": files[0]})
        at, start = _STARTS[made.suffix]
    except (KeyError, TypeError, IndexError) as error:
        raise ChildError("that is no answer of an encoder") from error
    numbers = (made.width_px, made.height_px, made.quality)
    is_one = all(isinstance(each, int) for each in numbers) and min(numbers) >= 0
    if not (is_one and made.data[at : at + len(start)] == start):
        raise ChildError("that is no picture of an encoder")
    return made
