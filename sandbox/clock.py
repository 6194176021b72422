"""The sandbox's clock, which can be shifted, and the snowflakes made from it."""

import itertools
import time

DISCORD_EPOCH_MS = 1_420_070_400_000


class MovableClock:
    """A clock that tests can shift, so that they need not wait for minute 16."""

    def __init__(self) -> None:
        self.shift_seconds = 0.0

    def now(self) -> float:
        """The sandbox's time in seconds since the epoch."""
        return time.time() + self.shift_seconds


class Snowflakes:
    """Unique IDs with a timestamp, as Discord's are.

    https://docs.discord.com/developers/reference#snowflakes
    """

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self._increment = itertools.count()

    def next(self, *, age_seconds: float = 0.0) -> int:
        """A new ID; with an age, one with a timestamp in the past."""
        milliseconds = int((self._clock.now() - age_seconds) * 1000) - DISCORD_EPOCH_MS
        return (milliseconds << 22) | (next(self._increment) & 0x3FFFFF)
