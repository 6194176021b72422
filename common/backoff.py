"""Exponential backoff with jitter."""

import random
from dataclasses import dataclass

ASKED_SPREAD_SECONDS = 0.5
SHARE_BY_CHANCE = 0.25


@dataclass(frozen=True)
class Backoff:
    """Pauses that grow by a factor, up to a maximum.

    Up to a quarter of each is random (jitter), so that clients that failed together do not return
    together.
    """

    first_seconds: float
    longest_seconds: float
    factor: float = 2.0

    def seconds(self, failures: int, asked_seconds: float | None = None) -> float:
        """The pause before the next attempt, in seconds.

        Args:
            failures: Attempts that failed before the last one; 0 after the first.
            asked_seconds: The pause that the other side asked for, if any.
        """
        if asked_seconds is not None:
            most = min(ASKED_SPREAD_SECONDS, SHARE_BY_CHANCE * asked_seconds)
            return asked_seconds + random.uniform(0.0, most)  # noqa: S311 - keeps no secret
        growing = self.first_seconds * self.factor ** min(failures, 32)
        least = 1.0 - SHARE_BY_CHANCE
        return min(self.longest_seconds, growing) * random.uniform(least, 1.0)  # noqa: S311 - keeps no secret
