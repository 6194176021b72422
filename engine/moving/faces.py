"""Faces of a clip, and whether a scene has any."""

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.moving.consistency import correspondence
from engine.moving.flow import Pixels
from engine.moving.scenes import is_cut
from engine.painting.faces import Face

EVERY = 12
"""Frames between two detections. Detecting in each frame would take as long as painting it."""


@dataclass(eq=False)
class ClipFaces:
    """The faces of a clip, from its photographs alone, so that every run finds the same."""

    count: int
    """Number of frames."""
    find: Callable[[int], tuple[Face, ...]]
    """Detects the faces of a frame."""
    content: Callable[[int], Pixels]
    """Gives the photograph of a frame, [H, W, 3]."""
    _detected: dict[int, tuple[Face, ...]] = field(default_factory=dict)
    _scenes: dict[int, bool] = field(default_factory=dict)

    def of(self, number: int) -> tuple[Face, ...]:
        """Faces of a frame, cached."""
        if number not in self._detected:
            self._detected[number] = self.find(number)
        return self._detected[number]

    def in_scene(self, begins: int) -> bool:
        """Whether the scene that begins with a frame has any, up to the next cut.

        Checks that frame and each `EVERY`th of the clip, where faces are detected anyway.
        """
        if begins not in self._scenes:
            self._scenes[begins] = bool(self.of(begins)) or self._appear_later(begins)
        return self._scenes[begins]

    def _appear_later(self, begins: int) -> bool:
        at = begins
        for number in range(begins - begins % EVERY + EVERY, self.count, EVERY):
            if not self.of(number):
                continue
            # Only now does it matter how long the scene is.
            while at < number:
                at += 1
                if is_cut(correspondence(self.content(at - 1), self.content(at))):
                    return False
            return True
        return False
