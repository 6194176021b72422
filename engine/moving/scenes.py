"""Scenes of a clip, and what a frame takes over from earlier frames of its scene."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from engine.moving.consistency import Correspondence, correspondence, static_weights
from engine.moving.flow import Pixels, warped

BACK = (1, 2, 4)
"""Distances to earlier frames (J of Ruder et al.), as what was hidden for a moment reappears."""
_CUT = 0.3
"""With less than this share known from the frame before, a frame begins another scene."""
_RETURN = 0.5
"""Share of a frame after a cut that must be known from an earlier scene to return to it."""
_EARLIER_SCENES = 3
_ENOUGH = 0.995
"""With this share known, frames further back are not used."""


@dataclass(frozen=True, eq=False)
class FramePair:
    """A finished frame: photograph and painting, [H, W, 3] of one size."""

    number: int
    content: Pixels
    painted: Pixels
    faces: Pixels | None = None
    """Mask [H, W] of the photograph's faces in 0..1; None for no faces."""


@dataclass(frozen=True, eq=False)
class Prior:
    """What a frame starts from: earlier frames, warped to it."""

    painted: Pixels
    """[H, W, 3]: the earlier painting, warped to this frame."""
    weights: Pixels
    """[H, W] in 0..1: how reliable it is."""
    still: Pixels
    """[H, W] in 0..1: 1 where nothing has changed since it was painted."""
    faces: Pixels | None = None
    """The last frame's mask of faces, warped to this one."""

    @property
    def all_still(self) -> bool:
        """Whether the frame equals the one before it."""
        return bool((self.still == 1).all())


@dataclass(eq=False)
class Scene:
    """Frames without a cut between them."""

    first: FramePair
    """Its first frame."""
    reference: Pixels
    """Each pixel of the photograph as it was when last painted, so that slow changes add up until
    they are noticed.
    """
    newest: deque[FramePair] = field(default_factory=lambda: deque(maxlen=max(BACK)))

    @classmethod
    def starting_with(cls, first: FramePair) -> "Scene":
        """A scene that begins with this frame."""
        scene = cls(first, first.content.copy())
        scene.newest.append(first)
        return scene

    def prior_of(self, content: Pixels, check: Callable[[], None]) -> Prior | None:
        """The prior of the next frame; None if that belongs to another scene.

        `check` is called before each optical flow; it may raise to stop.
        """
        check()
        last = self.newest[-1]
        still = static_weights(self.reference, content)
        if (still == 1).all():
            return Prior(last.painted, still, still, last.faces)
        known = correspondence(last.content, content)
        if is_cut(known):
            return None
        painted = _warp_last(last, known, still)
        weights = np.maximum(still, known.weights)
        for back in BACK[1:]:
            if weights.mean() > _ENOUGH or back > len(self.newest):
                break
            check()
            earlier = self.newest[-back]
            more = correspondence(earlier.content, content)
            # Eq. 10 of Ruder et al.: nearer frames have precedence.
            added = np.maximum(more.weights - weights, 0)
            total = np.maximum(weights + added, np.finfo(np.float32).tiny)
            share = (added / total)[..., None]
            painted += share * (warped(earlier.painted, more.flow, sharp=True) - painted)
            weights += added
        faces = None if last.faces is None else warped(last.faces, known.flow)
        return Prior(painted, weights, still, faces)

    def add(self, pair: FramePair, prior: Prior) -> None:
        """Add its next finished frame."""
        self.reference = np.where(prior.still[..., None] == 1, self.reference, pair.content)
        self.newest.append(pair)


@dataclass(eq=False)
class Scenes:
    """All scenes so far, with cuts and returns to an earlier scene."""

    check: Callable[[], None] = lambda: None
    """Called before each optical flow; it may raise to stop."""
    current: Scene | None = None
    earlier: deque[Scene] = field(default_factory=lambda: deque(maxlen=_EARLIER_SCENES))

    @property
    def is_first(self) -> bool:
        """Whether the present scene is the clip's first."""
        return self.current is not None and self.current.first.number == 0

    def prior_of(self, content: Pixels) -> Prior | None:
        """The prior of the next frame; None if it is to be painted like a single picture."""
        if self.current is None:
            return None
        if (prior := self.current.prior_of(content, self.check)) is not None:
            return prior
        self.earlier.append(self.current)
        self.current = self._returned_to(content)
        if self.current is None:
            return None
        self.earlier.remove(self.current)
        return self.current.prior_of(content, self.check)

    def add(self, pair: FramePair, prior: Prior | None) -> None:
        """Add the next finished frame."""
        if self.current is None or prior is None:
            self.current = Scene.starting_with(pair)
        else:
            self.current.add(pair, prior)

    def _returned_to(self, content: Pixels) -> Scene | None:
        """The newest earlier scene, but the one before the cut, that the next frame is of."""
        for scene in list(self.earlier)[-2::-1]:
            self.check()
            if correspondence(scene.newest[-1].content, content).share >= _RETURN:
                return scene
        return None


def is_cut(known: Correspondence) -> bool:
    """Whether a frame with this correspondence with the one before begins another scene."""
    return known.share < _CUT


def _warp_last(last: FramePair, known: Correspondence, still: Pixels) -> Pixels:
    """The last painting warped to the next frame; static pixels are equal bit by bit."""
    there = warped(last.painted, known.flow, sharp=True)
    return np.where(still[..., None] > 0, last.painted, there)
