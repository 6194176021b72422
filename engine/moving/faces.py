"""Where the faces of a clip are, and whether a scene has any."""

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.moving.consistency import known_from
from engine.moving.flow import Pixels
from engine.moving.scenes import is_cut
from engine.painting.faces import Face

EVERY = 12
"""Frames after which faces are looked for again, as somebody may have come.

To look in each frame takes as long as to paint one, and finds them in some only.
"""


@dataclass(eq=False)
class ClipFaces:
    """The faces of a clip. All is found in its photographs, so that every run finds the same."""

    count: int
    """Number of frames."""
    find: Callable[[int], tuple[Face, ...]]
    """Looks for faces in a frame."""
    content: Callable[[int], Pixels]
    """Gives the photograph of a frame, [H, W, 3]."""
    _looked: dict[int, tuple[Face, ...]] = field(default_factory=dict)
    _scenes: dict[int, bool] = field(default_factory=dict)

    def of(self, number: int) -> tuple[Face, ...]:
        """Those of a frame, which is looked at once."""
        if number not in self._looked:
            self._looked[number] = self.find(number)
        return self._looked[number]

    def in_scene(self, begins: int) -> bool:
        """Whether there are any in the scene that begins with a frame, up to the next cut.

        They are looked for in that frame and in each `EVERY`th, where they are looked for anyway.
        """
        if begins not in self._scenes:
            self._scenes[begins] = bool(self.of(begins)) or self._come_later(begins)
        return self._scenes[begins]

    def _come_later(self, begins: int) -> bool:
        at = begins
        for number in range(begins - begins % EVERY + EVERY, self.count, EVERY):
            if not self.of(number):
                continue
            # Only now does it matter how long the scene is.
            while at < number:
                at += 1
                if is_cut(known_from(self.content(at - 1), self.content(at))):
                    return False
            return True
        return False
