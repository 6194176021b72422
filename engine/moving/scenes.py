"""What a frame takes over from those before it: a scene of a moving picture, frame by frame."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from engine.moving.consistency import Known, known_from, standing
from engine.moving.flow import Pixels, warped

BACK = (1, 2, 4)
"""How many frames back is looked (J of Ruder et al.): what was hidden for a moment comes back."""
_CUT = 0.3
"""Less than this share of a frame is known by chance: it begins another scene."""
_RETURN = 0.5
"""What must be known of a frame after a cut to go on with an earlier scene."""
_EARLIER_SCENES = 3
_ENOUGH = 0.995
"""Of which no more needs to be looked for further back."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A frame that is done: the photograph and the painting, [H, W, 3] of one size."""

    number: int
    content: Pixels
    painted: Pixels
    faces: Pixels | None = None
    """[H, W] in 0..1: where the photograph's faces are; None for nowhere."""


@dataclass(frozen=True, eq=False)
class Past:
    """What a frame begins from."""

    painted: Pixels
    """[H, W, 3]: what was painted before, where it is in this frame."""
    weights: Pixels
    """[H, W] in 0..1: how far that is known."""
    still: Pixels
    """[H, W] in 0..1: where nothing has changed since it was painted."""
    faces: Pixels | None = None
    """[H, W] in 0..1: where the last frame's faces are in this one."""

    @property
    def all_still(self) -> bool:
        """Whether the frame is the one before it."""
        return bool((self.still == 1).all())


@dataclass(eq=False)
class Scene:
    """Frames without a cut between them."""

    first: Shown
    """The one that it began with."""
    reference: Pixels
    """Each pixel of the photograph as it was when it was last painted, so that slow changes add up
    until they are seen.
    """
    newest: deque[Shown] = field(default_factory=lambda: deque(maxlen=max(BACK)))

    @classmethod
    def begun(cls, first: Shown) -> "Scene":
        """With its first frame."""
        scene = cls(first, first.content.copy())
        scene.newest.append(first)
        return scene

    def past_of(self, content: Pixels, check: Callable[[], None]) -> Past | None:
        """What its frames show of the next one; None if that is another scene.

        `check` is called before each flow that is looked for; it may raise to stop.
        """
        check()
        last = self.newest[-1]
        still = standing(self.reference, content)
        if (still == 1).all():
            return Past(last.painted, still, still, last.faces)
        known = known_from(last.content, content)
        if is_cut(known):
            return None
        painted = _moved(last, known, still)
        weights = np.maximum(still, known.weights)
        for back in BACK[1:]:
            if weights.mean() > _ENOUGH or back > len(self.newest):
                break
            check()
            earlier = self.newest[-back]
            more = known_from(earlier.content, content)
            # Their eq. 10: nearer frames come first.
            added = np.maximum(more.weights - weights, 0)
            total = np.maximum(weights + added, np.finfo(np.float32).tiny)
            share = (added / total)[..., None]
            painted += share * (warped(earlier.painted, more.flow, sharp=True) - painted)
            weights += added
        faces = None if last.faces is None else warped(last.faces, known.flow)
        return Past(painted, weights, still, faces)

    def add(self, shown: Shown, past: Past) -> None:
        """Its next frame is done."""
        self.reference = np.where(past.still[..., None] == 1, self.reference, shown.content)
        self.newest.append(shown)


@dataclass(eq=False)
class Scenes:
    """All scenes so far: where the picture cuts, and cuts back."""

    check: Callable[[], None] = lambda: None
    """Called before each flow that is looked for; it may raise to stop."""
    now: Scene | None = None
    earlier: deque[Scene] = field(default_factory=lambda: deque(maxlen=_EARLIER_SCENES))

    @property
    def is_first(self) -> bool:
        """Whether the scene of now is that which the whole begins with."""
        return self.now is not None and self.now.first.number == 0

    def past_of(self, content: Pixels) -> Past | None:
        """What is known of the next frame; None if it is to be painted like a picture alone."""
        if self.now is None:
            return None
        if (past := self.now.past_of(content, self.check)) is not None:
            return past
        before, self.now = self.now, None
        self.earlier.append(before)
        for scene in self._returned_to(content):
            self.earlier.remove(scene)
            self.now = scene
            return scene.past_of(content, self.check)
        return None

    def add(self, shown: Shown, past: Past | None) -> None:
        """The next frame is done."""
        if self.now is None or past is None:
            self.now = Scene.begun(shown)
        else:
            self.now.add(shown, past)

    def _returned_to(self, content: Pixels) -> Iterator[Scene]:
        for scene in list(self.earlier)[-2::-1]:
            self.check()
            if known_from(scene.newest[-1].content, content).share >= _RETURN:
                yield scene


def is_cut(known: Known) -> bool:
    """Whether a frame of which this is known from the one before begins another scene."""
    return known.share < _CUT


def _moved(last: Shown, known: Known, still: Pixels) -> Pixels:
    """The last painting in the view of the next frame; what stands is the same bit by bit."""
    there = warped(last.painted, known.flow, sharp=True)
    return np.where(still[..., None] > 0, last.painted, there)
