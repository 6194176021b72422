"""One scale at work."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from engine.painting.gradient import evaluate
from engine.painting.objective import Objective
from engine.painting.optimisers import Optimiser
from engine.painting.tiles import Tiling


@dataclass(eq=False)
class Work:
    """A scale at work, and the last of its states that was known to be finite.

    Attributes:
        number: of the scale.
        optimiser: holds the picture.
        done: iterations so far.
        objective: what the picture is judged by; None while there is none.
        tiling: None for the whole picture at once.
        good_at: the iteration after which the state was known to be finite.
        good: that state, as far as it is needed to go on from.
        torn: a step was broken off in the middle, by an interruption say.
        ended: before its last iteration, as the loss sank too little.
    """

    number: int
    optimiser: Optimiser
    done: int
    objective: Objective | None = None
    tiling: Tiling | None = None
    good_at: int = 0
    good: dict[str, Tensor] = field(default_factory=dict)
    torn: bool = False
    ended: bool = False

    def __post_init__(self) -> None:
        self.remember()

    def iterate(self, number: int, progress: float, check: Callable[[], None]) -> dict[str, Tensor]:
        """One iteration: the `number`th of the painting, at this share of the scale.

        Returns:
            Its figures, on the device; see `Evaluation.figures`.
        """
        if self.objective is None:
            raise RuntimeError("the scale is not set up")
        self.objective.encoder.begin(number)
        found = evaluate(self.objective, self.optimiser.point, self.tiling, check)
        figures = found.figures()
        self.torn = True
        self.optimiser.update(found, progress)  # which spends the gradient
        self.done += 1
        self.torn = False
        return figures

    def shown(self) -> Tensor:
        """The picture so far."""
        result = self.optimiser.result()
        return result if self.objective is None else self.objective.shown(result)

    def remember(self) -> None:
        """The state is good."""
        for name, tensor in self.optimiser.essence().items():
            if name in self.good:
                self.good[name].copy_(tensor)
            else:
                self.good[name] = tensor.clone()
        self.good_at = self.done

    def go_back(self) -> None:
        """To the last state that was good."""
        self.optimiser.load(self.good)
        self.done, self.torn = self.good_at, False

    def close(self) -> None:
        """Free what the terms hold; what is shown needs it no more."""
        if self.objective is not None:
            self.objective.close()
        self.objective = None
