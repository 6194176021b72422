"""What the encoding process answers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Encoded:
    """A picture as it can be uploaded."""

    data: bytes
    suffix: str
    quality: int | None  # None: without loss
    width_px: int
    height_px: int
    is_smaller: bool = False  # whether it has fewer pixels than the original
