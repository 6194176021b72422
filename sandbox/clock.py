"""The sandbox's time: real time plus a shift, and the snowflakes made from it."""

import itertools
import time

DISCORD_EPOCH_MS = 1_420_070_400_000


class MovableClock:
    """Wall-clock time that tests can move, so that minute 16 needs no waiting."""

    def __init__(self) -> None:
        self.shift_seconds = 0.0

    def now(self) -> float:
        """Seconds since the Unix epoch, as the sandbox sees them."""
        return time.time() + self.shift_seconds


class Snowflakes:
    """Unique ids that carry their time of birth, as Discord's do.

    https://docs.discord.com/developers/reference#snowflakes
    """

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self._increment = itertools.count()

    def next(self, *, age_seconds: float = 0.0) -> int:
        """A new id; with an age, one that claims to have been made that long ago."""
        milliseconds = int((self._clock.now() - age_seconds) * 1000) - DISCORD_EPOCH_MS
        return (milliseconds << 22) | (next(self._increment) & 0x3FFFFF)
