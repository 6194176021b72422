"""What the delivery remembers of one job's message while this process runs."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from discord.utils import utcnow

from bot.delivery.presentations import Doubts
from bot.delivery.routes import SentMessage
from bot.ui.words import is_soon
from bot.wire.faults import BACKOFF
from bot.wire.in_flight import InFlight
from jobs.model import Standing

STALE_SECONDS = 2.0  # how long a finished picture waits for an edit with an older state
ANSWER_SECONDS = 10.0  # the same, once that edit was sent and may be carried out at any moment
AHEAD_SECONDS = 3.0  # before its time passes, a message is to say that it is any moment now
SETTLE_SECONDS = (2.0, 8.0, 30.0)  # when to look after an edit that may come too late


@dataclass
class TrackedMessage:
    """What is known of one message."""

    answers: int
    """The interaction that it answers."""
    task: asyncio.Task[None] | None = None
    """The edit that is being made, if one is."""
    requests: InFlight = field(default_factory=InFlight)
    """Its requests to Discord."""
    started_at: float = 0.0
    is_final: bool = False
    """Whether it brings the end of the job."""
    edited_at: float = float("-inf")
    not_before: float = float("-inf")
    failures: int = 0
    doubts: Doubts = field(default_factory=Doubts)
    """About what failed so far."""
    failing_end: bool = False
    """Whether the failures were at bringing the end."""
    is_gone: bool = False
    """Nobody sees the message any more; only the end is worth a try."""
    standing: Standing | None = None
    standing_is_old: bool = False
    time_passes_at: datetime | None = None
    """When the time that it says will have passed; None where it says none."""
    unsettled: bool = False
    """Whether an edit with an older state may still be carried out."""
    end: SentMessage | None = None
    """The end as it was shown, while it is watched whether it stays."""
    end_revision: int = 0
    """Which revision of the job that end is."""
    looks: int = 0
    """How often that was looked after."""

    def shows(self, standing: Standing | None, passes_at: datetime | None) -> None:
        """Note what was said of the place, and the time that was said, of `passing_time`."""
        self.standing, self.standing_is_old = standing, False
        self.time_passes_at = passes_at

    @property
    def time_passes(self) -> bool:
        """Whether it says a time that is over, or will be before it is looked at again."""
        soon = utcnow() + timedelta(seconds=AHEAD_SECONDS)
        return self.time_passes_at is not None and self.time_passes_at <= soon

    def make_way(self, now: float) -> None:
        """Give an edit with an older state up that holds up the end for too long."""
        assert self.task is not None
        patience = ANSWER_SECONDS if self.requests.in_air else STALE_SECONDS
        if not self.is_final and now - self.started_at > patience:
            self.task.cancel()

    def wait(self, now: float, asked_seconds: float | None = None) -> None:
        """Put the next try off, for longer the more have failed."""
        self.not_before = now + BACKOFF.seconds(self.failures, asked_seconds)
        self.failures += 1

    def task_ended(self) -> None:
        """Note that the edit is made or given up."""
        self.task = None
        self.unsettled |= self.requests.is_lost and not self.is_final

    def watch(self, shown: SentMessage, revision: int, now: float) -> bool:
        """Begin or go on to watch the end; False once it may be taken for granted.

        Args:
            shown: The message.
            revision: Of the job, as it is shown.
            now: The loop's time.
        """
        if not self.unsettled or shown.how == "dm" or self.looks >= len(SETTLE_SECONDS):
            return False
        self.end, self.end_revision = shown, revision
        self.not_before = now + SETTLE_SECONDS[self.looks]
        self.looks += 1
        return True


def differs(shown: Standing | None, now: Standing) -> bool:
    """Whether a message should say the new place or time; seconds are not worth an edit."""
    if shown is None or _said_of(shown) != _said_of(now):
        return True
    return _far_apart(shown.ready_at, now.ready_at)


def _said_of(standing: Standing) -> tuple[object, ...]:
    alive = standing.engines_alive > 0
    return standing.place, standing.paused, alive, standing.engine_starting


def _far_apart(shown: datetime | None, now: datetime | None) -> bool:
    if shown is None or now is None:
        return shown is not now
    left = (now - datetime.now(now.tzinfo)).total_seconds()
    return abs((now - shown).total_seconds()) > max(20.0, 0.25 * left)


def passing_time(standing: Standing | None) -> datetime | None:
    """The time that a message says if it is made now; None where it says none.

    To be asked before the message is sent: that may take until the time has passed.
    """
    ready_at = None if standing is None else standing.ready_at
    return None if ready_at is None or is_soon(ready_at) else ready_at
