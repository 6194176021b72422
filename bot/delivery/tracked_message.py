"""What the delivery loop remembers of one job's message while this process runs."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from discord.utils import utcnow

from bot.delivery.presentations import FailureCounts
from bot.delivery.routes import SentMessage
from bot.ui.words import is_soon
from bot.wire.faults import BACKOFF
from bot.wire.in_flight import InFlight
from jobs.model import QueuePosition

STALE_SECONDS = 2.0  # how long a final state waits for an edit with an older state
ANSWER_SECONDS = 10.0  # the same, once that edit was sent and may be carried out at any moment
AHEAD_SECONDS = 3.0  # a message is to say "any moment now" this long before its time passes
SETTLE_SECONDS = (2.0, 8.0, 30.0)  # when to check for an older edit that arrives late


@dataclass
class TrackedMessage:
    """The state of one message."""

    interaction_id: int
    """The ID of the interaction that it responds to."""
    task: asyncio.Task[None] | None = None
    """The delivery in progress."""
    requests: InFlight = field(default_factory=InFlight)
    """The requests of that delivery."""
    started_at: float = 0.0
    is_final: bool = False
    """Whether that delivery shows the final state."""
    is_painting: bool = False
    """Whether its job was being painted when that was last looked at."""
    edited_at: float = float("-inf")
    not_before: float = float("-inf")
    failures: int = 0
    failure_counts: FailureCounts = field(default_factory=FailureCounts)
    """Counts failures that are given up if they persist."""
    final_failed: bool = False
    """Whether the failures were of the final state."""
    is_gone: bool = False
    """The message was deleted; only the final state is still worth a try."""
    position: QueuePosition | None = None
    position_is_old: bool = False
    time_passes_at: datetime | None = None
    """When the time that it says will have passed; None if it says none."""
    unsettled: bool = False
    """Whether an edit with an older state may still be carried out."""
    final: SentMessage | None = None
    """The final state as it was shown, while we check that it is not overwritten."""
    final_revision: int = 0
    """The job's revision in that final state."""
    overwrite_checks: int = 0
    """How often that was checked."""

    def note_shown(self, position: QueuePosition | None, passes_at: datetime | None) -> None:
        """Note the place and time that the message says now; `passes_at` is from `passing_time`."""
        self.position, self.position_is_old = position, False
        self.time_passes_at = passes_at

    @property
    def time_passes(self) -> bool:
        """Whether it says a time that has passed, or will have before the next check."""
        soon = utcnow() + timedelta(seconds=AHEAD_SECONDS)
        return self.time_passes_at is not None and self.time_passes_at <= soon

    def cancel_stale_edit(self, now: float) -> None:
        """Cancel an edit with an older state that delays the final state for too long."""
        assert self.task is not None
        patience = ANSWER_SECONDS if self.requests.in_air else STALE_SECONDS
        if not self.is_final and now - self.started_at > patience:
            self.task.cancel()

    def wait(self, now: float, asked_seconds: float | None = None) -> None:
        """Postpone the next try, with backoff."""
        self.not_before = now + BACKOFF.seconds(self.failures, asked_seconds)
        self.failures += 1

    def task_ended(self) -> None:
        """Note that the delivery has ended."""
        self.task = None
        self.unsettled |= self.requests.is_lost and not self.is_final

    def watch(self, shown: SentMessage, revision: int, now: float) -> bool:
        """Keep checking that the final state stays; False if nothing could overwrite it now.

        Args:
            shown: The message.
            revision: The job's revision that it shows.
            now: The event loop's time.
        """
        if not self.unsettled or shown.how == "dm" or self.overwrite_checks >= len(SETTLE_SECONDS):
            return False
        self.final, self.final_revision = shown, revision
        self.not_before = now + SETTLE_SECONDS[self.overwrite_checks]
        self.overwrite_checks += 1
        return True


def differs(shown: QueuePosition | None, now: QueuePosition) -> bool:
    """Whether a message needs an edit for a new place or time; a few seconds do not count."""
    if shown is None or _said_of(shown) != _said_of(now):
        return True
    return _far_apart(shown.ready_at, now.ready_at)


def _said_of(position: QueuePosition) -> tuple[object, ...]:
    alive = position.engines_alive > 0
    return position.place, position.paused, alive, position.engine_starting


def _far_apart(shown: datetime | None, now: datetime | None) -> bool:
    if shown is None or now is None:
        return shown is not now
    left = (now - datetime.now(now.tzinfo)).total_seconds()
    return abs((now - shown).total_seconds()) > max(20.0, 0.25 * left)


def passing_time(position: QueuePosition | None) -> datetime | None:
    """The time that a message would say if it were made now; None if it would say none.

    Call this before sending the message: that may take until the time has passed.
    """
    ready_at = None if position is None else position.ready_at
    return None if ready_at is None or is_soon(ready_at) else ready_at
