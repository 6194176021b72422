"""What the encoding process answers."""

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
    """A picture as it can be uploaded."""

    data: bytes
    suffix: str
    quality: int
    width_px: int
    height_px: int
    is_smaller: bool = False  # whether it has fewer pixels than the original


def checked(answer: Mapping[str, Any], files: Sequence[bytes]) -> Encoded:
    """What the process answered, which has read pictures that were a stranger's once.

    Raises:
        ChildError: it is no answer of an encoder.
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
